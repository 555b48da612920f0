#include "cli/parse_failure.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "config/nearest_name.hpp"

namespace gatherd::cli {

namespace {

/// The innermost subcommand that was named.
const CLI::App& innermost(const CLI::App& app) {
    const auto named = app.get_subcommands();
    return named.empty() ? app : innermost(*named.back());
}

/// "gatherd config print"
std::string path_of(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* const each : app.get_options()) {
        for (const auto& name : each->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* const each : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(each->get_name());
    }
    return names;
}

/// The first word that nobody took, if any: it says more than what is missing in consequence.
std::string first_unknown(const CLI::App& app) {
    auto words = app.remaining(true);
    std::erase(words, "--");
    const auto found = std::ranges::find_if(words, [](const std::string& word) { return word.starts_with("-"); });
    return found != words.end() ? *found : words.empty() ? std::string{} : words.front();
}

}  // namespace

std::string parse_failure_text(const CLI::App& app, const CLI::ParseError& failure) {
    const auto& where = innermost(app);
    const auto help = "; see " + path_of(where) + " --help";
    const auto unknown = first_unknown(app);
    if (unknown.empty()) {
        return std::string{failure.what()} + help;
    }
    const auto name = unknown.substr(0, unknown.find('='));
    const bool option = name.starts_with("-");
    const auto known = option ? option_names(where) : subcommand_names(where);
    const auto nearest = config::nearest_name(name, known);
    const std::string kind = option          ? "unknown option "
                             : known.empty() ? "one argument too many: "
                                             : "unknown command ";
    return kind + name + (nearest.empty() ? "" : ", did you mean " + std::string{nearest} + "?") + help;
}

}  // namespace gatherd::cli
