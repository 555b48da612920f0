/// \file
/// Splits what a connection sends into messages. Pure: no sockets, no values, no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/protocol/first_token.hpp"
#include "api/protocol/frame.hpp"
#include "api/protocol/framing.hpp"
#include "api/protocol/message_limits.hpp"
#include "api/protocol/structure_scanner.hpp"

namespace gatherd::api::protocol {

/// Bytes in, frames out, in order.
///
/// Read the socket into `prepare()`, `commit()` what came, then take frames until there are none:
///
///     auto room = reader.prepare(16384);
///     reader.commit(socket.read_some(room));
///     while (auto frame = reader.next()) { ... }
///
/// The first bytes decide between JSON lines and Content-Length framing, or that the client is a browser or speaks TLS.
/// The frames depend on the bytes alone, never on how they were cut into packets.
///
/// JSON lines: a message ends where its outermost bracket closes; a text without brackets is its whole line. Only the
/// structure is checked here. A fault of it is answered at the end of the line in which it stands, and reading resumes
/// after that line end. Whoever decodes a message and finds that it is no JSON calls `skip_line`, which does the same.
///
/// Threads: one at a time. Memory: the message that is under way, rounded up, and one read; `shrink()` gives it back.
/// Cost: linear in the bytes, however they come. Throws: std::bad_alloc.
class frame_reader {
public:
    explicit frame_reader(const message_limits& limits = {});

    /// Room for at least `at_least` bytes, to be written from its beginning. Valid until the next call.
    [[nodiscard]] std::span<char> prepare(std::size_t at_least);

    /// The first `count` bytes of the room from `prepare` were written.
    void commit(std::size_t count) noexcept;

    /// prepare, copy, commit.
    void feed(std::string_view bytes);

    /// The client sends no more: `next` then answers a message half read with -32700.
    void finish() noexcept { finished_ = true; }

    /// The oldest frame that was not handed out yet, or nothing while more bytes are needed (after finish: for good).
    /// After a frame that closes there is nothing more, whatever is fed.
    [[nodiscard]] std::optional<frame> next();

    /// The last frame was a message, and it is no JSON: what follows it on its line is thrown away. In Content-Length
    /// framing nothing is.
    void skip_line() noexcept;

    /// The last frame was a line that message_decoder::decode_line does not take: `next` now scans it.
    void scan_line(std::string_view line);

    /// From the next byte on a message may have so many; one that is longer already is refused when it grows.
    void limit_message(std::size_t bytes) noexcept { message_bytes_ = bytes; }

    /// Bytes of memory that it holds, its own size aside.
    [[nodiscard]] std::size_t held() const noexcept { return capacity_; }

    /// Which framing is spoken, as far as `next` has looked.
    [[nodiscard]] framing spoken() const noexcept { return framing_; }

    /// Whether a message (or what is being skipped of one) has begun and not ended, once `next` has returned nothing.
    [[nodiscard]] bool mid_message() const noexcept;

    /// Frees the buffer if nothing is pending in it, and what scanning needs: for connections that fall idle.
    void shrink() noexcept;

private:
    enum class phase : unsigned char {
        detecting,   // the first bytes, which decide the framing
        between,     // JSON lines: white space before a message
        inside,      // in a message
        skipping,    // in one that was answered as too deep
        discarding,  // behind a fault, up to the end of the line
        headers,     // Content-Length framing: before or in a header block
        body,
        closed,
    };

    [[nodiscard]] std::string_view pending() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
    void make_room(std::size_t at_least);
    void grow(std::size_t capacity);
    void drop(std::size_t count) noexcept;

    // One for each phase: a frame, or another phase, or nothing more without more bytes.
    std::optional<frame> step_detecting();
    std::optional<frame> step_between();
    void begin_message();
    std::optional<frame> step_lines();
    std::optional<frame> step_discarding();
    std::optional<frame> step_headers();
    std::optional<frame> end_headers();
    std::optional<frame> step_body();
    std::optional<frame> step_end();

    std::string read_header(std::string_view line);
    void note_fault(std::size_t position);
    [[nodiscard]] frame malformed_frame() const;
    [[nodiscard]] frame deep_frame(std::string_view seen) const;
    [[nodiscard]] frame too_large();
    [[nodiscard]] frame bad_header(const std::string& what);
    [[nodiscard]] frame close_with(frame last);

    // An idle client has one of these: the small members stand together.
    framing framing_ = framing::undecided;
    phase phase_ = phase::detecting;
    bool finished_ = false;
    bool is_answered_ = false;                     // what is being discarded was answered before
    structure_scanner::outcome scanned_so_far_{};  // of a body: where it is not `more`, the rest needs no scan
    first_token first_token_;                      // while detecting
    std::uint16_t header_bytes_ = 0;               // of this header block so far
    bool has_length_ = false;                      // body_bytes_ was read
    std::uint32_t id_bytes_;                       // a limit, as the next
    std::size_t message_bytes_;

    static void count(std::ptrdiff_t bytes) noexcept;
    struct freed {
        void operator()(char* memory) const noexcept;
    };
    std::unique_ptr<char, freed> buffer_;  // capacity_ bytes and the padding after them
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;    // of what was not handed out: of the message under way
    std::size_t scanned_ = 0;  // begin_ <= scanned_ <= end_: no byte before it is looked at again in this phase
    std::size_t end_ = 0;      // of what was fed

    std::size_t line_end_ = 0;                  // no line that begins before it is handed out whole
    structure_scanner scanner_;                 // of the message under way
    std::unique_ptr<const std::string> fault_;  // what was wrong and where, while the rest of its line is discarded
    std::size_t dropped_ = 0;                   // bytes of the message under way that have left the buffer already
    std::size_t body_bytes_ = 0;                // Content-Length
};

}  // namespace gatherd::api::protocol
