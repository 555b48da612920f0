#include "api/plan/evaluate/sleeping_children.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/deadlines.hpp"
#include "api/plan/evaluate/program.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::api::plan {

namespace {

using executor::clock;

/// So many children are started or woken before others have their turn: some tens of microseconds.
constexpr std::size_t children_in_a_row = 256;

/// The children of one child_list that sleep, and how many are still to come.
class sleepers {
public:
    sleepers(const child_list& of, program& p, bool is_watched)
        : of_{of}, program_{p}, is_watched_{is_watched}, limit_{of.options.limit == 0 ? of.size : of.options.limit} {
        std::size_t count = 0;
        for (std::size_t i = 0; i < of_.size; ++i) {
            count += of_.is_sleep(i) ? 1 : 0;
        }
        asleep_.reserve(std::min(limit_, count));
        skip_others();
    }

    [[nodiscard]] bool all_ended() const noexcept { return asleep_.empty() && next_ == of_.size; }

    /// Starts children in order as far as the limit lets them; when no more can start, ends those whose time has come.
    /// Some of them: true, there may be more to do at once.
    [[nodiscard]] bool go_on(clock::time_point now) {
        std::size_t started = 0;
        while (next_ < of_.size && asleep_.size() < limit_ && started < children_in_a_row) {
            const std::size_t child = take_next();
            asleep_.add({now + of_.delay_of(child), static_cast<std::uint32_t>(child)});
            ++started;
        }
        if (started == children_in_a_row) {
            return true;  // as on asyncio's loop, where all have begun before time is looked at
        }
        asleep_.settle();
        std::size_t ended = 0;
        while (!asleep_.empty() && asleep_.next().when <= now && ended < children_in_a_row) {
            const std::size_t child = asleep_.next().child;
            asleep_.pop();
            if (is_watched_) {
                program_.observer().child_ended(child, of_.slept(child));
            }
            ++ended;
        }
        return ended > 0;
    }

    /// When the next one ends. Only while one sleeps.
    [[nodiscard]] clock::time_point next_deadline() const noexcept { return asleep_.next().when; }

    /// No more of them start or wake: those that are left, one at least, are cancelled. The outcome of the first of
    /// these, with which a gather ends.
    [[nodiscard]] outcome cancel(const executor::cancelled_error& cause) {
        const auto by_child = [](const deadlines::entry& a, const deadlines::entry& b) { return a.child < b.child; };
        left_ = asleep_.take_all();
        if (is_watched_) {
            std::sort(left_.begin(), left_.end(), by_child);
        }
        const auto first = std::min_element(left_.begin(), left_.end(), by_child);
        return cancelled_at(of_.place_of(first == left_.end() ? next_ : first->child), cause);
    }

    /// Tells the ends of some that were cancelled, in order. True: there are more.
    [[nodiscard]] bool tell_cancelled(const executor::cancelled_error& cause) {
        if (!is_watched_) {
            return false;
        }
        for (std::size_t i = 0; i < children_in_a_row; ++i) {
            if (told_ == left_.size() && next_ == of_.size) {
                return false;
            }
            const std::size_t child = told_ < left_.size() ? left_[told_++].child : take_next();
            program_.observer().child_ended(child, cancelled_at(of_.place_of(child), cause));
        }
        return true;
    }

private:
    [[nodiscard]] std::size_t take_next() {
        const std::size_t child = next_++;
        skip_others();
        return child;
    }

    void skip_others() {
        while (next_ < of_.size && !of_.is_sleep(next_)) {
            ++next_;
        }
    }

    const child_list of_;
    program& program_;
    bool is_watched_;
    std::size_t limit_;
    std::size_t next_ = 0;  // the first child that has not started
    deadlines asleep_;
    std::vector<deadlines::entry> left_;  // those that slept when they were cancelled
    std::size_t told_ = 0;                // of these
};

}  // namespace

executor::task<outcome> sleep_for_children(child_list of, program& p, bool is_watched) {
    sleepers children{of, p, is_watched};
    std::optional<executor::cancelled_error> cancelled;
    try {
        for (;;) {
            const bool is_busy = children.go_on(clock::now());
            if (children.all_ended()) {
                co_return value{};
            }
            if (is_busy) {
                co_await executor::yield();
            } else {
                co_await executor::sleep_until(children.next_deadline());
            }
        }
    } catch (const executor::cancelled_error& e) {
        cancelled = e;
    }
    outcome first = children.cancel(*cancelled);
    while (children.tell_cancelled(*cancelled)) {
        try {
            co_await executor::yield();
        } catch (const executor::cancelled_error&) {
            continue;  // it is ending already
        }
    }
    co_return first;
}

}  // namespace gatherd::api::plan
