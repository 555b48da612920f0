/// \file
/// The other half of a queue: what was put and not yet processed.
#pragma once

#include <cstddef>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"

namespace gatherd::executor::detail {

/// A count, and the tasks that wait for it to be zero. Threads: all are safe from any.
class unfinished_work {
public:
    class join_awaiter;

    void add() noexcept;
    void done();
    [[nodiscard]] join_awaiter join() noexcept;

private:
    spin_lock lock_;
    std::size_t count_ = 0;  // under lock_, as all below
    wait_queue joiners_;
};

class [[nodiscard]] unfinished_work::join_awaiter : public wait_queue::place {
public:
    explicit join_awaiter(unfinished_work& of) noexcept : place{of.lock_, of.joiners_}, work_{of} {}

    void await_resume() const { task_state::current().throw_if_cancelled(); }
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "queue.join"; }

private:
    unfinished_work& work_;
};

inline unfinished_work::join_awaiter unfinished_work::join() noexcept {
    return join_awaiter{*this};
}

}  // namespace gatherd::executor::detail
