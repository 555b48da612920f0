/// \file
/// The file that a command line names as its input.
#pragma once

#include <string>

namespace gatherd::cli {

/// All of a file; "-" is standard input. Throws usage_error with the reason if it cannot be read.
[[nodiscard]] std::string read_input(const std::string& file);

/// What a command line names as a plan: its text, and what messages call it.
struct plan_input {
    std::string text;
    std::string name;
};

/// A word that begins with a bracket is the plan itself, any other is a file as for `read_input`. Throws as that.
[[nodiscard]] plan_input read_plan_input(const std::string& word);

}  // namespace gatherd::cli
