/// \file
/// From JSON to the options of a TASK that several kinds share. All refuse what is none of theirs; `at`: whose they
/// are.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/plan/members.hpp"
#include "api/plan/node.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// Of gather and map; null counts as absent.
[[nodiscard]] gather_options read_gather_options(const node& at, const std::optional<protocol::json_view>& exceptions,
                                                 const std::optional<protocol::json_view>& limit);

/// A number that bounds. `name`: of the option.
[[nodiscard]] std::uint64_t read_positive(protocol::json_view number, const node& at, std::string_view name);

/// A number of seconds, or the factor of some; nothing where it is absent or null.
[[nodiscard]] std::optional<double> read_seconds(const members& m, option o, const node& at);

}  // namespace gatherd::api::plan
