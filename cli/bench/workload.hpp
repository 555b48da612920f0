/// \file
/// What a load test sends, and what must come back. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/call_mix.hpp"

namespace gatherd::cli::bench {

/// The form in which a batch is asked for.
enum class batch_form {
    gather,  ///< `{"tasks": [...]}`
    map,     ///< `{"call": ..., "over": [...]}`: a mix of one function
};

/// A request of which only the id is missing, and what it must give.
struct request_shape {
    std::string after_id;  // of the request: `{"id":` and the id stand before it
    std::uint64_t tasks = 1;
    /// The answer behind `{"jsonrpc":"2.0","id":N`, with the line end; nothing while nobody knows it.
    std::optional<std::string> answer = std::nullopt;

    /// Appends the request with its line end.
    void append_request(std::string& out, std::uint64_t id) const;
};

/// All shapes that the requests of a run take, in turn.
using workload = std::vector<request_shape>;

inline constexpr std::string_view request_head = R"({"id":)";
inline constexpr std::string_view answer_head = R"({"jsonrpc":"2.0","id":)";

/// Batches of `batch` tasks drawn from the mix by weight. The same every time: the draw has a fixed seed.
/// Throws usage_error where a map is given several functions.
[[nodiscard]] workload mixed_workload(const std::vector<mixed_call>& mix, std::size_t batch, batch_form form);

/// What a file says that `gatherd submit` takes. Its result is not known before the daemon has given it.
/// Throws usage_error with `name` in front.
[[nodiscard]] workload plan_workload(std::string_view text, const std::string& name);

}  // namespace gatherd::cli::bench
