// Any bytes, cut in any way, give the same frames and the same answers; and what is handed out as a message has the
// structure of JSON: what its decoder refuses is wrong only in how a value is spelt.
//
// The first byte says how the rest is cut, the second which limits hold.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "api/protocol/frame_reader.hpp"
#include "api/protocol/message_decoder.hpp"
#include "tests/fuzz/reference_decoder.hpp"

namespace {

using namespace gatherd::api;
using namespace gatherd::api::protocol;

struct seen_frame {
    frame_kind kind;
    std::string text;

    bool operator==(const seen_frame&) const = default;
};

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

// As a connection does: each message is decoded, and the rest of its line skipped where it is no JSON.
void take_all(frame_reader& reader, message_decoder& decoder, const message_limits& limits,
              std::vector<seen_frame>& into) {
    while (const auto found = reader.next()) {
        if (found->is_line && decoder.decode_line(found->text) == nullptr) {
            reader.scan_line(found->text);
            continue;
        }
        std::string text{found->text};
        bool is_json = true;
        if (found->kind == frame_kind::message) {
            require(text.size() <= limits.message_bytes, "a message is within its limit");
            volatile char padding = found->text.data()[found->text.size() + 63];
            static_cast<void>(padding);
            is_json = decoder.decode(found->text).is_json;
            require(is_json == protocol::is_json(text), "the decoder takes what the reference takes");
        } else {
            require(found->answer.has_value() == (found->kind != frame_kind::foreign), "what is refused is answered");
        }
        if (found->answer) {
            text += found->answer->id.text();
            text += found->answer->reason.message;
        }
        const bool closes = found->closes();
        into.push_back({found->kind, std::move(text)});
        if (!is_json) {
            reader.skip_line();
        }
        require(!closes || !reader.next(), "nothing follows a frame that closes");
    }
}

std::vector<seen_frame> frames_of(std::string_view bytes, std::size_t piece, const message_limits& limits) {
    frame_reader reader{limits};
    message_decoder decoder{limits};
    std::vector<seen_frame> found;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        reader.feed(bytes.substr(0, piece));
        take_all(reader, decoder, limits, found);
    }
    reader.finish();
    take_all(reader, decoder, limits, found);
    require(!reader.mid_message(), "after the end no message is under way");
    return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const message_limits limits =
        data[1] % 2 == 0 ? message_limits{}
                         : message_limits{.message_bytes = data[1], .depth = std::size_t{data[1]} / 16 + 1};
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
    const auto whole = frames_of(bytes, bytes.size() + 1, limits);
    require(frames_of(bytes, 1, limits) == whole, "one byte at a time gives the same frames");
    require(frames_of(bytes, std::size_t{data[0]} + 1, limits) == whole, "pieces give the same frames");
    return 0;
}
