/// \file
/// How tasks have ended, as an entry of a result: of gather with return_exceptions, of wait.
#pragma once

#include <utility>

#include "api/plan/failure.hpp"
#include "api/value.hpp"

namespace gatherd::api::plan {

/// Adds `"value": V` or `"error": ERROR` to an entry: of a future, where it is looked at instead of awaited. Then a
/// cancelled one has lost the message that its CancelledError had.
void settle(value& entry, outcome result);

/// `{"value": V}` or `{"error": ERROR}`.
[[nodiscard]] inline value settled(outcome result) {
    value entry = value::object();
    settle(entry, std::move(result));
    return entry;
}

}  // namespace gatherd::api::plan
