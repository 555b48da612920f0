/// \file
/// What a program has made on a thread of a pool, beside the workers.
#pragma once

#include <exception>
#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

/// A pool: called with a function, it gives what is to be awaited for the result.
inline constexpr auto computes_in_turn = [](auto f) { return executor::compute_in_turn(std::move(f)); };

/// The outcome that `make()` gives on a thread of a pool. What that allocates is the program's, which is kept alive
/// meanwhile; `make` owns what else it uses. What it raises is the failure at `where`, as a cancellation is. Never
/// raises.
template <typename Pool, typename Make>
executor::task<outcome> make_on(Pool pool, Make make, place where, program& p) {
    try {
        // Both are named, since g++ 12 destroys temporaries with captures twice in some awaits.
        auto body = [owner = p.shared_from_this(), make = std::move(make)]() mutable -> outcome {
            const executor::memory_turn turn{&owner->memory()};
            return make();
        };
        auto making = pool(std::move(body));
        co_return co_await making;
    } catch (const std::exception&) {
        co_return handled(where);
    }
}

/// The same on the compute pool: what is too large for a worker.
template <typename Make>
executor::task<outcome> make_aside(Make make, place where, program& p) {
    return make_on(computes_in_turn, std::move(make), where, p);
}

}  // namespace gatherd::api::plan
