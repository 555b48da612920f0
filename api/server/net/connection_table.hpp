/// \file
/// Who is connected.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "api/server/net/peer_address.hpp"
#include "api/server/net/request_handler.hpp"
#include "api/server/state/server_state.hpp"

namespace gatherd::api::server {

class connection;

/// The open connections, which it keeps alive, and what they share.
///
/// Threads: all members are safe from any thread.
class connection_table {
public:
    /// Both outlive every connection.
    connection_table(server_state& state, request_handler& handler) noexcept : state_{state}, handler_{handler} {}
    connection_table(const connection_table&) = delete;
    connection_table& operator=(const connection_table&) = delete;

    [[nodiscard]] server_state& state() noexcept { return state_; }
    [[nodiscard]] request_handler& handler() noexcept { return handler_; }

    /// Keeps a connection until it leaves. Gives the name of the limit that forbids it, or null.
    [[nodiscard]] const char* enter(const std::shared_ptr<connection>& client);
    void leave(const std::shared_ptr<connection>& client) noexcept;

    /// For a new connection.
    [[nodiscard]] std::uint64_t next_number() noexcept { return numbers_.fetch_add(1, std::memory_order_relaxed) + 1; }

    [[nodiscard]] std::size_t size() const;

    /// Those that limits.connections counts: all but what asks over HTTP, which admin.connections counts.
    [[nodiscard]] std::size_t counted() const;
    [[nodiscard]] std::vector<std::shared_ptr<connection>> all() const;

    /// One more connection that was not let in is being told so. False: there are too many of these already. Whoever
    /// calls this calls the other when that connection has gone.
    [[nodiscard]] bool begin_refusal() noexcept;
    void end_refusal() noexcept { refused_.fetch_sub(1, std::memory_order_relaxed); }

    /// The state drains: connections close as they have nothing more to answer. `emptied` is called once, when the last
    /// has closed, perhaps at once. All listeners must have stopped before.
    void drain(std::function<void()> emptied);

private:
    server_state& state_;
    request_handler& handler_;
    std::atomic<std::size_t> refused_{0};  // only counted, as the next
    std::atomic<std::uint64_t> numbers_{0};

    mutable std::mutex lock_;
    std::unordered_set<std::shared_ptr<connection>> connections_;  // under lock_, as all below
    std::size_t counted_ = 0;                                      // of these, not over HTTP
    std::map<peer_address, std::size_t> by_address_;
    std::function<void()> emptied_;
};

}  // namespace gatherd::api::server
