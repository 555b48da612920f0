#include "cli/command_tree.hpp"

#include <CLI/CLI.hpp>

namespace gatherd::cli {

namespace {

/// "a|b|c" as its parts; nothing where there is no bar.
std::vector<std::string> choices_of(const std::string& type) {
    return type.find('|') == std::string::npos ? std::vector<std::string>{} : CLI::detail::split(type, '|');
}

option_words words_of(const CLI::Option& option) {
    option_words made;
    for (const auto& each : option.get_lnames()) {
        made.names.push_back("--" + each);
    }
    for (const auto& each : option.get_snames()) {
        made.names.push_back("-" + each);
    }
    if (option.get_positional()) {
        made.names = {option.get_name(true)};
    }
    made.type = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
    // A validator writes its values behind the name of the type.
    made.type = made.type.substr(0, made.type.find(':'));
    made.choices = choices_of(made.type);
    made.help = option.get_description();
    made.variable = option.get_envname();
    return made;
}

command_words words_of(const CLI::App& app, std::vector<std::string> path) {
    path.push_back(app.get_name());
    command_words made{.path = path, .help = app.get_description(), .footer = app.get_footer()};
    for (const auto* const each : app.get_options()) {
        (each->get_positional() ? made.arguments : made.options).push_back(words_of(*each));
    }
    for (const auto* const each : app.get_subcommands([](const CLI::App*) { return true; })) {
        made.subcommands.push_back(words_of(*each, path));
    }
    return made;
}

}  // namespace

command_words command_tree(const CLI::App& root) {
    return words_of(root, {});
}

}  // namespace gatherd::cli
