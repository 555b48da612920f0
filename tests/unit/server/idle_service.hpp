/// \file
/// A service without clients, for tests of what belongs to one.
#pragma once

#include "api/plan/model/registry.hpp"
#include "api/server/service.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server::tests {

/// With one worker, which has nothing to do.
struct idle_service {
    explicit idle_service(const limits& bounds = {}) : of{on, functions, bounds, "test"} {}
    ~idle_service() { stop(); }

    /// Ends its threads: nothing is done any more but by the caller.
    void stop() noexcept {
        of.state().stop_bulk();
        on.stop();
    }

    executor::scheduler on{{.workers = 1}};
    plan::registry functions;
    service of;
};

/// A grant of all rights for that token.
inline token_grant grant(const char* name, const char* token) {
    return {name, hash_of(token), all_rights, 0};
}

}  // namespace gatherd::api::server::tests
