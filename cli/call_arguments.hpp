/// \file
/// Turns words of the command line into the arguments of a call.
#pragma once

#include <string>
#include <vector>

namespace gatherd::cli {

/// The plan `{"call": function, "args": ...}` as JSON text. A word that is JSON is taken as JSON, any other as text:
/// `3`, `true`, `[1,2]` and `"3"` are JSON, `abc` is text. With `named` each word is NAME=VALUE, and the value is read
/// so. Throws usage_error: a named argument without '=', a name given twice, a word that is no UTF-8.
[[nodiscard]] std::string call_plan(const std::string& function, const std::vector<std::string>& words, bool named);

}  // namespace gatherd::cli
