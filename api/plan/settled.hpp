/// \file
/// How tasks have ended, as an entry of a result: of gather with return_exceptions, of wait.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

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

/// The list of results that a gather gives; failures are entries of it if `settles`, and else there are none.
[[nodiscard]] value list_of(std::vector<outcome> results, bool settles);

/// An entry as text, of which `{"value":V` stands at `begin`, or `{"value":` and a failure: its end, or the error in
/// its place.
void append_settled_end(std::string& text, std::size_t begin, const failure_ptr& failed);

}  // namespace gatherd::api::plan
