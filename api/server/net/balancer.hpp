/// \file
/// Which connection moves to which worker.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "api/server/net/turn_window.hpp"

namespace gatherd::executor {
class scheduler;
class worker;
}  // namespace gatherd::executor

namespace gatherd::api::server {

/// Connections are dealt out in turn, whatever they will ask for. Where a worker turns out to be busy with several
/// while another one idles, or has clearly fewer, this moves one at a time. How that is found out: turn_window.
///
/// Threads: all members are safe from any thread. Cost: some nanoseconds a turn, all in a place of the worker's own; a
/// clock and a look at one other worker's place every eight turns or so.
class balancer {
public:
    explicit balancer(executor::scheduler& of);
    ~balancer();
    balancer(const balancer&) = delete;
    balancer& operator=(const balancer&) = delete;

    /// A connection of the calling worker begins a turn, and ends it. The worker that it should move to, if any. Else
    /// than on a worker they do nothing.
    void begin_turn() noexcept;
    [[nodiscard]] std::optional<std::size_t> end_turn(const void* who) noexcept;

    /// A connection has come to live on the calling worker: what was seen before says nothing about it.
    void settle() noexcept;

    /// For tests: from now on every turn ends with a move.
    void make_restless() noexcept { is_restless_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool is_restless() const noexcept { return is_restless_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t cache_line = 128;  // two of 64: the processor fetches them in pairs

    struct alignas(cache_line) place {
        turn_window window;  // its worker's own

        // What others look at, by itself: nothing hangs on it.
        std::atomic<bool> is_in_turn{false};
        std::atomic<float> share{0};
        std::atomic<std::int64_t> share_seen{0};  // nanoseconds of the steady clock
    };

    [[nodiscard]] executor::worker* here() const noexcept;
    void look(executor::worker& here, const void* who) noexcept;
    [[nodiscard]] bool idles(std::size_t worker) const noexcept;
    [[nodiscard]] std::optional<float> share_of(std::size_t worker, turn_window::clock::time_point now) const noexcept;
    [[nodiscard]] std::size_t other_than(std::size_t worker, turn_window::clock::time_point now) const noexcept;

    executor::scheduler& of_;
    const std::size_t workers_;
    const std::unique_ptr<place[]> places_;
    std::atomic<bool> is_restless_{false};  // relaxed: a wish by itself
};

}  // namespace gatherd::api::server
