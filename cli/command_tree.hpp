/// \file
/// The command line's declarations as data: what completion and the man page are made from.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gatherd::cli {

struct option_words {
    std::vector<std::string> names;    // with dashes, the long ones first; of an argument its name in help
    std::string type;                  // of its value, as FILE; empty: it is a flag
    std::vector<std::string> choices;  // the values, where they are few
    std::string help;
    std::string variable;  // of the environment, or empty
};

struct command_words {
    std::vector<std::string> path;  // "gatherd", "config", "print"
    std::string help = {};
    std::string footer = {};
    std::vector<option_words> options = {};
    std::vector<option_words> arguments = {};
    std::vector<command_words> subcommands = {};
};

/// All that the parser knows, in its order.
[[nodiscard]] command_words command_tree(const CLI::App& root);

}  // namespace gatherd::cli
