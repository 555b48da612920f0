/// \file
/// How much memory clients hold, by account: what limits.memory_bytes is compared with.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace gatherd::api::server {

/// Bytes that requests, their tasks, their answers and kept results hold at the moment, as far as it is known or
/// estimated when they are taken. An account, not a measurement: what the allocator keeps for later is not in it, so it
/// falls as soon as the work is done, and a service that refused work begins to take it again by itself.
///
/// Threads: all members are safe from any thread.
class memory_ledger {
public:
    [[nodiscard]] std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

    /// The highest that it has been.
    [[nodiscard]] std::size_t most() const noexcept { return most_.load(std::memory_order_relaxed); }

    void add(std::size_t bytes) noexcept {
        const std::size_t now = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes;  // only counted, as all here
        std::size_t most = most_.load(std::memory_order_relaxed);
        while (now > most && !most_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
        }
    }
    void subtract(std::size_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> held_{0};
    std::atomic<std::size_t> most_{0};
};

/// An entry of the ledger for as long as it lives. Threads: one at a time.
class memory_share {
public:
    explicit memory_share(memory_ledger& of) noexcept : of_{&of} {}
    memory_share(memory_share&& other) noexcept : of_{other.of_}, bytes_{std::exchange(other.bytes_, 0)} {}
    memory_share& operator=(memory_share&& other) noexcept {
        resize(0);
        of_ = other.of_;
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    ~memory_share() { resize(0); }

    void resize(std::size_t bytes) noexcept {
        if (bytes > bytes_) {
            of_->add(bytes - bytes_);
        } else if (bytes < bytes_) {
            of_->subtract(bytes_ - bytes);
        }
        bytes_ = bytes;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    memory_ledger* of_;
    std::size_t bytes_ = 0;
};

}  // namespace gatherd::api::server
