/// \file
/// nlohmann's parser as the judge of what is JSON.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace gatherd::api::protocol {

/// The text with every integer of at least 20 digits replaced by zeros: nlohmann takes none that is beyond double, and
/// JSON has no such limit.
inline std::string without_huge_integers(std::string_view text) {
    std::string copy{text};
    for (std::size_t at = 0; at < copy.size();) {
        if (copy[at] == '"') {
            for (++at; at < copy.size() && copy[at] != '"';) {
                at += copy[at] == '\\' ? 2 : 1;
            }
            ++at;
            continue;
        }
        const auto end = std::min(copy.find_first_not_of("0123456789+-.eE", at), copy.size());
        auto word = std::string_view{copy}.substr(at, end - at);
        word.remove_prefix(word.starts_with('-') ? 1 : 0);
        constexpr std::size_t least_digits = 20;
        if (word.size() >= least_digits && word.front() != '0' && word.find_first_not_of("0123456789") == word.npos) {
            std::fill(copy.begin() + static_cast<std::ptrdiff_t>(at), copy.begin() + static_cast<std::ptrdiff_t>(end),
                      ' ');
            copy[at] = '0';
        }
        at = std::max(end, at + 1);
    }
    return copy;
}

/// Whether it is JSON. Integers of any size are; numbers beyond double, lone surrogate escapes, text that is not UTF-8
/// and a byte order mark are not. Linear.
inline bool is_json(std::string_view text) {
    // nlohmann skips a byte order mark, and takes a zero byte after a value for the end of the text.
    return !text.starts_with("\xEF\xBB\xBF") && text.find('\0') == text.npos &&
           nlohmann::json::accept(without_huge_integers(text));
}

/// Whether an integer of it may be outside [-2^63, 2^64). Of JSON only.
inline bool may_have_huge_integer(std::string_view text) {
    return without_huge_integers(text) != text || text.find("-9") != text.npos;
}

}  // namespace gatherd::api::protocol
