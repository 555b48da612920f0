/// \file
/// JSON text to JSON-RPC 2.0 requests.
#pragma once

#include <memory>
#include <string_view>

#include "api/protocol/message.hpp"
#include "api/protocol/message_limits.hpp"

namespace gatherd::api::protocol {

/// Decodes messages, one at a time, into memory that it reuses.
///
/// Faults of the client are items of the message, never exceptions. The rules are JSON-RPC 2.0's, with `jsonrpc`
/// optional. Members that JSON-RPC does not know are ignored; of duplicate members the last one counts. Text that is no
/// JSON is one refusal (-32700), whether anybody would read that part of it or not. An integer outside [-2^63, 2^64)
/// refuses the request that holds it (-32602 in its params, else -32600), in a batch the whole batch.
///
/// Lifetime: the message and all views from it hold until the next `decode`, `shrink` or the end of the decoder; the
/// text need not outlive the call. Threads: one at a time. Memory: up to about 20 times the largest text, until
/// `shrink`; where there is none, the message is refused (-32006). Throws: std::bad_alloc.
class message_decoder {
public:
    /// Texts nested deeper than `limits.depth` are refused (-32006), but for an empty array or object one level deeper;
    /// frame_reader refuses them earlier and exactly.
    explicit message_decoder(const message_limits& limits = {});
    ~message_decoder();
    message_decoder(message_decoder&&) noexcept;
    message_decoder& operator=(message_decoder&&) noexcept;

    /// At least SIMDJSON_PADDING (64) bytes after the text's end must be readable, as frame_reader's are.
    [[nodiscard]] const message& decode(std::string_view padded_text);

    /// The same of a line that begins with a bracket and was not scanned; null if it is not one whole JSON text that
    /// `decode` takes. A text nested as deep as is allowed may be said not to be one.
    [[nodiscard]] const message* decode_line(std::string_view padded_text);

    /// Gives back memory beyond what short messages need, some 300 KiB. May end the life of the last message.
    void shrink() noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace gatherd::api::protocol
