#include "api/plan/evaluate/evaluate.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "api/plan/evaluate/child_list.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/failure.hpp"

namespace gatherd::api::plan {

using executor::task;

namespace {

/// A map whose items are no nodes of the plan: their number times the nodes of the task is counted as it starts.
task<outcome> evaluate_items(const map_node& n, environment_ptr names, program& p) {
    std::shared_ptr<const value> computed;
    if (n.over_task != nullptr) {
        const node& source = *n.over_task;
        auto evaluation =
            source.is == kind::ref
                ? recorded({&source}, evaluate_ref(static_cast<const ref_node&>(source), names, p, &computed), p)
                : evaluate(source, names, p);
        outcome over = co_await std::move(evaluation);
        if (!over.has_value()) {
            co_return over;
        }
        if (computed == nullptr) {
            computed = shared_value(std::move(over.result()));
        }
        if (!computed->is_array()) {
            co_return failure{"TypeError", "over must be a list, not " + std::string{python_type(*computed)}, {&n}};
        }
    }
    child_list children = items_of(n, std::move(computed));
    if (!p.count_mapped(children.size, n.body_tasks)) {
        co_return failure{"CancelledError", "", {&n}};
    }
    if (&n == &p.source().root() && p.observer().wants_children()) {
        p.observer().children_counted(children.size);
    }
    co_return co_await gather_children(std::move(children), std::move(names), p);
}

}  // namespace

task<outcome> evaluate_map(const map_node& n, environment_ptr names, program& p) {
    return n.has_listed_calls() ? evaluate_gather(n, std::move(names), p) : evaluate_items(n, std::move(names), p);
}

}  // namespace gatherd::api::plan
