#include "cli/serve/config_commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/serve/setting_flags.hpp"
#include "cli/standard_output.hpp"
#include "config/setting_table.hpp"
#include "config/setting_value.hpp"
#include "config/settings_schema.hpp"

namespace gatherd::cli {

namespace {

/// The value as a file holds it. What the environment of a pool is set to may be secret: null stands for it, for which
/// the daemon wants its own environment to have the variable, so that nobody starts it without the secret.
nlohmann::ordered_json shown_json(const config::setting& which, const config::settings& values, bool with_secrets) {
    auto shown = config::value_json(which, values);
    if (which.name == "pools" && !with_secrets) {
        for (auto& pool : shown) {
            if (pool.contains("env")) {
                for (auto& variable : pool["env"]) {
                    variable = nullptr;
                }
            }
        }
    }
    return shown;
}

std::string shown_text(const config::setting& which, const config::settings& values, bool with_secrets) {
    using handler = nlohmann::ordered_json::error_handler_t;
    return which.name == "pools" ? shown_json(which, values, with_secrets).dump(-1, ' ', false, handler::replace)
                                 : config::value_text(which, values);
}

bool has_hidden_values(const config::settings& values) {
    return std::ranges::any_of(values.pools, [](const config::pool& each) {
        return std::ranges::any_of(each.env, [](const auto& variable) { return variable.second.has_value(); });
    });
}

/// One line a setting: name = value and where it came from, in columns.
std::string settings_page(const config::load_outcome& loaded, bool with_secrets) {
    std::size_t name_width = 0;
    std::size_t value_width = 0;
    for (const auto& each : config::setting_table()) {
        name_width = std::max(name_width, each.name.size());
        value_width = std::max(value_width, shown_text(each, loaded.values, with_secrets).size());
    }
    std::string page;
    for (const auto& each : config::setting_table()) {
        std::string name{each.name};
        auto text = shown_text(each, loaded.values, with_secrets);
        name.resize(name_width, ' ');
        text.resize(value_width, ' ');
        page += name + " = " + text + "  # " + loaded.origins.find(each.name)->second + "\n";
    }
    return page;
}

/// As a file that --config takes.
std::string settings_json(const config::settings& values, bool with_secrets) {
    auto file = nlohmann::ordered_json::object();
    for (const auto& each : config::setting_table()) {
        std::string pointer = "/" + std::string{each.name};
        std::ranges::replace(pointer, '.', '/');
        file[nlohmann::ordered_json::json_pointer{pointer}] = shown_json(each, values, with_secrets);
    }
    return file.dump(2) + "\n";
}

int check(const std::string& path, const start_check& check_start) {
    const bool is_standard_input = path == "-";
    const auto loaded = config::load({.file = is_standard_input ? "/dev/stdin" : path});
    const auto found = loaded.faults.empty() ? check_start(loaded.values) : start_findings{loaded.faults, {}};
    std::string all;
    for (const auto& each : found.faults) {
        all += (all.empty() ? "" : "\n") + each;
    }
    if (!all.empty()) {
        throw usage_error{all};
    }
    for (const auto& each : found.warnings) {
        say("warning: " + each);
    }
    return write_out((is_standard_input ? "standard input" : path) + ": fine\n");
}

void add_print(CLI::App& config, command& chosen) {
    auto* const app = config.add_subcommand("print", "show every setting's effective value and where it comes from");
    const auto flags = std::make_shared<setting_flags>();
    const auto as_json = std::make_shared<bool>(false);
    app->add_flag("--json", *as_json, "print a JSON file that --config takes");
    const auto with_secrets = std::make_shared<bool>(false);
    app->add_flag("--with-secrets", *with_secrets,
                  "show the environments of pools, too; else null stands for each value there");
    flags->add_to(*app);
    app->footer(R"(A token is never shown, only its SHA-256 or the name of its file.

Examples:
  gatherd config print
  gatherd config print --config /etc/gatherd.json --threads 2
  gatherd config print --json > gatherd.json)");
    app->callback([=, &chosen] {
        chosen = [=] {
            const auto loaded = flags->load();
            if (!*with_secrets && has_hidden_values(loaded.values)) {
                say("null stands for each value in the environment of a pool; --with-secrets shows it. A daemon that "
                    "is started with null takes "
                    "the variable from its own environment, where it has to be");
            }
            return write_out(*as_json ? settings_json(loaded.values, *with_secrets)
                                      : settings_page(loaded, *with_secrets));
        };
    });
}

}  // namespace

void add_config_commands(CLI::App& root, command& chosen, const start_check& check_start) {
    auto* const config = root.add_subcommand("config", "show settings, and what they may be");
    config->require_subcommand(1);
    config->footer(R"(Examples:
  gatherd config print
  gatherd check-config /etc/gatherd.json)");
    add_print(*config, chosen);
    auto* const schema = config->add_subcommand("schema", "print a JSON Schema of the file of settings, for editors");
    schema->footer("Example:\n  gatherd config schema > gatherd.schema.json");
    schema->callback([&chosen] { chosen = [] { return write_out(config::settings_schema().dump(2) + "\n"); }; });

    auto* const app = root.add_subcommand("check-config", "check a file of settings and say all that is wrong with it");
    const auto path = std::make_shared<std::string>();
    app->add_option("FILE", *path, "JSON file of settings; -: standard input")->required()->type_name("");
    app->footer(
        R"(Looks at the file alone, not at the environment, and at what it names: certificates, hosts, folders, owners. Whether an
address is taken is not looked at.
Exit status: 0 it is fine, 2 it is not.

Example:
  gatherd check-config /etc/gatherd.json
  gatherd config print --json | gatherd check-config -)");
    app->callback([=, &chosen] { chosen = [=] { return check(*path, check_start); }; });
}

}  // namespace gatherd::cli
