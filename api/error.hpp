/// \file
/// Why a request was refused or failed: the wire's codes, and what goes with them.
#pragma once

#include <memory>
#include <string>

#include "gatherd/api/value.hpp"

namespace gatherd::api {

/// JSON-RPC 2.0's error codes and gatherd's own. See docs/PROTOCOL.md.
enum class errc {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
    task_failed = -32000,
    timed_out = -32001,
    cancelled = -32002,
    overloaded = -32003,
    not_authenticated = -32004,
    shutting_down = -32005,
    limit_exceeded = -32006,
    no_such_task = -32007,
};

/// A refusal or failure as the client is told it. Cheap to move; `data` is shared, never changed once set.
struct error {
    errc code;
    std::string message;                          ///< for a person: what was wrong, where, and what would be right
    std::shared_ptr<const value> data = nullptr;  ///< the `data` member, or none
};

}  // namespace gatherd::api
