/// \file
/// Reading the arguments of a call, with errors that name the function, the parameter, what came and what was expected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/plan/model/function.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::functions {

/// A value as a message for people shows it: "the text 'abc'", "the number 5", "null", "a list", "an object".
[[nodiscard]] std::string shown(const value& v);

/// One argument, with what messages call it. Both outlive this. All members throw `plan::raised` TypeError for a value
/// of another type, ValueError for one that is out of range.
struct argument {
    std::string_view callee;
    std::string_view name;
    const value& given;

    [[nodiscard]] bool is_null() const noexcept { return given.is_null(); }

    /// A text.
    [[nodiscard]] const std::string& text() const;
    /// A text without a NUL, which no argument, variable or path can hold.
    [[nodiscard]] const std::string& plain_text() const;
    /// true or false.
    [[nodiscard]] bool flag() const;
    /// A whole number from `least` to `most`.
    [[nodiscard]] std::size_t count(std::size_t least, std::size_t most) const;
    /// A number of seconds, from 0 on.
    [[nodiscard]] double seconds() const;
    /// A list of texts without NULs.
    [[nodiscard]] std::vector<std::string> texts() const;
    /// The bytes of a text: those of its UTF-8, or, if `is_binary`, those that it holds as base64.
    [[nodiscard]] std::string bytes(bool is_binary) const;

    [[noreturn]] void refuse_type(std::string_view expected) const;
    [[noreturn]] void refuse_value(std::string_view expected) const;
};

/// The bytes that a text holds as base64 (RFC 4648, with padding, without white space), or nothing if it is none.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Whether these bytes are the UTF-8 of a text.
[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// The text of which these bytes are the UTF-8; each part of them that is none becomes U+FFFD, as Python's
/// errors="replace" has it.
[[nodiscard]] std::string text_from(std::string bytes);

/// How many of these bytes end with a whole character of UTF-8: all of them, or up to three fewer.
[[nodiscard]] std::size_t whole_characters(std::string_view bytes) noexcept;

/// What a function gives of bytes: their text, or if `is_binary` their base64.
[[nodiscard]] value bytes_value(std::string bytes, bool is_binary);

}  // namespace gatherd::api::functions
