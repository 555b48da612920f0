/// \file
/// The `id` of a request, as the client wrote it.
#pragma once

#include <string>
#include <string_view>

#include "api/protocol/json_view.hpp"

namespace gatherd::api::protocol {

/// The JSON text of an id (a string, a number or null), or nothing: the request is then a notification.
///
/// The text is echoed byte for byte, so `1.0`, `1e2`, `"\u0061"` and an integer of fifty digits come back as they were
/// sent. Owns its text; texts of at most 15 bytes cost no allocation.
class request_id {
public:
    /// No id: a notification.
    request_id() = default;

    /// `text` is one valid JSON string, number or null.
    explicit request_id(std::string_view text) : text_{text} {}

    /// The id of an answer to what had no usable id.
    [[nodiscard]] static request_id null() { return request_id{"null"}; }

    [[nodiscard]] bool is_absent() const noexcept { return text_.empty(); }

    /// The text to echo; `null` where there is no id.
    [[nodiscard]] std::string_view text() const noexcept { return is_absent() ? std::string_view{"null"} : text_; }

    /// Whether `other`, read from another message, means this id: equal as JSON values, so `"a"` is `"\u0061"`.
    /// An integer is never equal to a real. False if there is no id.
    [[nodiscard]] bool means(json_view other) const;

    friend bool operator==(const request_id&, const request_id&) = default;

private:
    std::string text_;
};

}  // namespace gatherd::api::protocol
