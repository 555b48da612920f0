/// \file
/// The memory of what one program makes.
#pragma once

#include <atomic>
#include <cstddef>

#include "api/server/service.hpp"

namespace gatherd::api::server {

/// Values that a program made or copied, in the service's account until it has ended. What became of each is not
/// followed: it is an upper bound of what the program holds.
///
/// Threads: all members are safe from any thread.
class program_memory {
public:
    explicit program_memory(service& of) noexcept : service_{of} {}
    program_memory(const program_memory&) = delete;
    program_memory& operator=(const program_memory&) = delete;
    ~program_memory() { release(); }

    /// Enters so many bytes. False: that is more than there may be.
    [[nodiscard]] bool hold(std::size_t bytes) noexcept {
        bytes_.fetch_add(bytes, std::memory_order_relaxed);  // only counted
        service_.memory().add(bytes);
        return !service_.is_full();
    }

    /// The program has ended.
    void release() noexcept { service_.memory().subtract(bytes_.exchange(0, std::memory_order_relaxed)); }

private:
    service& service_;
    std::atomic<std::size_t> bytes_{0};
};

}  // namespace gatherd::api::server
