/// \file
/// Something that a client must have done by a certain time.
#pragma once

#include <chrono>
#include <utility>

#include "executor/alarm.hpp"
#include "executor/scheduler.hpp"

namespace gatherd::api::server {

/// An alarm that knows whether it is set.
///
/// Threads: one worker's, on which it rings as well.
class deadline {
public:
    [[nodiscard]] bool is_set() const noexcept { return is_set_; }

    /// Calls `late` when that time is over, unless clear() comes before; it is not set any more then. A time of 0 is
    /// never over.
    template <typename Late>
    void set(executor::scheduler& on, std::chrono::nanoseconds time, Late late) {
        is_set_ = true;
        if (time.count() == 0) {
            alarm_.cancel();
            return;
        }
        // `late` keeps alive what `this` is a part of.
        alarm_.set(on, time, [this, late = std::move(late)] {
            if (std::exchange(is_set_, false)) {
                late();
            }
        });
    }

    void clear() noexcept {
        is_set_ = false;
        alarm_.cancel();
    }

private:
    executor::alarm alarm_;
    bool is_set_ = false;
};

}  // namespace gatherd::api::server
