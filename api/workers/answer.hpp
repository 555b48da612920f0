/// \file
/// What a worker answers to a call.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/protocol/json_view.hpp"
#include "api/workers/served_call.hpp"

namespace gatherd::api::workers {

/// The number of a call from the text of an answer's id, if it is one that the daemon could have given.
[[nodiscard]] std::optional<std::uint64_t> call_number(std::string_view id_text) noexcept;

/// Whether an answer has a result and no error.
[[nodiscard]] bool has_result(protocol::json_view answer) noexcept;

/// How a call ended whose answer this object is. One with neither or both of result and error, or with an error that is
/// none, raises RuntimeError. Cost: linear in the text.
[[nodiscard]] call_end read_answer(protocol::json_view answer);

/// How a call ended whose answer could not be read.
[[nodiscard]] call_end wrong_answer(std::string_view why);

}  // namespace gatherd::api::workers
