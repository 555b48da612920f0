/// \file
/// What is wrong with a command line, in our words: one line that says what would be right.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace gatherd::cli {

/// What is said of a word that `where` knows neither as an option nor as a subcommand.
[[nodiscard]] std::string unknown_word(const CLI::App& where, const std::string& word);

/// Of each word that a subcommand's parser did not take, which allows extras: one line each.
[[nodiscard]] std::vector<std::string> unknown_words(const CLI::App& app);

/// Of a parse by `app` that failed: with the option or subcommand that may have been meant, and where help is.
[[nodiscard]] std::string parse_failure_text(const CLI::App& app, const CLI::ParseError& failure);

}  // namespace gatherd::cli
