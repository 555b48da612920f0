#include "api/plan/evaluate/call_times.hpp"

#include <new>
#include <utility>

#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::plan {

std::vector<call_times::function_numbers> call_times::all() const {
    std::vector<function_numbers> list;
    const std::lock_guard guard{lock_};
    list.reserve(functions_.size());
    for (const auto& [name, counted] : functions_) {
        list.push_back({name, counted});
    }
    return list;
}

latency_histogram call_times::times_queued(call_lane lane) const {
    const std::lock_guard guard{lock_};
    return times_queued_.at(static_cast<std::size_t>(lane));
}

timed_call::timed_call(std::shared_ptr<call_times> times, std::string_view function, call_lane lane) noexcept
    : times_{std::move(times)}, lane_{lane}, has_begun_{lane == call_lane::none} {
    if (times_ == nullptr) {
        return;
    }
    try {
        const executor::memory_turn nobodys{nullptr};  // the numbers outlive the program
        const std::lock_guard guard{times_->lock_};
        auto& all = times_->functions_;
        auto found = all.find(function);
        if (found == all.end()) {
            found = all.emplace(all.size() < call_times::most_functions ? function : "(others)", call_times::numbers{})
                        .first;
        }
        counted_ = &found->second;
        ++(has_begun_ ? counted_->running : counted_->queued);
    } catch (const std::bad_alloc&) {
        times_ = nullptr;
        return;
    }
    since_ = call_times::clock::now();
}

timed_call::timed_call(timed_call&& other) noexcept
    : times_{std::move(other.times_)},
      counted_{other.counted_},
      lane_{other.lane_},
      has_begun_{other.has_begun_},
      since_{other.since_} {}

timed_call::~timed_call() {
    settle(nullptr);
}

void timed_call::begin() noexcept {
    if (times_ == nullptr || std::exchange(has_begun_, true)) {
        return;
    }
    const auto waited_since = std::exchange(since_, call_times::clock::now());
    const auto waited = since_ - waited_since;
    const std::lock_guard guard{times_->lock_};
    --counted_->queued;
    ++counted_->running;
    counted_->time_queued += waited;
    times_->times_queued_[static_cast<std::size_t>(lane_)].add(waited);
}

void timed_call::end(bool has_returned) noexcept {
    settle(&has_returned);
}

/// Null: it was cancelled.
void timed_call::settle(const bool* has_returned) noexcept {
    if (times_ == nullptr) {
        return;
    }
    const auto took = call_times::clock::now() - since_;
    {
        const std::lock_guard guard{times_->lock_};
        --(has_begun_ ? counted_->running : counted_->queued);
        if (has_returned != nullptr) {
            ++(*has_returned ? counted_->returned : counted_->failed);
            counted_->times_run.add(has_begun_ ? took : std::chrono::nanoseconds{0});
        }
    }
    times_ = nullptr;
}

}  // namespace gatherd::api::plan
