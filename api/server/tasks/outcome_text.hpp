/// \file
/// What a program's end looks like on the wire.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "api/error.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/server/limits/counters.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

class reply;

/// The error that answers a request whose program ended so; not for one that returned.
[[nodiscard]] error error_of(const plan::program_end& end, const limits& bounds);

/// `{"value": V}` or `{"error": ERROR}`, beside what is in `entry` already.
void add_outcome(value& entry, const plan::outcome& result);

/// How many parts a value has as text, each item and each 64 bytes of text being one. Stops at `most`.
[[nodiscard]] std::size_t text_parts(const value& result, std::size_t most);

/// To write a value with more parts is not a worker's work.
constexpr std::size_t most_text_parts_a_turn = 4096;

/// Whether a program returned a value, or failed with an error, of so many.
[[nodiscard]] bool is_long(const plan::program_end& end);

/// Answers with a result that is written behind the answer's head of so many bytes, if it is not too long.
void answer_with(reply& answer, std::string& message, std::size_t head, const limits& bounds);

/// "done", "failed" or "cancelled": of a request whose program ended so.
[[nodiscard]] std::string_view state_after(plan::program_end::way ending) noexcept;

/// Counts a program's end, and its tasks as ended alike.
void count_end(counters& counted, plan::program_end::way ending, std::size_t tasks) noexcept;

}  // namespace gatherd::api::server
