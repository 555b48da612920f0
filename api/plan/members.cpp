#include "api/plan/members.hpp"

#include <algorithm>

namespace gatherd::api::plan {
namespace {

constexpr std::array<std::string_view, kind_count> kind_names{"call",       "map",  "value",    "ref",   "gather",
                                                              "task_group", "wait", "wait_for", "race",  "shield",
                                                              "sequence",   "let",  "try",      "retry", "to_thread"};

constexpr std::array<std::string_view, kind_count> kind_steps{
    "/call", "/map",    "/value",    "/ref", "/gather", "/task_group", "/wait",     "/wait_for",
    "/race", "/shield", "/sequence", "/let", "/try",    "/retry",      "/to_thread"};

constexpr std::array<std::string_view, option_count> option_names{
    "args",  "over", "return_exceptions", "limit",    "timeout", "return_when", "in",       "except",
    "types", "as",   "finally",           "attempts", "delay",   "factor",      "max_delay"};

constexpr std::uint32_t bit(option o) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(o);
}

constexpr std::uint32_t options_of(kind k) noexcept {
    switch (k) {
        case kind::call:
            return bit(option::args);
        case kind::map:
            return bit(option::over) | bit(option::return_exceptions) | bit(option::limit);
        case kind::gather:
            return bit(option::return_exceptions) | bit(option::limit);
        case kind::wait:
            return bit(option::timeout) | bit(option::return_when);
        case kind::wait_for:
            return bit(option::timeout);
        case kind::let:
            return bit(option::in);
        case kind::try_:
            return bit(option::except) | bit(option::types) | bit(option::as) | bit(option::finally);
        case kind::retry:
            return bit(option::attempts) | bit(option::delay) | bit(option::factor) | bit(option::max_delay);
        case kind::value:
        case kind::ref:
        case kind::task_group:
        case kind::race:
        case kind::shield:
        case kind::sequence:
        case kind::to_thread:
            break;
    }
    return 0;
}

/// Where a name stands in a table, or the table's size.
template <std::size_t Size>
std::size_t index_in(const std::array<std::string_view, Size>& table, std::string_view name) noexcept {
    return static_cast<std::size_t>(std::find(table.begin(), table.end(), name) - table.begin());
}

void append_name(std::string& list, std::string_view name) {
    list.append(list.empty() ? "" : ", ").append(name);
}

}  // namespace

std::string_view name_of(kind k) noexcept {
    return kind_names[static_cast<std::size_t>(k)];
}

std::string_view name_of(option o) noexcept {
    return option_names[static_cast<std::size_t>(o)];
}

std::string_view step_of(kind k) noexcept {
    return kind_steps[static_cast<std::size_t>(k)];
}

bool takes(kind k, option o) noexcept {
    return (options_of(k) & bit(o)) != 0;
}

std::string list_of_kinds() {
    std::string list;
    for (const std::string_view name : kind_names) {
        append_name(list, name);
    }
    return list;
}

std::string list_of_options(kind k) {
    std::string list;
    for (std::size_t i = 0; i < option_count; ++i) {
        if (takes(k, static_cast<option>(i))) {
            append_name(list, option_names[i]);
        }
    }
    return list;
}

members::members(protocol::json_view task) {
    for (const auto& [name, member] : task.members()) {
        if (const std::size_t i = index_in(kind_names, name); i < kind_count) {
            kinds_[i] = member;
        } else if (const std::size_t j = index_in(option_names, name); j < option_count) {
            options_[j] = member;
        } else if (!stranger_) {
            stranger_ = name;
        }
    }
}

std::optional<kind> members::kind_after(std::optional<kind> after) const noexcept {
    for (std::size_t i = after ? static_cast<std::size_t>(*after) + 1 : 0; i < kind_count; ++i) {
        if (kinds_[i]) {
            return static_cast<kind>(i);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> members::unknown_to(kind k) const noexcept {
    if (stranger_) {
        return stranger_;
    }
    for (std::size_t i = 0; i < option_count; ++i) {
        if (options_[i] && !takes(k, static_cast<option>(i))) {
            return option_names[i];
        }
    }
    return std::nullopt;
}

}  // namespace gatherd::api::plan
