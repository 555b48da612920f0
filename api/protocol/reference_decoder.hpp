/// \file
/// nlohmann's SAX parser as the judge of what is JSON, and what it finds that the fast decoder cannot tell.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::api::protocol {

/// Where an integer outside [-2^63, 2^64) stands.
struct huge_integer {
    std::size_t position;  ///< of its first byte in the text
    std::size_t size;      ///< at least 20
};

/// An item of a message with such an integer in its params.
struct huge_param {
    std::size_t item;     ///< of a batch; 0 else
    std::string pointer;  ///< a JSON pointer into params, to the first one
};

/// All integers outside the range, in order. The text need not be JSON. Linear.
[[nodiscard]] std::vector<huge_integer> find_huge_integers(std::string_view text);

/// What is wrong with a text, and where, in words of printable ASCII; nothing if it is JSON. Integers of any size are
/// JSON; numbers beyond double, lone surrogate escapes, text that is not UTF-8 and a byte order mark are not. Linear.
[[nodiscard]] std::optional<std::string> fault_of(std::string_view text);

/// For each item of the message the first huge integer in its params, if any. `text` has no fault. Linear.
[[nodiscard]] std::vector<huge_param> find_huge_params(std::string_view text);

/// A copy of the text in which each of the integers is `instead`, padded with spaces, so that all else keeps its place.
[[nodiscard]] std::string replace_integers(std::string_view text, const std::vector<huge_integer>& integers,
                                           std::string_view instead);

}  // namespace gatherd::api::protocol
