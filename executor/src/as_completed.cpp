#include "gatherd/executor/as_completed.hpp"

#include <atomic>
#include <memory>
#include <mutex>

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor::detail {

class completion_order : private timer_node {
public:
    explicit completion_order(std::vector<task_ref> tasks)
        : timer_node{&timed_out},
          tasks_{std::move(tasks)},
          ends_{std::make_unique<end[]>(tasks_.size())},
          left_{tasks_.size()} {}

    void listen(std::optional<std::chrono::nanoseconds> timeout) {
        references_.fetch_add(static_cast<std::uint32_t>(tasks_.size()), std::memory_order_relaxed);  // we hold one
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            ends_[i].order = this;
            if (!tasks_[i]->add_continuation(ends_[i])) {
                end::fired(ends_[i], *tasks_[i]);  // it ended before
                ends_[i].order = nullptr;          // and was not linked
            }
        }
        if (timeout) {
            references_.fetch_add(1, std::memory_order_relaxed);  // as above
            timed_ = true;
            task_scope& scope = task_state::current().scope();
            scope.runs_on().add_timer(scope.timer_home(), *this, time_after(*timeout));
        }
    }

    /// Nobody listens any more.
    void leave() noexcept {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (ends_[i].order != nullptr && tasks_[i]->remove_continuation(ends_[i])) {
                release();
            }
        }
        if (timed_ && timer_wheel::remove(*this)) {
            release();
        }
        release();
    }

    [[nodiscard]] semaphore& ready() noexcept { return ready_; }

    std::size_t take() {
        const std::lock_guard guard{lock_};
        const end* const taken = first_;
        if (taken == nullptr) {
            throw timeout_error{};
        }
        first_ = taken->next_end;
        return static_cast<std::size_t>(taken - ends_.get());
    }

private:
    struct end : continuation {
        end() noexcept : continuation{&fired} {}
        static void fired(continuation& self, task_state&) noexcept {
            auto& me = static_cast<end&>(self);
            me.order->add(me);
            me.order->release();
        }

        completion_order* order = nullptr;
        end* next_end = nullptr;
    };

    void add(end& ended) noexcept {
        {
            const std::lock_guard guard{lock_};
            if (timed_out_) {
                return;
            }
            --left_;
            (first_ != nullptr ? last_->next_end : first_) = &ended;
            last_ = &ended;
        }
        ready_.release();
    }

    static void timed_out(timer_node& self) noexcept {
        auto& me = static_cast<completion_order&>(self);
        std::size_t late = 0;
        {
            const std::lock_guard guard{me.lock_};
            me.timed_out_ = true;
            late = me.left_;
        }
        for (; late > 0; --late) {
            me.ready_.release();
        }
        me.release();
    }

    void release() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // all others' uses come before the end
            delete this;
        }
    }

    const std::vector<task_ref> tasks_;
    const std::unique_ptr<end[]> ends_;  // one a task
    bool timed_ = false;
    std::atomic<std::uint32_t> references_{1};
    semaphore ready_{0};
    spin_lock lock_;
    std::size_t left_;  // under lock_, as all below
    bool timed_out_ = false;
    end* first_ = nullptr;
    end* last_ = nullptr;
};

completion_order_owner::completion_order_owner(std::vector<task_ref> tasks,
                                               std::optional<std::chrono::nanoseconds> timeout)
    : order_{new completion_order{std::move(tasks)}} {
    order_->listen(timeout);
}

completion_order_owner::~completion_order_owner() {
    if (order_ != nullptr) {
        order_->leave();
    }
}

semaphore& completion_order_owner::ready() const noexcept {
    return order_->ready();
}

std::size_t completion_order_owner::take() const {
    return order_->take();
}

}  // namespace gatherd::executor::detail
