/// \file
/// What frame_reader hands out: a message, or an answer to what was none.
#pragma once

#include <optional>
#include <string_view>

#include "api/protocol/refusal.hpp"

namespace gatherd::api::protocol {

enum class frame_kind {
    message,     ///< `text` has the structure of JSON; whether it is JSON its decoder says
    malformed,   ///< not JSON: -32700
    too_deep,    ///< nested beyond `limits.depth`: -32006; what is left of it is skipped
    too_large,   ///< longer than `limits.message_bytes`: -32006, then close
    bad_header,  ///< Content-Length framing with a header that is none: -32700, then close
    foreign,     ///< HTTP or TLS: nothing is answered, close at once
};

/// One frame.
struct frame {
    frame_kind kind;

    /// Of a message: its text, in the reader's memory until the next call of the reader that is not const.
    /// At least SIMDJSON_PADDING (64) bytes after its end may be read; what they hold means nothing.
    std::string_view text = {};

    /// Of all other kinds but foreign: what to answer.
    std::optional<refusal> answer = std::nullopt;

    /// Of a message: it is a whole line, of which nothing was looked at. Who finds that `decode_line` does not take it
    /// calls frame_reader::scan_line. Most messages are such lines, and need no scan.
    bool is_line = false;

    /// The stream has lost its place: close, once the answer (and what is owed for earlier requests) is written.
    [[nodiscard]] bool closes() const noexcept {
        return kind == frame_kind::too_large || kind == frame_kind::bad_header || kind == frame_kind::foreign;
    }
};

}  // namespace gatherd::api::protocol
