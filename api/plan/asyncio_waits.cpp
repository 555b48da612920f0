#include "api/plan/asyncio_waits.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "api/plan/function.hpp"

namespace gatherd::api::plan {
namespace {

/// How a node has ended, as far as that says what of it has run.
struct ending {
    bool has_succeeded;
    std::uint32_t outwards;  ///< environments between the node and the let
};

bool waits(const node& n, ending how);

/// Of tasks that are awaited one after the other; a failure may have been the first one's.
template <typename Each, typename NodeOf>
bool any_waits(std::span<const Each> tasks, NodeOf node_of, ending how) {
    const std::size_t reached = how.has_succeeded ? tasks.size() : std::min<std::size_t>(tasks.size(), 1);
    return std::ranges::any_of(
        tasks.first(reached), [how](const node* each) { return waits(*each, how); }, node_of);
}

bool call_waits(const call_node& n, ending how) {
    if (n.is_sleep || (how.has_succeeded && n.callee->is_async())) {
        return true;
    }
    const awaited_arguments* const awaited = n.arguments.awaited;
    if (awaited == nullptr) {
        return false;
    }
    return awaited->whole != nullptr ? waits(*awaited->whole, how) : any_waits(awaited->holes, &hole::task, how);
}

bool waits(const node& n, ending how) {
    switch (n.is) {
        case kind::value:
            return false;
        case kind::call:
            return call_waits(static_cast<const call_node&>(n), how);
        case kind::ref:  // to a task of that let: it cannot have ended before anybody waited
            return static_cast<const ref_node&>(n).levels == how.outwards;
        case kind::map:
            return !static_cast<const map_node&>(n).over.empty();
        case kind::gather:
        case kind::task_group:
        case kind::wait:
        case kind::race:
            return !static_cast<const list_node&>(n).children.empty();
        case kind::to_thread:
            return true;
        case kind::shield:
        case kind::wait_for: {
            const auto& around = static_cast<const inner_node&>(n);
            const bool has_task = n.is == kind::shield || around.timeout.has_value();
            return (has_task && around.inner->is != kind::ref) || waits(*around.inner, how);
        }
        case kind::sequence:
            return any_waits(static_cast<const list_node&>(n).children, std::identity{}, how);
        case kind::let:
            return waits(*static_cast<const let_node&>(n).body, {how.has_succeeded, how.outwards + 1});
        case kind::try_: {
            const auto& around = static_cast<const try_node&>(n);
            return waits(*around.body, {false, how.outwards}) ||
                   (around.finalizer != nullptr && waits(*around.finalizer, how));
        }
        case kind::retry:
            return waits(*static_cast<const retry_node&>(n).inner, {false, how.outwards});
    }
    return false;
}

}  // namespace

bool waits_in_asyncio(const let_node& of, bool body_has_succeeded) {
    return waits(*of.body, {body_has_succeeded, 0});
}

}  // namespace gatherd::api::plan
