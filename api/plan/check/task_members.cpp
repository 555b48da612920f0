#include "api/plan/check/task_members.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "api/plan/check/plan_builder.hpp"
#include "api/plan/model/nearest_name.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::plan {

namespace {

constexpr std::array<std::string_view, kind_count> kind_names{
    "call",   "map",      "value", "ref", "gather", "task_group", "wait", "wait_for", "race",
    "shield", "sequence", "let",   "try", "retry",  "to_thread",  "if",   "any"};

constexpr std::array<std::string_view, kind_count> kind_steps{
    "/call",   "/map",      "/value", "/ref", "/gather", "/task_group", "/wait", "/wait_for", "/race",
    "/shield", "/sequence", "/let",   "/try", "/retry",  "/to_thread",  "/if",   "/any"};

constexpr std::array<std::string_view, option_count> option_names{
    "args",   "over",    "return_exceptions", "limit", "timeout", "return_when", "in",      "except", "types",
    "as",     "finally", "attempts",          "delay", "factor",  "max_delay",   "literal", "then",   "else",
    "stagger"};

constexpr std::uint32_t bit(option o) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(o);
}

constexpr std::uint32_t options_of(kind k) noexcept {
    switch (k) {
        case kind::call:
            return bit(option::args) | bit(option::literal);
        case kind::map:
            return bit(option::over) | bit(option::as) | bit(option::literal) | bit(option::return_exceptions) |
                   bit(option::limit);
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
        case kind::if_:
            return bit(option::then) | bit(option::else_);
        case kind::any:
            return bit(option::stagger);
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

std::string hint_of_kind(std::string_view misspelt) {
    nearest_name nearest{misspelt};
    for (const std::string_view name : kind_names) {
        nearest.consider(name);
    }
    return nearest.found().empty() ? "the kinds are " + list_of_kinds() : nearest.question();
}

std::string hint_of_option(kind k, std::string_view misspelt) {
    nearest_name nearest{misspelt};
    std::string list;
    for (std::size_t i = 0; i < option_count; ++i) {
        if (takes(k, static_cast<option>(i))) {
            append_name(list, option_names[i]);
            nearest.consider(option_names[i]);
        }
    }
    if (!nearest.found().empty()) {
        return nearest.question();
    }
    return list.empty() ? "it takes none" : "it takes " + list;
}

task_members::task_members(protocol::json_view task) {
    for (const auto& [name, member] : task.members()) {
        if (const std::size_t i = index_in(kind_names, name); i < kind_count) {
            kinds_[i] = member;
        } else if (const std::size_t j = index_in(option_names, name); j < option_count) {
            options_[j] = member;
        } else if (!unknown_) {
            unknown_ = name;
        }
    }
}

std::optional<kind> task_members::kind_after(std::optional<kind> after) const noexcept {
    for (std::size_t i = after ? static_cast<std::size_t>(*after) + 1 : 0; i < kind_count; ++i) {
        if (kinds_[i]) {
            return static_cast<kind>(i);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> task_members::unknown_to(kind k) const noexcept {
    if (unknown_) {
        return unknown_;
    }
    for (std::size_t i = 0; i < option_count; ++i) {
        if (options_[i] && !takes(k, static_cast<option>(i))) {
            return option_names[i];
        }
    }
    return std::nullopt;
}

std::vector<protocol::json_view::member> unique_members(protocol::json_view object) {
    constexpr std::size_t bytes_a_member = 128;  // of both tables
    memory_limit::check(object.size() * bytes_a_member);
    std::vector<protocol::json_view::member> unique;
    std::map<std::string_view, std::size_t> seen;  // not by a hash: the names are chosen by a client
    for (const auto& each : object.members()) {
        const auto [at, is_new] = seen.try_emplace(each.name, unique.size());
        if (is_new) {
            unique.push_back(each);
        } else {
            unique[at->second].value = each.value;
        }
    }
    return unique;
}

using protocol::json_kind, protocol::json_view;

gather_options read_gather_options(const node& task, const std::optional<json_view>& exceptions,
                                   const std::optional<json_view>& limit) {
    gather_options options;
    if (exceptions && !exceptions->is_null()) {
        if (!exceptions->is_boolean()) {
            refuse(task, "/return_exceptions", "return_exceptions is true or false");
        }
        options.return_exceptions = exceptions->as_boolean();
    }
    if (limit && !limit->is_null()) {
        options.limit = static_cast<std::size_t>(read_positive(*limit, task, "limit"));
    }
    return options;
}

std::uint64_t read_positive(json_view number, const node& task, std::string_view name) {
    if (number.kind() == json_kind::unsigned_integer) {
        return number.as_unsigned();
    }
    if (number.kind() != json_kind::integer || number.as_integer() < 1) {
        refuse(task, '/' + std::string{name}, std::string{name} + " is an integer of at least 1");
    }
    return static_cast<std::uint64_t>(number.as_integer());
}

bool read_flag(const task_members& m, option o, const node& task) {
    const auto flag = m.given(o);
    if (flag && !flag->is_boolean()) {
        const std::string name{name_of(o)};
        refuse(task, '/' + name, name + " is true or false");
    }
    return flag && flag->as_boolean();
}

std::optional<double> read_seconds(const task_members& m, option o, const node& task) {
    const auto number = m.given(o);
    if (!number) {
        return std::nullopt;
    }
    if (!number->is_number()) {
        const std::string name{name_of(o)};
        refuse(task, '/' + name, name + " is a number" + (o == option::factor ? "" : " of seconds"));
    }
    return number->as_number();
}

}  // namespace gatherd::api::plan
