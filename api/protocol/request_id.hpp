/// \file
/// The `id` of a request.
#pragma once

#include <string>
#include <string_view>

#include "api/protocol/json_view.hpp"

namespace gatherd::api::protocol {

/// A string, a number or null, as JSON text; or nothing: the request is then a notification.
///
/// The text is written anew from the value, so two ids are the same value where their texts are equal: `"\u0061"` is
/// `"a"`, `1.50` is `1.5`. An integer is never equal to a double: 1 is not 1.0. Owns its text; texts of at most 15
/// bytes cost no allocation.
class request_id {
public:
    /// No id: a notification.
    request_id() = default;

    /// The id that a value is; none if it is an array, an object or a boolean.
    explicit request_id(json_view value);

    /// The same of a JSON text as json_writer writes it.
    explicit request_id(std::string_view text) : text_{text} {}

    /// The id of an answer to what had no usable id.
    [[nodiscard]] static request_id null() { return request_id{std::string_view{"null"}}; }

    [[nodiscard]] bool is_absent() const noexcept { return text_.empty(); }

    /// The text to echo; `null` where there is no id.
    [[nodiscard]] std::string_view text() const noexcept { return is_absent() ? std::string_view{"null"} : text_; }

    friend bool operator==(const request_id&, const request_id&) = default;

private:
    std::string text_;
};

}  // namespace gatherd::api::protocol
