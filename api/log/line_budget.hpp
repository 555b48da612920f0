/// \file
/// How often a thing that repeats may be logged.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace gatherd::executor {
class scheduler;
}

namespace gatherd::api::log {

/// Lets `most` lines through at once, then so many a second; the others are counted. Their number is logged before the
/// next line, or by itself where none comes in the time of two lines.
///
/// Threads: all members are safe from any thread.
class line_budget {
public:
    using clock = std::chrono::steady_clock;
    using teller = std::function<void(std::uint64_t)>;

    /// `tell`: logs how many lines were left out. It is called by `pass`, or on a worker of `threads`.
    line_budget(double most, double each_second, executor::scheduler& threads, teller tell);
    line_budget(const line_budget&) = delete;
    line_budget& operator=(const line_budget&) = delete;
    ~line_budget();

    /// Whether one more may be logged.
    [[nodiscard]] bool pass(clock::time_point now = clock::now());

private:
    struct state;  // shared with the timer's callback, which may run while this is destroyed
    const std::shared_ptr<state> state_;
};

}  // namespace gatherd::api::log
