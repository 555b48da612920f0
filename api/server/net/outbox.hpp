/// \file
/// What is on its way to a client.
#pragma once

#include <asio/error_code.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "api/protocol/framing.hpp"

namespace gatherd::api::server {

class server_state;
class transport;

/// Messages that any thread adds and the connection's worker writes, many with one call of the system.
///
/// A short message that stands alone is written by the thread that adds it: to have the worker do it costs a wake-up of
/// another thread, or one more look at the reactor.
class outbox {
public:
    explicit outbox(server_state& state) noexcept;

    // From any thread.

    /// Adds a message, framed as the client speaks. True: the caller must arrange a turn of the worker, to write it or,
    /// for each MiB that comes while the client does not read, to look at the limits; else a write is on its way
    /// already, or `is_in_turn`: the caller is the worker, which writes at the end of its turn.
    [[nodiscard]] bool add(std::string_view body, bool is_in_turn);

    /// The same, but writes it at once if it is short, nothing is before it, and none was written so in that `burst`:
    /// what one thread adds in a row goes together behind the first. False, too, where it has been written. The lock is
    /// held for one call of the system that does not wait.
    [[nodiscard]] bool add_or_write(std::string_view body, std::uint64_t burst, transport& to);

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
    [[nodiscard]] std::size_t progress() const noexcept { return progress_.load(std::memory_order_relaxed); }

    /// Drops what waits, and whatever is added from now on. No other thread writes after that.
    void close() noexcept;

private:
    [[nodiscard]] bool note_added(std::size_t size_before, bool is_in_turn);
    void note_written(std::size_t bytes) noexcept;
    void take_waiting();

    server_state& state_;

    // The worker's own.
    std::string writing_;      // taken from waiting_, being written
    std::size_t written_ = 0;  // of writing_

    std::atomic<std::size_t> unread_{0};    // a number by itself
    std::atomic<std::size_t> progress_{0};  // likewise

    mutable std::mutex lock_;
    std::string waiting_;           // under lock_, as all below
    std::uint64_t last_burst_ = 0;  // in which a message was written at once
    bool write_is_claimed_ = false;
    bool is_taken_ = false;  // the worker has some in writing_, which goes first
    bool takes_more_ = true;
    protocol::framing framing_ = protocol::framing::undecided;

    // The worker's own again, here for its size: framing_, to be read without the lock.
    protocol::framing spoken_ = protocol::framing::undecided;
};

}  // namespace gatherd::api::server
