/// \file
/// The words of a command line, before a parser takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatherd::cli {

/// Marks words that the parser would take apart as a list of its own, such as `[1,2]`, and all words behind `--`, which
/// it would take for options. The words of settings are left alone. `unshielded` takes the mark off.
void shield_words(std::vector<std::string>& words);

/// Marks one word.
void shield_word(std::string& word);

/// A word without its mark.
[[nodiscard]] std::string unshielded(std::string_view word);

/// An option that may stand before the subcommand's name, with its dashes.
struct global_option {
    std::string name;
    bool has_value;
};

/// Moves such options that stand before the subcommand's name behind it.
void move_global_options(std::vector<std::string>& words, const std::vector<global_option>& options);

}  // namespace gatherd::cli
