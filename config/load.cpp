#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "config/nearest_name.hpp"
#include "config/setting_table.hpp"
#include "config/setting_value.hpp"
#include "config/settings_text.hpp"

namespace gatherd::config {

namespace {

constexpr std::string_view config_variable = "GATHERD_CONFIG";
constexpr std::string_view token_variable = "GATHERD_CONNECT_TOKEN";  // which there is not
// The client's, not settings of the daemon.
constexpr std::array<std::string_view, 5> connect_variables{"GATHERD_CONNECT", "GATHERD_CONNECT_TOKEN_FILE",
                                                            "GATHERD_CONNECT_TLS_CA", "GATHERD_CONNECT_TLS_CERTIFICATE",
                                                            "GATHERD_CONNECT_TLS_KEY"};

/// " did you mean X?" or nothing.
std::string hint(std::string_view name, const std::vector<std::string>& candidates) {
    const auto nearest = nearest_name(name, candidates);
    return nearest.empty() ? std::string{} : "; did you mean " + std::string{nearest} + "?";
}

std::vector<std::string> names_and_groups() {
    std::vector<std::string> names;
    for (const auto& each : setting_table()) {
        names.emplace_back(each.name);
        const auto group = each.name.substr(0, each.name.find('.'));
        if (group != each.name && (names.size() < 2 || names[names.size() - 2] != group)) {
            names.emplace_back(group);
        }
    }
    return names;
}

/// Settings that are in no group: one of them may have had the group's name once.
std::vector<std::string> outside_groups() {
    std::vector<std::string> names;
    for (const auto& each : setting_table()) {
        if (each.name.find('.') == std::string_view::npos) {
            names.emplace_back(each.name);
        }
    }
    return names;
}

/// Puts sources together, collecting faults as it goes.
class loader {
public:
    loader() {
        for (const auto& each : setting_table()) {
            outcome_.origins.emplace(each.name, "default");
        }
    }

    void read_file(const std::string& path) {
        // Enough for any settings; it stops a path such as /dev/zero.
        constexpr std::size_t most = 65'536;
        if (std::error_code ignored; std::filesystem::is_fifo(path, ignored) && !path.starts_with("/dev/")) {
            fault(path, "is a pipe, which cannot be read again at SIGHUP: a file is needed");
            return;
        }
        errno = 0;  // the streams tell no reason of their own
        std::ifstream file{path, std::ios::binary};
        std::string text(most + 1, '\0');
        if (!file || (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof())) {
            fault(path, std::string{"cannot be read: "} + std::strerror(errno == 0 ? EIO : errno));
            return;
        }
        text.resize(static_cast<std::size_t>(file.gcount()));
        if (text.size() > most) {
            fault(path, "is larger than 64KiB: not a file of settings");
            return;
        }
        take_content(path, read_settings_text(text));
    }

    void take_variable(const std::string& name, const std::string& text) {
        if (!name.starts_with("GATHERD_") || text.empty() || name == config_variable ||
            std::ranges::count(connect_variables, name) > 0 || set_by_engine(name, text)) {
            return;
        }
        if (name == token_variable) {
            fault(name,
                  "a token is in no variable, where other processes could read it: GATHERD_CONNECT_TOKEN_FILE names "
                  "its file");
            return;
        }
        std::vector<std::string> names{connect_variables.begin(), connect_variables.end()};
        names.emplace_back(config_variable);
        for (const auto& each : setting_table()) {
            names.push_back(each.variable());
            if (names.back() == name) {
                take(name, assign_text(each, text, outcome_.values), each, name);
                return;
            }
        }
        fault(name, "unknown variable" + hint(name, names));
    }

    void take_flag(const flag_value& flag) {
        if (flag.name == "pool") {
            take_pool(flag.text);
            return;
        }
        if (flag.name == "plugin") {
            take_plugin(flag.text);
            return;
        }
        if (const auto* const which = find_setting(flag.name)) {
            take(which->flag(), assign_text(*which, flag.text, outcome_.values), *which, which->flag());
        } else {
            fault("--" + flag.name, "unknown setting" + hint(flag.name, names_and_groups()));
        }
    }

    void take_pool(const std::string& command) {
        auto made = pool_of_command(command, outcome_.values.pools);
        if (const auto* const wrong = std::get_if<std::string>(&made)) {
            fault("--pool", *wrong);
            return;
        }
        outcome_.values.pools.push_back(std::get<pool>(std::move(made)));
        outcome_.origins.insert_or_assign("pools", "--pool");
    }

    void take_plugin(const std::string& file) {
        if (file.empty()) {
            fault("--plugin", "the name of a shared library is expected");
            return;
        }
        outcome_.values.plugins.push_back(file);
        outcome_.origins.insert_or_assign("plugins", "--plugin");
    }

    load_outcome finish() { return std::move(outcome_); }

private:
    /// Kubernetes, and Docker's links, describe a service named gatherd in variables of these names.
    static bool set_by_engine(std::string_view name, std::string_view text) {
        constexpr std::string_view port = "GATHERD_PORT";
        const bool address = text.find("://") != std::string_view::npos;
        const bool numbered = name.starts_with("GATHERD_PORT_") && name.size() > port.size() + 1 &&
                              name[port.size() + 1] >= '0' && name[port.size() + 1] <= '9';
        return name.starts_with("GATHERD_SERVICE_") || numbered || (name == port && address);
    }

    void take_content(const std::string& path, const file_content& content) {
        std::map<std::string_view, std::size_t> lines;  // of the names seen
        for (const auto& entry : content.entries) {
            const auto place = path + ":" + std::to_string(entry.place.line);
            const auto exact = place + ":" + std::to_string(entry.place.column);
            const auto [seen, first] = lines.emplace(entry.name, entry.place.line);
            if (entry.name == "$schema") {
                continue;  // for the editor
            }
            if (!first) {
                fault(exact, entry.name + " was given already, on line " + std::to_string(seen->second));
            } else if (const auto* const which = find_setting(entry.name)) {
                take(exact + ": " + entry.name, assign_json(*which, entry.value, outcome_.values), *which, place);
            } else if (is_group(entry.name)) {
                fault(exact, entry.name + " is a group: write an object with its settings" +
                                 hint(entry.name, outside_groups()));
            } else {
                fault(exact, "unknown setting " + entry.name + hint(entry.name, names_and_groups()));
            }
        }
        for (const auto& each : content.faults) {
            fault(path + ":" + std::to_string(each.place.line) + ":" + std::to_string(each.place.column), each.message);
        }
    }

    void take(const std::string& where, const value_fault& wrong, const setting& which, const std::string& origin) {
        if (wrong) {
            fault(where, *wrong);
        } else {
            outcome_.origins.insert_or_assign(std::string{which.name}, origin);
        }
    }

    void fault(const std::string& where, const std::string& what) { outcome_.faults.push_back(where + ": " + what); }

    load_outcome outcome_;
};

std::optional<std::string> file_of(const load_sources& sources) {
    if (sources.file) {
        return sources.file;
    }
    for (const auto& [name, text] : sources.variables) {
        if (name == config_variable && !text.empty()) {
            return text;
        }
    }
    return std::nullopt;
}

}  // namespace

load_outcome load(const load_sources& sources) {
    loader all;
    if (const auto file = file_of(sources)) {
        all.read_file(*file);
    }
    for (const auto& [name, text] : sources.variables) {
        all.take_variable(name, text);
    }
    for (const auto& flag : sources.flags) {
        all.take_flag(flag);
    }
    return all.finish();
}

}  // namespace gatherd::config
