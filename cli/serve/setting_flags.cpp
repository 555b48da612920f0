#include "cli/serve/setting_flags.hpp"

#include <CLI/CLI.hpp>

#include "cli/environment.hpp"
#include "cli/failures.hpp"
#include "cli/parse_failure.hpp"
#include "config/setting_table.hpp"
#include "config/setting_value.hpp"

namespace gatherd::cli {

namespace {

/// What `--help` says behind a flag: help, range and default.
std::string description(const config::setting& which) {
    const auto range = config::range_text(which);
    const auto standard = config::value_text(which, config::settings{});
    return std::string{which.help} + " (" + (range.empty() ? "" : range + "; ") +
           (standard.empty() ? "none by default" : "default " + standard) + ")";
}

/// Shows one spelling of a flag, not also the one with underscores.
class one_name_formatter : public CLI::Formatter {
public:
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        const bool several = !is_positional && option->get_snames().empty() && option->get_lnames().size() > 1;
        return several ? "--" + option->get_lnames().front() : CLI::Formatter::make_option_name(option, is_positional);
    }
};

std::string type_label(const config::setting& which) {
    std::string label;
    for (const char c : config::type_name(which)) {
        label += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return label;
}

}  // namespace

void setting_flags::add_to(CLI::App& app) {
    app_ = &app;
    app.allow_extras();  // `load` tells of them, together with what is wrong with the others
    app.formatter(std::make_shared<one_name_formatter>());
    app.add_option("--config", file_, "JSON file of settings (GATHERD_CONFIG)")->type_name("FILE");
    app.add_option_function<std::string>(
           "--pool", [this](const std::string& program) { pools_.push_back(program); },
           "start processes of this command, one a CPU, and have them serve functions: 'python3 tasks.py', tasks.py; "
           "may "
           "be given several times")
        ->type_name("COMMAND")
        ->trigger_on_parse();
    app.add_option_function<std::string>(
           "--plugin", [this](const std::string& file) { plugins_.push_back(file); },
           "load this shared library, which brings functions: ./libmine.so; may be given several times")
        ->type_name("FILE")
        ->trigger_on_parse();
    for (const auto& each : config::setting_table()) {
        const std::string name{each.name};
        const auto flag = each.flag();
        // The name as the file and messages spell it is understood as well.
        const auto names = flag == "--" + name ? flag : flag + ",--" + name;
        const auto take = [this, name](const std::string& text) { texts_[name] = text; };
        auto* const option = app.add_option_function<std::string>(names, take, description(each));
        option->type_name(type_label(each))->group("Settings");
        if (std::holds_alternative<config::addresses_field>(each.field)) {
            option->join(',');
        } else {
            option->take_last();
        }
    }
}

config::load_outcome setting_flags::load() const {
    config::load_sources sources{.variables = read_environment()};
    if (!file_.empty()) {
        sources.file = file_;
    }
    for (const auto& [name, text] : texts_) {
        sources.flags.push_back({name, text});
    }
    for (const auto& program : pools_) {
        sources.flags.push_back({"pool", program});
    }
    for (const auto& file : plugins_) {
        sources.flags.push_back({"plugin", file});
    }
    auto outcome = config::load(sources);
    auto unknown = unknown_words(*app_);
    outcome.faults.insert(outcome.faults.begin(), std::make_move_iterator(unknown.begin()),
                          std::make_move_iterator(unknown.end()));
    if (!outcome.faults.empty()) {
        std::string all;
        for (const auto& each : outcome.faults) {
            all += (all.empty() ? "" : "\n") + each;
        }
        throw usage_error{all};
    }
    return outcome;
}

}  // namespace gatherd::cli
