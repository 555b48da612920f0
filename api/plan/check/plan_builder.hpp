/// \file
/// What everything that reads a plan stands on: making and counting nodes, finding functions, refusing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/error.hpp"
#include "api/plan/check/call_rights.hpp"
#include "api/plan/model/node.hpp"
#include "api/plan/model/plan.hpp"
#include "api/plan/model/registry.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// A fault on its way out of the recursion; caught at the edge of the decoder. Refusals are rare, and a throw keeps
/// the way of a good plan free of checks at each level.
struct refused {
    error reason;
};

/// Throws `refused` with `errc::invalid_params`. `below`: how the path goes on from the node that is at fault.
[[noreturn]] void refuse(const node& faulty, std::string_view below, std::string_view reason, std::string hint = {});

/// Throws `refused` with `errc::limit_exceeded`.
[[noreturn]] void refuse_tasks_over(std::size_t max_tasks);

/// Throws `refused` with `errc::not_authenticated`, unless that function may be called.
void require_right(const call_rights& rights, const function& callee);

/// What a message shows of a client's text: its beginning, in quotes.
[[nodiscard]] std::string quoted(std::string_view text);

namespace detail {

/// Whether two pieces of memory have the same `Word` at their beginning, and the same one at their end.
template <typename Word>
bool same_ends(std::string_view a, std::string_view b) noexcept {
    const auto word = [](const char* bytes) {
        Word made;
        std::memcpy(&made, bytes, sizeof made);
        return made;
    };
    const std::size_t last = a.size() - sizeof(Word);
    return word(a.data()) == word(b.data()) && word(a.data() + last) == word(b.data() + last);
}

}  // namespace detail

/// Whether two names are equal. Inline, since each task of a large plan compares several.
[[gnu::always_inline]] inline bool is_same_name(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    if (a.size() >= 4 && a.size() <= 8) {
        return detail::same_ends<std::uint32_t>(a, b);
    }
    return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The same of a name that the compiler knows.
template <std::size_t Size>
[[gnu::always_inline]] inline bool is_same_name(std::string_view name, const char (&known)[Size]) noexcept {
    return name.size() == Size - 1 && std::memcmp(name.data(), known, Size - 1) == 0;
}

/// Where a node is going to stand: as in `node`.
struct branch {
    const node* parent = nullptr;
    std::string_view step{};
    std::uint32_t position = place::no_item;
    mutable const std::string_view* kept_step = nullptr;  ///< in the plan, once a node stands here: children share it
};

/// What all that reads a plan works on. The plan and the registry outlive it.
///
/// Threads: one. Throws: std::bad_alloc, and `refused` where it says so.
class plan_builder {
public:
    /// `rights` null: every function may be called.
    plan_builder(const registry& functions, std::size_t max_tasks, const call_rights* rights, plan& target) noexcept
        : functions_{functions}, max_tasks_{max_tasks}, rights_{rights}, plan_{target} {}

    /// The plan, for its memory.
    [[nodiscard]] plan& target() noexcept { return plan_; }

    /// A new node that stands where a branch or another node says.
    template <typename Node, typename Where, typename... Args>
    Node& make_at(const Where& where, Args&&... args) {
        Node& n = plan_.make<Node>(std::forward<Args>(args)...);
        n.parent = where.parent;
        n.step = step_of(where);
        n.position = where.position;
        return n;
    }

    /// A copy of `items` in the plan's memory.
    template <typename T>
    std::span<const T> keep(const std::vector<T>& items) {
        if (items.empty()) {
            return {};
        }
        const std::span<T> kept = plan_.make_span<T>(items.size());
        std::copy(items.begin(), items.end(), kept.begin());
        return kept;
    }

    /// The step of a path to a member, for as long as the plan lives.
    std::string_view keep_step(std::string_view member);

    /// Counts tasks; refuses the plan that has more than it may.
    void count(std::size_t more) {
        plan_.count_tasks(more);
        if (plan_.tasks() > max_tasks_) [[unlikely]] {
            refuse_tasks_over(max_tasks_);
        }
    }

    /// The function of that name, or null. Refuses one that may not be called. A plan calls few functions, and often:
    /// the last one is remembered.
    const function* known_function(std::string_view name) {
        if (last_function_ == nullptr || !is_same_name(last_function_->name, name)) {
            last_function_ = functions_.find(name);
            if (last_function_ == nullptr) [[unlikely]] {
                last_function_ = find_served(name);
            }
            if (rights_ != nullptr && last_function_ != nullptr) {
                require_right(*rights_, *last_function_);
            }
        }
        return last_function_;
    }

    /// The function that a member names; `below`: the member, on the path from `where`. Refuses what names none.
    const function& find_function(protocol::json_view name, const node& where, std::string_view below);

private:
    const std::string_view* step_of(const branch& where) {
        if (where.kept_step == nullptr) {
            where.kept_step = &plan_.make<std::string_view>(where.step);
        }
        return where.kept_step;
    }
    static const std::string_view* step_of(const node& where) noexcept { return where.step; }

    /// That of a worker, which the plan keeps; or null.
    const function* find_served(std::string_view name);

    const registry& functions_;
    std::size_t max_tasks_;
    const call_rights* rights_;
    plan& plan_;
    const function* last_function_ = nullptr;
};

}  // namespace gatherd::api::plan
