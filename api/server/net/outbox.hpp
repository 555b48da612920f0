/// \file
/// What is on its way to a client.
#pragma once

#include <asio/error_code.hpp>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "api/protocol/framing.hpp"

namespace gatherd::api::server {

class server_state;
class transport;

/// Messages that any thread adds and the connection's worker writes, many with one call of the system.
class outbox {
public:
    explicit outbox(server_state& state) noexcept;

    // From any thread.

    /// Adds a message, framed as the client speaks. True: the caller must arrange a turn of the worker, to write it or, for
    /// each MiB that comes while the client does not read, to look at the limits; else a write is on its way already, or
    /// `is_in_turn`: the caller is the worker, which writes at the end of its turn.
    [[nodiscard]] bool add(std::string_view body, bool is_in_turn);

    /// True: the caller must arrange a write, though there may be nothing to write; else one is on its way, or nothing
    /// more will be taken.
    [[nodiscard]] bool claim_write();

    /// Bytes that were added and are not written.
    [[nodiscard]] std::size_t unread() const noexcept { return unread_.load(std::memory_order_relaxed); }

    // The connection's worker's own.

    /// Frames what is added from now on so.
    void speak(protocol::framing spoken);

    /// Writes what there is, but not more than a turn's share. `failed`: as of transport::write_some.
    void write_some(transport& to, asio::error_code& failed);

    /// Whether some of what was taken to be written still is.
    [[nodiscard]] bool is_writing() const noexcept { return !writing_.empty(); }

    [[nodiscard]] bool empty() const;

    /// Bytes of memory that it takes.
    [[nodiscard]] std::size_t held_bytes() const;

    /// Bytes written in all.
    [[nodiscard]] std::size_t progress() const noexcept { return progress_; }

    /// Drops what waits, and whatever is added from now on.
    void close() noexcept;

private:
    void take_waiting();

    server_state& state_;

    // The worker's own.
    protocol::framing spoken_ = protocol::framing::undecided;  // framing_, to be read without the lock
    std::string writing_;                                      // taken from waiting_, being written
    std::size_t written_ = 0;                                  // of writing_
    std::size_t progress_ = 0;

    std::atomic<std::size_t> unread_{0};  // a number by itself

    mutable std::mutex lock_;
    std::string waiting_;  // under lock_, as all below
    bool write_is_claimed_ = false;
    bool takes_more_ = true;
    protocol::framing framing_ = protocol::framing::undecided;
};

}  // namespace gatherd::api::server
