/// \file
/// Created tasks as a table, for people.
#pragma once

#include <string>

#include "gatherd/api/value.hpp"

namespace gatherd::cli {

/// Of a list of what method `status` answers. Times are UTC. Takes any JSON; what is missing stays blank.
[[nodiscard]] std::string task_table(const api::value& tasks);

}  // namespace gatherd::cli
