#include "cli/parse_failure.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <functional>
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

/// The words that nobody took: the options among them if there are any, since the others may be their values. Of a
/// command that is a prefix, such as exec, words that are left are those of the command behind it.
std::vector<std::string> words_not_taken(const CLI::App& app) {
    if (innermost(app).get_prefix_command()) {
        return {};
    }
    auto words = app.remaining(true);
    std::erase(words, "--");
    const auto is_option = [](const std::string& word) { return word.starts_with("-"); };
    if (std::ranges::any_of(words, is_option)) {
        std::erase_if(words, std::not_fn(is_option));
    } else if (!subcommand_names(app).empty() && !words.empty()) {
        words.resize(1);  // the others are what the command that was meant would have taken
    }
    return words;
}

/// Whether an option was given whose value may hold secrets. A word that nobody took may be a part of that value, which
/// the shell has cut since it was not quoted.
bool has_secret_value(const CLI::App& app) {
    constexpr std::array<const char*, 3> with_secrets{"--pools", "--pool", "--auth.tokens"};
    return std::ranges::any_of(with_secrets, [&app](const char* name) {
        const auto* const found = app.get_option_no_throw(name);
        return found != nullptr && found->count() > 0;
    });
}

}  // namespace

std::string unknown_word(const CLI::App& where, const std::string& word) {
    const auto name = word.substr(0, word.find('='));
    const bool option = name.starts_with("-");
    if (!option && has_secret_value(where)) {
        return "one argument too many, of " + std::to_string(word.size()) +
               " bytes: is the value before it quoted? It may be a part of a secret, so it is not repeated; see " +
               path_of(where) + " --help";
    }
    const auto known = option ? option_names(where) : subcommand_names(where);
    const auto nearest = config::nearest_name(name, known);
    const std::string kind = option          ? "unknown option "
                             : known.empty() ? "one argument too many: "
                                             : "unknown command ";
    return kind + name + (nearest.empty() ? "" : ", did you mean " + std::string{nearest} + "?") + "; see " +
           path_of(where) + " --help";
}

std::vector<std::string> unknown_words(const CLI::App& app) {
    std::vector<std::string> lines;
    for (const auto& each : words_not_taken(app)) {
        lines.push_back(unknown_word(app, each));
    }
    return lines;
}

std::string parse_failure_text(const CLI::App& app, const CLI::ParseError& failure) {
    const auto& where = innermost(app);
    std::string all;
    for (const auto& each : words_not_taken(app)) {
        all += (all.empty() ? "" : "\n") + unknown_word(where, each);
    }
    return all.empty() ? std::string{failure.what()} + "; see " + path_of(where) + " --help" : all;
}

}  // namespace gatherd::cli
