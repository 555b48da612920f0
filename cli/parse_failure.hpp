/// \file
/// What is wrong with a command line, in our words: one line that says what would be right.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace gatherd::cli {

/// Of a parse by `app` that failed: with the option or subcommand that may have been meant, and where help is.
[[nodiscard]] std::string parse_failure_text(const CLI::App& app, const CLI::ParseError& failure);

}  // namespace gatherd::cli
