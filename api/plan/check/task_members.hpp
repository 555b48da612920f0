/// \file
/// The members of a TASK object: its kind's own, and the options beside it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/plan/model/node.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// A member that says more about a task of some kind.
enum class option : std::uint8_t {
    args,
    over,
    return_exceptions,
    limit,
    timeout,
    return_when,
    in,
    except,
    types,
    as,
    finally,
    attempts,
    delay,
    factor,
    max_delay,
    literal,
    then,
    else_,
    stagger,
};

inline constexpr std::size_t kind_count = static_cast<std::size_t>(kind::any) + 1;
inline constexpr std::size_t option_count = static_cast<std::size_t>(option::stagger) + 1;

/// As JSON spells it.
[[nodiscard]] std::string_view name_of(kind k) noexcept;
[[nodiscard]] std::string_view name_of(option o) noexcept;

/// How a path goes on to a kind's own member: "/gather".
[[nodiscard]] std::string_view step_of(kind k) noexcept;

/// Whether a kind knows an option.
[[nodiscard]] bool takes(kind k, option o) noexcept;

/// "call, map, ..."
[[nodiscard]] std::string list_of_kinds();

/// What a misspelt kind may have meant: "did you mean gather?", else "the kinds are call, map, ...".
[[nodiscard]] std::string hint_of_kind(std::string_view misspelt);

/// The same of an option: "did you mean limit?", else "it takes over, limit, ...".
[[nodiscard]] std::string hint_of_option(kind k, std::string_view misspelt);

/// The members of one TASK object that some kind knows; of duplicates the last. Views into the message's text.
class task_members {
public:
    /// `task` is an object.
    explicit task_members(protocol::json_view task);

    [[nodiscard]] const std::optional<protocol::json_view>& operator[](kind k) const noexcept {
        return kinds_[static_cast<std::size_t>(k)];
    }
    [[nodiscard]] const std::optional<protocol::json_view>& operator[](option o) const noexcept {
        return options_[static_cast<std::size_t>(o)];
    }
    /// An optional member: null means absent.
    [[nodiscard]] std::optional<protocol::json_view> given(option o) const {
        const auto& member = (*this)[o];
        return member && member->is_null() ? std::nullopt : member;
    }

    /// The first kind that it has a member of, but for those up to `after`.
    [[nodiscard]] std::optional<kind> kind_after(std::optional<kind> after = std::nullopt) const noexcept;

    /// The name of a member that a task of this kind does not take, if it has one.
    [[nodiscard]] std::optional<std::string_view> unknown_to(kind k) const noexcept;

    /// The first member that no kind knows, if it has one.
    [[nodiscard]] const std::optional<std::string_view>& unknown_member() const noexcept { return unknown_; }

private:
    std::array<std::optional<protocol::json_view>, kind_count> kinds_{};
    std::array<std::optional<protocol::json_view>, option_count> options_{};
    std::optional<std::string_view> unknown_;
};

/// The members of `object` in the order of their first appearance, each with its last value. Cost: linear.
[[nodiscard]] std::vector<protocol::json_view::member> unique_members(protocol::json_view object);

/// Of gather and map; null counts as absent.
[[nodiscard]] gather_options read_gather_options(const node& task, const std::optional<protocol::json_view>& exceptions,
                                                 const std::optional<protocol::json_view>& limit);

/// A number that bounds. `name`: of the option.
[[nodiscard]] std::uint64_t read_positive(protocol::json_view number, const node& task, std::string_view name);

/// True or false; false where it is absent or null.
[[nodiscard]] bool read_flag(const task_members& m, option o, const node& task);

/// A number of seconds, or the factor of some; nothing where it is absent or null.
[[nodiscard]] std::optional<double> read_seconds(const task_members& m, option o, const node& task);

}  // namespace gatherd::api::plan
