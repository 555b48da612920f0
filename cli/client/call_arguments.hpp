/// \file
/// Turns words of the command line into the arguments of a call.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gatherd::cli {

/// What a command line says of a call. Of the three ways to give arguments, words go by position unless `named`.
struct call_words {
    std::string function;
    std::vector<std::string> words = {};
    bool named = false;                                            // each word is NAME=VALUE
    std::vector<std::pair<std::string, std::string>> texts = {};   // NAME and a text
    std::vector<std::pair<std::string, std::string>> values = {};  // NAME and JSON
};

/// The plan `{"call": function, "args": ...}` as JSON text. A word that is JSON is taken as JSON, any other as text:
/// `3`, `true`, `[1,2]` and `"3"` are JSON, `abc` is text. Throws usage_error: a named argument without '=', a name
/// given twice, arguments both by position and by name, a word that is no UTF-8.
[[nodiscard]] std::string call_plan(const call_words& given);

/// A word as JSON: itself if it is JSON, else a text. JSON stays as it is spelt, so that numbers keep every digit.
/// Throws usage_error if it is no UTF-8.
[[nodiscard]] std::string argument_json(const std::string& word);

/// A text as JSON. Throws usage_error if it is no UTF-8.
[[nodiscard]] std::string text_json(const std::string& text);

}  // namespace gatherd::cli
