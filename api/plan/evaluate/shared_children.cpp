#include "api/plan/evaluate/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::api::plan {

namespace {

using executor::task;

constexpr std::size_t least_shared = 4 * steps_a_turn;

/// Children and who has taken which. Kept by all who take.
struct sharing {
    explicit sharing(child_list list, environment_ptr scope)
        : children{std::move(list)}, names{std::move(scope)}, results(children.size) {}

    const child_list children;
    const environment_ptr names;
    std::vector<outcome> results;  // each written by who took it, read when all have ended
    std::atomic<std::size_t> next{0};
};

constexpr std::size_t row = steps_a_turn;  // children that are taken at a time

/// Gives how many it took.
task<std::size_t> evaluate_rows(std::shared_ptr<sharing> shared, program& p) {
    const child_list& children = shared->children;
    const std::size_t size = children.size;
    turn own;
    for (std::size_t taken = 0;;) {
        // Relaxed: a row is taken by one only, and nothing else is told by it. What is in it came before the task.
        const std::size_t first = shared->next.fetch_add(row, std::memory_order_relaxed);
        if (first >= size) {
            co_return taken;
        }
        const std::size_t last = std::min(first + row, size);
        for (std::size_t i = first; i < last; ++i) {
            std::optional<outcome> made;
            if (children.is_instant(i)) {
                made = children.now(i, shared->names, p);
            }
            if (made) {
                shared->results[i] = *std::move(made);
            } else {  // of those the compute pool has as many at a time as there are who take
                shared->results[i] = co_await children.later(i, shared->names, p);
            }
            if (own.is_over_after_child()) {
                co_await executor::yield();
            }
        }
        taken += last - first;
    }
}

}  // namespace

bool are_worth_sharing(const child_list& children) noexcept {
    const node& n = children.parent;
    return children.size >= least_shared && !n.prints && (n.is_instant || (n.is == kind::map && children.are_direct()));
}

task<outcome> evaluate_shared(child_list list, environment_ptr names, program& p) {
    memory_limit::check(list.size * sizeof(outcome));
    const auto all = std::make_shared<sharing>(std::move(list), std::move(names));
    const child_list& children = all->children;
    const std::size_t rows = (children.size + row - 1) / row;
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
            co_return children.failed(static_cast<std::size_t>(failed - all->results.begin()), failed->reason());
        }
    }
    co_return result_list(std::move(all->results), children.options.return_exceptions);
}

}  // namespace gatherd::api::plan
