/// \file
/// A value that may be replaced while others read it.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

namespace gatherd::api {

/// What the configuration says, which any thread may read while another replaces it.
///
/// Whoever took a reference may keep it: what was replaced stays, since programs that run go on under what they began
/// with. So each change costs the size of a T for ever; an equal replacement changes nothing.
///
/// Threads: all members are safe from any thread. Reading costs one load, and writes nothing.
template <typename T>
class live_value {
public:
    explicit live_value(T first) { replace(std::move(first)); }

    [[nodiscard]] const T& now() const noexcept {
        return *now_.load(std::memory_order_acquire);  // pairs with the release in replace: the members are there
    }

    void replace(T next) {
        const std::lock_guard guard{lock_};
        if (all_.empty() || !(all_.back() == next)) {
            now_.store(&all_.emplace_back(std::move(next)), std::memory_order_release);
        }
    }

private:
    std::mutex lock_;
    std::deque<T> all_;  // under lock_; its members never move
    std::atomic<const T*> now_{nullptr};
};

}  // namespace gatherd::api
