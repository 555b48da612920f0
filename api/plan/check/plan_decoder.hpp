/// \file
/// From JSON to a plan that may run: the check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "api/plan/check/call_rights.hpp"
#include "api/plan/model/plan.hpp"
#include "api/plan/model/registry.hpp"
#include "api/protocol/json_view.hpp"
#include "api/result.hpp"

namespace gatherd::api::plan {

/// The options that methods gather and map share with the kinds of that name, as they stand in the params.
struct gather_members {
    std::optional<protocol::json_view> return_exceptions{};
    std::optional<protocol::json_view> limit{};
};

/// What method map is about, and which members of the params that is.
struct mapped_members {
    protocol::json_view own;  ///< a function's name, or a task
    std::string_view own_at;
    protocol::json_view over;
    std::string_view over_at;
    bool has_task = false;
    std::optional<protocol::json_view> as{};  ///< with a task
};

/// Whether a plan was refused since it names a function that there is not, or not yet.
[[nodiscard]] bool is_unknown_function(const error& why) noexcept;

/// Builds plans straight from decoded messages, and checks them whole: nothing of a plan that is refused ever runs.
///
/// A fault is `errc::invalid_params` with the JSON pointer of its place in `data.path` and, where there is a likely
/// one, what would be right in `data.hint`; a plan over the limit is `errc::limit_exceeded`, and one that calls what
/// may not be called `errc::not_authenticated`.
///
/// Threads: any; it keeps nothing between calls. Cost: linear in the text. Throws: std::bad_alloc.
class plan_decoder {
public:
    /// `rights` null: every function may be called. It outlives this.
    plan_decoder(const registry& functions, std::size_t max_tasks, const call_rights* rights = nullptr) noexcept
        : functions_{functions}, max_tasks_{max_tasks}, rights_{rights} {}

    /// A TASK. `member`: the member of the params that holds it ("task", or "0").
    [[nodiscard]] result<std::unique_ptr<plan>> decode_task(protocol::json_view task, std::string_view member) const;

    /// Method gather's list, as the TASK gather.
    [[nodiscard]] result<std::unique_ptr<plan>> decode_gather(protocol::json_view tasks, std::string_view member,
                                                              const gather_members& options) const;

    /// Method map's function and argument lists, or its task and items, as the TASK map.
    [[nodiscard]] result<std::unique_ptr<plan>> decode_map(const mapped_members& members,
                                                           const gather_members& options) const;

private:
    const registry& functions_;
    std::size_t max_tasks_;
    const call_rights* rights_;
};

}  // namespace gatherd::api::plan
