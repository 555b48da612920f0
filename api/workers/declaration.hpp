/// \file
/// What a worker says of the functions that it serves: the FUNCTIONs of method serve.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/registry.hpp"
#include "api/protocol/json_view.hpp"
#include "api/result.hpp"

namespace gatherd::api::workers {

constexpr std::size_t most_concurrency = 1024;
constexpr const char* concurrency_is = "concurrency is a whole number from 1 to 1024";

/// How many calls at a time, or nothing if it is no such number.
[[nodiscard]] std::optional<std::size_t> concurrency_of(protocol::json_view given) noexcept;

/// A function as one worker declares it. Never changes once it was read.
struct declaration {
    plan::function callee{};   ///< all but its body
    bool sends_names = false;  ///< some parameter is optional: arguments go by name, those left out are absent
    bool is_idempotent = false;
    std::optional<std::chrono::nanoseconds> timeout{};
    std::size_t concurrency = most_concurrency;  ///< calls at a time in this worker
    std::string group{};                         ///< whose places it shares; empty: it is in none
};

using declaration_ptr = std::shared_ptr<const declaration>;

/// Groups of functions of one worker, by name: how many calls of all functions of a group run at a time.
using place_groups = std::map<std::string, std::size_t, std::less<>>;

/// Reads the groups that stand at `path` in the params. A fault is -32602 with its place.
[[nodiscard]] result<place_groups> read_groups(protocol::json_view groups, const std::string& path);

/// The refusal of a serve with which all workers would serve more than `most` functions.
[[nodiscard]] error too_many_functions(std::size_t most);

/// Reads the list of FUNCTIONs that stands at `path` in the params. A fault is -32602 with its place: an unknown
/// member, a name that is none, twice there, the daemon's own or of a family of its own, parameters in an order that
/// Python would not take, a number out of range, a group that is not in `groups`, a declaration of more than 16 KiB.
/// More than `most` functions are -32006.
///
/// Threads: any. Cost: linear in the text. Throws: std::bad_alloc.
[[nodiscard]] result<std::vector<declaration_ptr>> read_declarations(protocol::json_view list, const std::string& path,
                                                                     const plan::registry& functions,
                                                                     const place_groups& groups, std::size_t most);

/// Appends the arguments of a call as they are sent, JSON text: `args` (a list or an object, or null: they were left
/// out) bound to the parameters, with defaults; or as they are, where there are no parameters declared. Throws
/// plan::raised TypeError where they do not fit.
void append_arguments(std::string& text, const declaration& callee, const value* args);

}  // namespace gatherd::api::workers
