#include "api/plan/sleeping_map.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/plan/call.hpp"
#include "api/plan/program.hpp"
#include "api/plan/settled.hpp"
#include "executor/sleep.hpp"

namespace gatherd::api::plan {
namespace {

using executor::clock;

/// So many children are started, woken or collected before others have their turn: some tens of microseconds.
constexpr std::size_t children_in_a_row = 256;

/// The children of one map: those that sleep, those that failed, and how many are still to come.
class sleepers {
public:
    sleepers(const map_node& n, program& p)
        : map_{n},
          program_{p},
          body_{std::get<sleeping_body>(n.callee->body)},
          limit_{n.options.limit == 0 ? n.over.size() : n.options.limit},
          is_watched_{&n == &p.what().root() && p.observer().wants_children()} {
        asleep_.reserve(std::min(limit_, n.over.size()));
    }

    [[nodiscard]] bool all_ended() const noexcept { return asleep_.empty() && next_ == map_.over.size(); }

    /// Starts children in order as far as the limit lets them, and ends those whose time has come; some of each. True:
    /// there may be more to do at once.
    [[nodiscard]] bool go_on(clock::time_point now) {
        std::size_t started = 0;
        while (next_ < map_.over.size() && asleep_.size() < limit_ && started < children_in_a_row) {
            start(next_++, now);
            ++started;
        }
        std::size_t ended = 0;
        while (!asleep_.empty() && asleep_.front().deadline <= now && ended < children_in_a_row) {
            std::pop_heap(asleep_.begin(), asleep_.end(), std::greater<>{});
            const std::uint32_t child = asleep_.back().child;
            asleep_.pop_back();
            tell(child);
            ++ended;
        }
        return started == children_in_a_row || ended > 0;
    }

    /// When the next one ends. Only while one sleeps.
    [[nodiscard]] clock::time_point next_deadline() const noexcept { return asleep_.front().deadline; }

    /// Of the first child to fail, unless failures are results.
    [[nodiscard]] const failure_ptr& decisive_failure() const noexcept { return decisive_failure_; }

    [[nodiscard]] outcome outcome_of(std::size_t child) const {
        if (const auto failed = failures_.find(static_cast<std::uint32_t>(child)); failed != failures_.end()) {
            return failed->second;
        }
        return sleep_result(body_, map_.over[child].bound, place_of(child));
    }

    /// No more of them start or wake: those that are left are cancelled. The outcome of the first of these, with which
    /// a gather ends.
    [[nodiscard]] outcome cancel(const executor::cancelled_error& cause) {
        if (asleep_.empty()) {
            return cancelled_at({&map_}, cause);
        }
        const auto by_child = [](const sleeper& a, const sleeper& b) { return a.child < b.child; };
        if (is_watched_) {
            std::sort(asleep_.begin(), asleep_.end(), by_child);
        } else {
            std::iter_swap(asleep_.begin(), std::min_element(asleep_.begin(), asleep_.end(), by_child));
        }
        return cancelled_at(place_of(asleep_.front().child), cause);
    }

    /// Tells the ends of some that were cancelled, in order. True: there are more.
    [[nodiscard]] bool tell_cancelled(const executor::cancelled_error& cause) {
        if (!is_watched_) {
            return false;
        }
        for (std::size_t i = 0; i < children_in_a_row; ++i) {
            if (told_ == asleep_.size() && next_ == map_.over.size()) {
                return false;
            }
            const std::size_t child = told_ < asleep_.size() ? asleep_[told_++].child : next_++;
            program_.observer().child_ended(child, cancelled_at(place_of(child), cause));
        }
        return true;
    }

private:
    struct sleeper {
        clock::time_point deadline;
        std::uint32_t child;  // of equal deadlines the first child's comes first

        [[nodiscard]] auto operator<=>(const sleeper&) const = default;
    };

    [[nodiscard]] place place_of(std::size_t child) const noexcept {
        return {&map_, static_cast<std::uint32_t>(child)};
    }

    void start(std::size_t child, clock::time_point now) {
        std::chrono::nanoseconds delay{};
        const outcome checked = sleep_delay(body_, map_.over[child].bound, place_of(child), delay);
        if (checked.has_value()) {
            asleep_.push_back({now + delay, static_cast<std::uint32_t>(child)});
            std::push_heap(asleep_.begin(), asleep_.end(), std::greater<>{});
            return;
        }
        failures_.emplace(static_cast<std::uint32_t>(child), checked.reason());
        if (!map_.options.return_exceptions && decisive_failure_ == nullptr) {
            decisive_failure_ = checked.reason();
        }
        tell(child);
    }

    void tell(std::size_t child) {
        if (is_watched_) {
            program_.observer().child_ended(child, outcome_of(child));
        }
    }

    const map_node& map_;
    program& program_;
    const sleeping_body& body_;
    std::size_t limit_;
    bool is_watched_;
    std::size_t next_ = 0;         // the first child that has not started
    std::vector<sleeper> asleep_;  // a heap, the earliest in front
    std::size_t told_ = 0;         // of those asleep, once they were cancelled
    std::unordered_map<std::uint32_t, failure_ptr> failures_;
    failure_ptr decisive_failure_;
};

}  // namespace

bool is_sleeping_map(const map_node& n) noexcept {
    return n.callee->is_async() && !n.has_awaits && !n.over.empty();
}

executor::task<outcome> evaluate_sleeping_map(const map_node& n, program& p) {
    sleepers children{n, p};
    std::optional<executor::cancelled_error> cancelled;
    try {
        while (!children.all_ended()) {
            const bool is_busy = children.go_on(clock::now());
            if (children.decisive_failure() != nullptr) {
                co_return children.decisive_failure();  // the others would sleep on, seen by nobody
            }
            if (is_busy) {
                co_await executor::yield();
            } else {
                co_await executor::sleep_until(children.next_deadline());
            }
        }
        value results = value::array();
        auto& items = results.get_ref<value::array_t&>();
        items.reserve(n.over.size());
        while (items.size() < n.over.size()) {
            outcome ended = children.outcome_of(items.size());
            items.push_back(n.options.return_exceptions ? settled(std::move(ended)) : std::move(ended.result()));
            if (items.size() % (16 * children_in_a_row) == 0) {
                co_await executor::yield();
            }
        }
        co_return results;
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
