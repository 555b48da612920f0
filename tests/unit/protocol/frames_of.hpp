/// \file
/// What a frame_reader makes of a text, as lines that a test can compare.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/protocol/frame_reader.hpp"
#include "api/protocol/message_decoder.hpp"

namespace gatherd::api::protocol {

inline std::string_view name_of(frame_kind kind) {
    switch (kind) {
        case frame_kind::message:
            return "message";
        case frame_kind::malformed:
            return "malformed";
        case frame_kind::too_deep:
            return "too_deep";
        case frame_kind::too_large:
            return "too_large";
        case frame_kind::bad_header:
            return "bad_header";
        default:
            return "foreign";
    }
}

/// The text of a message; of others their kind in angle brackets.
inline std::string described(const frame& f) {
    return f.kind == frame_kind::message ? std::string{f.text} : "<" + std::string{name_of(f.kind)} + ">";
}

/// The next frame, after a line that is not taken as it is was scanned.
inline std::optional<frame> next_scanned(frame_reader& reader, message_decoder& decoder) {
    auto found = reader.next();
    while (found && found->is_line && decoder.decode_line(found->text) == nullptr) {
        reader.scan_line(found->text);
        found = reader.next();
    }
    return found;
}

/// Whoever takes a message decodes it, and says so where it is no JSON.
inline void take_all(frame_reader& reader, std::vector<std::string>& into, const message_limits& limits = {}) {
    message_decoder decoder{limits};
    while (const auto f = next_scanned(reader, decoder)) {
        if (f->kind == frame_kind::message && !decoder.decode(f->text).is_json) {
            into.push_back("<malformed>");
            reader.skip_line();
        } else {
            into.push_back(described(*f));
        }
    }
}

/// All frames of `bytes`, fed at once; `ended` says whether the input ends after them.
inline std::vector<std::string> frames_of(std::string_view bytes, bool ended = false,
                                          const message_limits& limits = {}) {
    frame_reader reader{limits};
    std::vector<std::string> found;
    reader.feed(bytes);
    take_all(reader, found, limits);
    if (ended) {
        reader.finish();
        take_all(reader, found, limits);
    }
    return found;
}

using lines = std::vector<std::string>;

}  // namespace gatherd::api::protocol
