#include "api/plan/evaluate/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::api::plan {

namespace {

using executor::task;

constexpr std::size_t least_shared = 4 * steps_a_turn;

/// Children and who has taken which. Kept by all who take.
struct sharing {
    explicit sharing(child_list list) : children{list}, results(list.size) {}

    const child_list children;
    std::vector<outcome> results;  // each written by who took it, read when all have ended
    std::atomic<std::size_t> next{0};
};

/// Gives how many it took.
task<std::size_t> evaluate_rows(std::shared_ptr<sharing> shared, program& p) {
    const std::size_t size = shared->children.size;
    for (std::size_t taken = 0;;) {
        // Relaxed: a row is taken by one only, and nothing else is told by it. What is in it came before the task.
        const std::size_t first = shared->next.fetch_add(steps_a_turn, std::memory_order_relaxed);
        if (first >= size) {
            co_return taken;
        }
        const std::size_t last = std::min(first + steps_a_turn, size);
        for (std::size_t i = first; i < last; ++i) {
            shared->results[i] = shared->children.now(i, p);
            if (is_cancellation(shared->results[i])) {
                break;  // there is no memory for it, and the program has been cancelled: the yield raises that
            }
        }
        taken += last - first;
        co_await executor::yield();
    }
}

}  // namespace

bool are_worth_sharing(const child_list& children) noexcept {
    return children.parent.is_instant && children.parent.lines == 0 && children.size >= least_shared;
}

task<outcome> evaluate_shared(child_list children, program& p) {
    const auto all = std::make_shared<sharing>(children);
    const std::size_t rows = (children.size + steps_a_turn - 1) / steps_a_turn;
    std::vector<task<std::size_t>> takers;
    for (std::size_t i = 0; i < std::min(executor::scheduler::current()->workers(), rows); ++i) {
        takers.push_back(evaluate_rows(all, p));
    }
    auto whole = executor::gather_unjoined(std::move(takers));
    try {
        co_await std::move(whole);
    } catch (const executor::cancelled_error& e) {
        co_return cancelled_at({&children.parent}, e);
    }
    if (!children.options.return_exceptions) {
        const auto failed = std::find_if(all->results.begin(), all->results.end(),
                                         [](const outcome& each) { return !each.has_value(); });
        if (failed != all->results.end()) {
            co_return failed->reason();
        }
    }
    co_return result_list(std::move(all->results), children.options.return_exceptions);
}

}  // namespace gatherd::api::plan
