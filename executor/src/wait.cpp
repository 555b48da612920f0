#include "gatherd/executor/wait.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace detail {

/// The meeting point of one waiting task, the ends of those it waits for, and a timer.
///
/// Whoever sets `over_` under the lock resumes the waiter; everybody else leaves. Ends and timer may still be on their
/// way when the waiter has gone on, so who still comes is counted, in one word: in its low half the tasks whose end has
/// not been dealt with, in its high half the awaiter and a running timer. The last one ends the group. An end that
/// decides nothing is one exchange, without the lock.
///
/// Edge  W  any: word exchange or sub, acq_rel  ->  the last: the same      all uses come before the end
///
/// Lock order: the waiter's lock, then this one. Completions fire without any lock.
class completion_group {
public:
    completion_group(std::span<const task_ref> tasks, return_when when, std::optional<std::chrono::nanoseconds> timeout,
                     on_cancel cancelling)
        : tasks_{tasks},
          when_{when},
          timeout_{timeout},
          cancelling_{cancelling},
          nodes_{std::make_unique<node[]>(tasks_.size())},
          timer_{*this} {}

    /// Begins to listen. False: the wait is over already.
    bool arm(task_state& waiter) noexcept {
        word_.fetch_add(tasks_.size(), std::memory_order_relaxed);  // nobody else knows of it yet
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            nodes_[i].group = this;
            if (!tasks_[i]->add_continuation(nodes_[i])) {
                nodes_[i].group = nullptr;
                count(*tasks_[i]);
            }
        }
        const std::lock_guard guard{lock_};
        if (over_) {
            return false;
        }
        waiter_ = &waiter;
        if (timeout_) {
            word_.fetch_add(holder, std::memory_order_relaxed);  // the timer; the awaiter holds it now
            timed_ = true;
            task_scope& scope = waiter.scope();
            scope.runs_on().add_timer(scope.timer_home(), timer_, time_after(std::max(*timeout_, {})));
        }
        return true;
    }

    wait_point::cancellation cancel(task_refs& awaited) noexcept {
        if (cancelling_ == on_cancel::forward) {
            for (const task_ref& task : tasks_) {
                if (!task->ended()) {
                    awaited.push_back(task);
                }
            }
            if (awaited.empty()) {
                return wait_point::cancellation::too_late;
            }
            const std::lock_guard guard{lock_};
            cancel_requested_ = true;
            return wait_point::cancellation::passed_on;
        }
        return claim(nullptr) ? wait_point::cancellation::detached : wait_point::cancellation::too_late;
    }

    /// The waiter goes on: nothing shall come from the tasks any more.
    wait_result leave() noexcept {
        const bool all_ended = [this] {
            const std::lock_guard guard{lock_};
            return all_ended_;
        }();
        for (std::size_t i = 0; i < (all_ended ? 0 : tasks_.size()); ++i) {
            if (nodes_[i].group != nullptr && tasks_[i]->remove_continuation(nodes_[i])) {
                drop(1);
            }
        }
        if (timed_ && timer_wheel::remove(timer_)) {
            drop(holder);
        }
        const std::lock_guard guard{lock_};
        return {decisive_ != nullptr, cancel_requested_, task_ref{decisive_}};
    }

    /// The awaiter's end.
    void release() noexcept { drop(holder); }

private:
    struct node : continuation {
        node() noexcept : continuation{&completion_group::ended} {}
        completion_group* group = nullptr;
    };
    struct group_timer : timer_node {
        explicit group_timer(completion_group& owner) noexcept
            : timer_node{&completion_group::timed_out}, group{owner} {}
        completion_group& group;
    };

    static void ended(continuation& self, task_state& task) noexcept { static_cast<node&>(self).group->count(task); }

    static void timed_out(timer_node& self) noexcept {
        completion_group& group = static_cast<group_timer&>(self).group;
        task_state* waiter = nullptr;
        if (group.claim(&waiter)) {
            waiter->resume();
        }
        group.drop(holder);
    }

    static constexpr std::uint64_t holder = std::uint64_t{1} << 32;
    static constexpr std::uint64_t left(std::uint64_t word) noexcept { return word & (holder - 1); }

    void drop(std::uint64_t one) noexcept {
        if (word_.fetch_sub(one, std::memory_order_acq_rel) == one) {  // W
            delete this;
        }
    }

    /// One task has ended. By the end of this the group may have.
    void count(task_state& task) noexcept {
        const bool decides = when_ == return_when::first_completed ||
                             (when_ == return_when::first_failure && task.failed()) ||
                             (when_ == return_when::first_exception && task.failed() && !task.cancelled());
        if (!decides) {
            std::uint64_t word = word_.load(std::memory_order_relaxed);  // a guess; the exchange decides
            while (left(word) > 1) {
                if (word_.compare_exchange_weak(word, word - 1, std::memory_order_acq_rel)) {  // W
                    return;
                }
            }
        }
        task_state* waiter = nullptr;
        if (when_ == return_when::first_exception) {
            static_cast<void>(task.exception());  // counts as retrieved, as asyncio's asking does
        }
        {
            const std::lock_guard guard{lock_};
            if (!std::exchange(over_, true)) {
                decisive_ = &task;
                all_ended_ = left(word_.load(std::memory_order_relaxed)) == 1;  // but for this one: nobody adds to it
                waiter = waiter_;
            }
        }
        if (waiter != nullptr) {  // else it is still in arm, and finds over_
            waiter->resume();
        }
        drop(1);
    }

    bool claim(task_state** waiter) noexcept {
        const std::lock_guard guard{lock_};
        if (std::exchange(over_, true)) {
            return false;
        }
        if (waiter != nullptr) {
            *waiter = waiter_;
        }
        return true;
    }

    const std::span<const task_ref> tasks_;  // for as long as the awaiter lives
    const return_when when_;
    const std::optional<std::chrono::nanoseconds> timeout_;
    const on_cancel cancelling_;
    std::unique_ptr<node[]> nodes_;
    group_timer timer_;
    bool timed_ = false;

    std::atomic<std::uint64_t> word_{holder};
    spin_lock lock_;
    bool over_ = false;  // under lock_, as all below
    bool all_ended_ = false;
    bool cancel_requested_ = false;
    task_state* decisive_ = nullptr;  // one of tasks_
    task_state* waiter_ = nullptr;
};

}  // namespace detail

wait_awaiter::wait_awaiter(std::span<const task_ref> tasks, return_when when,
                           std::optional<std::chrono::nanoseconds> timeout, on_cancel cancelling)
    : group_{new detail::completion_group{tasks, when, timeout, cancelling}} {}

wait_awaiter::wait_awaiter(std::vector<task_ref> tasks, return_when when,
                           std::optional<std::chrono::nanoseconds> timeout, on_cancel cancelling)
    : tasks_{std::move(tasks)}, group_{new detail::completion_group{tasks_, when, timeout, cancelling}} {}

wait_awaiter::wait_awaiter(wait_awaiter&& other) noexcept
    : tasks_{std::move(other.tasks_)}, group_{std::exchange(other.group_, nullptr)} {}

wait_awaiter::~wait_awaiter() {
    if (group_ != nullptr) {
        group_->release();
    }
}

bool wait_awaiter::arm(task_state& waiter) noexcept {
    return group_->arm(waiter);
}

wait_point::cancellation wait_awaiter::cancel(task_refs& awaited) noexcept {
    return group_->cancel(awaited);
}

wait_result wait_awaiter::await_resume() {
    wait_result result = group_->leave();
    task_state::current().throw_if_cancelled();
    return result;
}

}  // namespace gatherd::executor
