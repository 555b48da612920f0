#include "executor/src/cancellation_walk.hpp"

#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include "gatherd/executor/detail/task_notes.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

bool cancellation_walk::begin(std::span<const task_ref> tasks, const std::string& message,
                              std::uint64_t request) noexcept {
    cancellation_walk walk{tasks, message, request, false};
    return walk.run(nullptr);
}

void cancellation_walk::begin_with(task_refs tasks, const std::string& message, std::uint64_t request) noexcept {
    cancellation_walk walk{tasks, message, request, false};
    static_cast<void>(walk.run(&tasks));
}

void cancellation_walk::begin_again(const task_ref& one, const std::string& message, std::uint64_t request) noexcept {
    cancellation_walk walk{{&one, 1}, message, request, true};
    static_cast<void>(walk.run(nullptr));
}

cancellation_walk::cancellation_walk(cancellation_walk&& other, std::vector<task_ref> copies, task_refs own,
                                     std::string message) noexcept
    : work{&run_piece},
      copies_{std::move(copies)},
      own_{std::move(own)},
      kept_{own_.empty() ? std::span<task_ref>{copies_} : std::span<task_ref>{own_}},
      tasks_{kept_},
      untold_{other.untold_},
      next_{other.next_},
      path_{std::move(other.path_)},
      kept_message_{std::move(message)},
      message_{&kept_message_},
      request_{other.request_},
      was_asked_{other.was_asked_},
      reached_{other.reached_} {}

/// Gives whether a task has taken it. Where the walk is not over then, one has, or there are several. `own`: the list
/// of tasks, where that may be kept.
bool cancellation_walk::run(task_refs* own) noexcept {
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    worker* const here = worker::current();
    if (!go_on(here == nullptr ? all : piece) && !go_on_later(*here, own)) {
        static_cast<void>(go_on(all));
    }
    return reached_;
}

/// False: there is more to do.
bool cancellation_walk::go_on(std::size_t most) noexcept {
    for (; untold_ > 0; --most) {
        if (most == 0) {
            return false;
        }
        reached_ |= tasks_[--untold_]->announce(*message_, request_);
    }
    for (; next_ < tasks_.size() || !path_.empty(); most -= most > 0 ? 1 : 0) {
        if (most == 0 && (reached_ || tasks_.size() > 1)) {
            return false;
        }
        if (path_.empty()) {
            const std::size_t i = next_++;
            path_.push_back({.task = kept_.empty() ? tasks_[i] : std::move(kept_[i]), .asked = was_asked_});
        }
        visit();
    }
    return true;
}

/// One step on the path.
void cancellation_walk::visit() noexcept {
    level& top = path_.back();
    if (top.next == top.awaited.size() && !top.reached) {
        // First visit; or all that it awaited ended in between, so it goes on: ask it once more.
        top.awaited.clear();
        top.next = 0;
        const bool is_first = !std::exchange(top.asked, true);
        const task_state::answer said = top.task->cancel_here(*message_, request_, is_first, top.awaited);
        if (task_notes* const notes = top.task->notes_.load(std::memory_order_acquire);  // N
            notes != nullptr && is_first && said != task_state::answer::ended) {
            notes->request_stop();
        }
        if (said == task_state::answer::ended || said == task_state::answer::accepted) {
            return leave_level(said == task_state::answer::accepted);
        }
        top.reached = said == task_state::answer::passed_on;
        reached_ |= top.reached;
    }
    if (top.next < top.awaited.size()) {
        task_ref awaited = std::move(top.awaited[top.next++]);
        path_.push_back({.task = std::move(awaited)});
        return;
    }
    leave_level(true);
}

void cancellation_walk::leave_level(bool took_it) noexcept {
    path_.pop_back();
    reached_ |= took_it;
    if (!path_.empty()) {
        path_.back().reached |= took_it;
    }
}

/// False: there is no memory for that.
bool cancellation_walk::go_on_later(worker& here, task_refs* own) noexcept {
    cancellation_walk* later = nullptr;
    try {
        std::vector<task_ref> copies;  // may fail, which task_refs may not
        if (own == nullptr) {
            copies.assign(tasks_.begin(), tasks_.end());
        }
        std::string message{*message_};
        later = new cancellation_walk{std::move(*this), std::move(copies),
                                      own == nullptr ? task_refs{} : std::move(*own), std::move(message)};
    } catch (const std::bad_alloc&) {
        return false;
    }
    later->pool_ = &here.owner();
    later->link();
    if (here.serial_step != nullptr) {
        later->paused_ = here.serial_step;
        later->paused_->pause();
    }
    later->pool_->submit(*later, scheduler::placement::yielding);
    return true;
}

void cancellation_walk::run_piece(work& self) noexcept {
    auto& walk = static_cast<cancellation_walk&>(self);
    if (!walk.go_on(piece)) {
        walk.pool_->submit(walk, scheduler::placement::yielding);
        return;
    }
    walk.unlink();
    task_scope* const paused = walk.paused_;
    delete &walk;
    if (paused != nullptr) {
        paused->resume();
    }
}

void cancellation_walk::link() noexcept {
    const std::lock_guard guard{pool_->walks_lock_};
    next_walk_ = std::exchange(pool_->first_walk_, this);
    if (next_walk_ != nullptr) {
        next_walk_->previous_walk_ = this;
    }
}

void cancellation_walk::unlink() noexcept {
    const std::lock_guard guard{pool_->walks_lock_};
    (previous_walk_ != nullptr ? previous_walk_->next_walk_ : pool_->first_walk_) = next_walk_;
    if (next_walk_ != nullptr) {
        next_walk_->previous_walk_ = previous_walk_;
    }
}

void cancellation_walk::destroy_all(scheduler& pool) noexcept {
    while (cancellation_walk* const first = pool.first_walk_) {
        first->unlink();
        delete first;
    }
}

}  // namespace gatherd::executor
