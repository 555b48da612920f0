/// \file
/// Places in a user's JSON, as people write them.
#pragma once

#include <string>
#include <string_view>

namespace gatherd::cli {

/// A JSON pointer into params as a path into what the user wrote, which stands in params at `base`:
/// `/tasks/0/args` with base `/tasks` is `[0].args`, `/task/let/a` with base `/task` is `let.a`. What is not below base
/// is told whole. Empty for the base itself.
[[nodiscard]] std::string json_place(std::string_view pointer, std::string_view base);

}  // namespace gatherd::cli
