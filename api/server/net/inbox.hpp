/// \file
/// What a client has sent and nobody has handled yet.
#pragma once

#include <asio/error_code.hpp>
#include <atomic>
#include <cstddef>
#include <optional>

#include "api/protocol/frame.hpp"
#include "api/protocol/frame_reader.hpp"
#include "api/protocol/framing.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::server {

class server_state;
class transport;

/// A connection's frame reader, its limits and its memory.
///
/// Threads: the connection's worker; while a message is handled elsewhere, that thread alone may change its limit.
class inbox {
public:
    /// What one read gave. `is_all`: there was no more to read.
    struct piece {
        std::size_t bytes = 0;
        bool is_all = false;
        asio::error_code failed{};
    };

    explicit inbox(const server_state& state);

    /// Reads a piece, to be kept by keep() or else forgotten.
    [[nodiscard]] piece read_some(transport& input);
    void keep(const piece& got) noexcept { reader_.commit(got.bytes); }

    /// The client sends no more.
    void finish() noexcept { reader_.finish(); }

    /// The oldest frame that was not handed out yet.
    [[nodiscard]] std::optional<protocol::frame> next() { return reader_.next(); }

    /// The last frame was a line that its decoder does not take as it is.
    void scan_line(std::string_view line) { reader_.scan_line(line); }

    /// The last frame was no JSON: what follows it on its line is thrown away.
    void skip_line() noexcept { reader_.skip_line(); }

    [[nodiscard]] protocol::framing spoken() const noexcept { return reader_.spoken(); }
    [[nodiscard]] bool mid_message() const noexcept { return reader_.mid_message(); }

    /// Messages of a client that is nobody yet may be short only; from now on they may be as long as others'.
    void lift_limit(const limits& bounds) noexcept;

    /// Whether a large message is half read above the high-water mark of memory: the rest of it has to wait.
    [[nodiscard]] bool must_wait() const noexcept;

    /// Drops what was read of a message.
    void shed(const limits& bounds);

    /// Gives back what an idle client needs no buffer for.
    void shrink() noexcept;

    /// Bytes of its buffer.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return reader_.held(); }

private:
    protocol::frame_reader reader_;
};

}  // namespace gatherd::api::server
