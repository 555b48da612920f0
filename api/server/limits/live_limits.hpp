/// \file
/// The limits that hold at the moment: they may be replaced while the service runs.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "gatherd/api/limits.hpp"

namespace gatherd::api::server {

/// Limits that any thread may read while another replaces them.
///
/// Whoever took a reference may keep it: what was replaced stays, since programs that run go on under the limits that
/// they began with. So each change costs the size of `limits` for ever; an equal replacement changes nothing.
///
/// Threads: all members are safe from any thread. Reading costs one load.
class live_limits {
public:
    explicit live_limits(const limits& first) { replace(first); }

    [[nodiscard]] const limits& now() const noexcept {
        return *now_.load(std::memory_order_acquire);  // pairs with the release in replace: the members are there
    }

    void replace(const limits& next) {
        const std::lock_guard guard{lock_};
        if (all_.empty() || !(all_.back() == next)) {
            now_.store(&all_.emplace_back(next), std::memory_order_release);
        }
    }

private:
    std::mutex lock_;
    std::deque<limits> all_;  // under lock_; its members never move
    std::atomic<const limits*> now_{nullptr};
};

}  // namespace gatherd::api::server
