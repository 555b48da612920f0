/// \file
/// Refusing a plan: the fault, and its way out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/error.hpp"
#include "api/plan/node.hpp"

namespace gatherd::api::plan {

/// A fault on its way out of the recursion; caught at the edge of the decoder. Refusals are rare, and a throw keeps
/// the way of a good plan free of checks at each level.
struct refused {
    error reason;
};

/// Throws `refused` with `errc::invalid_params`. `below`: how the path goes on from the node that is at fault.
[[noreturn]] void refuse(const node& at, std::string_view below, std::string_view why, std::string hint = {});

/// Throws `refused` with `errc::limit_exceeded`.
[[noreturn]] void refuse_tasks_over(std::size_t max_tasks);

/// What a message shows of a client's text: its beginning, in quotes.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace gatherd::api::plan
