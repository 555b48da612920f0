/// \file
/// Room for the tasks of one plan, for as long as they are in flight.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace gatherd::api::server {

/// Tasks that count against limits.tasks_in_flight and its kin while it lives.
///
/// It takes at once; whether that was too many is to be asked afterwards: two at a time may both be refused, but never
/// both be let in.
///
/// Threads: one at a time.
class task_allowance {
public:
    using counter = std::atomic<std::size_t>;
    /// Of the service, the connection and the token. Shared, since a detached task outlives its connection.
    using counter_list = std::array<std::shared_ptr<counter>, 3>;

    task_allowance() noexcept = default;
    task_allowance(counter_list counted, std::size_t tasks) noexcept : counted_{std::move(counted)}, tasks_{tasks} {
        for (const auto& each : counted_) {
            each->fetch_add(tasks_, std::memory_order_relaxed);  // only counted, as all of these
        }
    }
    task_allowance(task_allowance&& other) noexcept = default;
    task_allowance& operator=(task_allowance&& other) noexcept {
        release();
        counted_ = std::move(other.counted_);
        tasks_ = other.tasks_;
        return *this;
    }
    ~task_allowance() { release(); }

    /// Gives back what it took.
    void release() noexcept {
        for (auto& each : counted_) {
            if (each != nullptr) {
                each->fetch_sub(tasks_, std::memory_order_relaxed);
                each = nullptr;
            }
        }
    }

    /// How many tasks it was taken for, also after release.
    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }

private:
    counter_list counted_;
    std::size_t tasks_ = 0;
};

}  // namespace gatherd::api::server
