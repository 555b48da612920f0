#include "api/plan/check/read_arguments.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "api/plan/check/read_task.hpp"
#include "api/plan/check/task_members.hpp"
#include "api/plan/model/function.hpp"
#include "api/protocol/json_pointer.hpp"
#include "api/protocol/json_value.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

/// Goes through an argument and remembers at which place of it.
struct argument_reader {
    plan_builder& b;
    const await_site& site;
    std::vector<std::uint32_t> place{};

    value read(json_view argument, const std::string& path) {
        if (const auto awaited = as_await(argument)) {
            const node& task = read_await(b, *awaited, site.at, path, site.names);
            site.parts.push_back({&task, site.argument, b.keep(place)});
            return nullptr;
        }
        if (argument.is_array()) {
            value items = value::array();
            for (const json_view item : argument.items()) {
                place.push_back(static_cast<std::uint32_t>(items.size()));
                items.push_back(read(item, path + '/' + std::to_string(items.size())));
                place.pop_back();
            }
            return items;
        }
        if (argument.is_object()) {
            value object = value::object();
            auto& members_of = object.get_ref<value::object_t&>();
            for (const auto& [name, member] : unique_members(argument)) {
                place.push_back(static_cast<std::uint32_t>(members_of.size()));
                value read_member = read(member, path + '/' + protocol::pointer_step(name));
                members_of.emplace_back(std::string{name}, std::move(read_member));
                place.pop_back();
            }
            return object;
        }
        return protocol::to_value(argument);
    }
};

}  // namespace

std::optional<awaited_task> as_await(json_view argument) {
    if (!argument.is_object() || argument.size() == 0) {
        return std::nullopt;
    }
    std::optional<awaited_task> awaited;
    for (const auto& [name, member] : argument.members()) {
        const bool is_ref = is_same_name(name, "ref");
        if ((!is_ref && !is_same_name(name, "await")) || (awaited && awaited->is_ref != is_ref)) {
            return std::nullopt;
        }
        awaited = awaited_task{member, is_ref};  // of duplicates the last
    }
    return awaited;
}

bool has_await(json_view argument) {
    if (argument.is_array()) {
        for (const json_view item : argument.items()) {
            if (has_await(item)) {
                return true;
            }
        }
        return false;
    }
    if (!argument.is_object()) {
        return false;
    }
    if (as_await(argument)) {
        return true;
    }
    for (const auto& [name, member] : argument.members()) {
        if (has_await(member)) {
            return true;
        }
    }
    return false;
}

const node& read_await(plan_builder& b, const awaited_task& task, const node& at, const std::string& path,
                       const symbol_scope* names) {
    if (!task.is_ref) {
        return read_task(b, task.own, {&at, b.target().keep(path + "/await")}, names);
    }
    b.count(1);
    const node& where = b.make_at<node>(branch{&at, b.target().keep(path)}, kind::ref);
    return read_ref(b, task.own, where, names,
                    R"(to pass such an object as data, write {"await": {"value": {"ref": ..}}} or "literal": true)");
}

value read_awaits(plan_builder& b, const await_site& site, json_view argument, const std::string& path) {
    return argument_reader{b, site}.read(argument, path);
}

namespace {

using protocol::json_view;

std::span<value> with_defaults(plan_builder& b, const function& callee, std::size_t slots) {
    if (slots == 0) {
        return {};
    }
    const std::span<value> values = b.target().make_values(slots);
    for (std::size_t i = 0; i < std::min(slots, callee.parameters.size()); ++i) {
        if (callee.parameters[i].default_value) {
            values[i] = *callee.parameters[i].default_value;
        }
    }
    return values;
}

/// Room for so many arguments, with the defaults of those behind them. Inline: most calls come through here.
[[gnu::always_inline]] inline std::span<value> by_position(plan_builder& b, const argument_site& site,
                                                           std::size_t given) {
    const auto slots = slots_by_position(site.callee, given);
    if (!slots) {
        refuse(site.at, site.below.text(), std::get<misfit>(bind_positions(site.callee, given)).why);
    }
    return with_defaults(b, site.callee, *slots);
}

const awaited_arguments* await_first(plan_builder& b, const std::vector<awaited_part>& parts) {
    return parts.empty() ? nullptr : &b.target().make<awaited_arguments>(awaited_arguments{b.keep(parts)});
}

call_arguments read_listed(plan_builder& b, const argument_site& site, json_view args) {
    const std::size_t given = args.size();
    const std::span<value> values = by_position(b, site, given);
    if (given == 0) {
        return {values};
    }
    std::vector<awaited_part> parts;
    std::uint32_t i = 0;
    for (const json_view item : args.items()) {
        if (!site.is_literal && has_await(item)) {
            values[i] =
                read_awaits(b, {site.at, site.names, i, parts}, item, site.below.text() + '/' + std::to_string(i));
        } else {
            values[i] = protocol::to_value(item);
        }
        ++i;
    }
    return {values, await_first(b, parts)};
}

call_arguments read_named(plan_builder& b, const argument_site& site, json_view args) {
    const auto given = unique_members(args);
    std::vector<std::string_view> argument_names;
    for (const auto& each : given) {
        argument_names.push_back(each.name);
    }
    const auto bound = bind_names(site.callee, argument_names);
    if (const auto* no = std::get_if<misfit>(&bound)) {
        refuse(site.at, site.below.text(), no->why, no->hint);
    }
    const auto& [slots, slot_count] = std::get<binding>(bound);
    const std::span<value> values = with_defaults(b, site.callee, slot_count);
    std::vector<awaited_part> parts;
    for (std::size_t i = 0; i < given.size(); ++i) {
        auto& into = values[slots[i]];
        if (!site.is_literal && has_await(given[i].value)) {
            into = read_awaits(b, {site.at, site.names, static_cast<std::uint32_t>(slots[i]), parts}, given[i].value,
                               site.below.text() + '/' + protocol::pointer_step(given[i].name));
        } else {
            into = protocol::to_value(given[i].value);
        }
    }
    return {values, await_first(b, parts)};
}

/// Refuses args that do not fit the parameters of a function that takes them whole.
void check_fit(const argument_site& site, const std::variant<binding, misfit>& bound) {
    if (const auto* no = std::get_if<misfit>(&bound)) {
        refuse(site.at, site.below.text(), no->why, no->hint);
    }
}

/// Args as they stand: one value.
call_arguments read_whole(plan_builder& b, const argument_site& site, json_view args) {
    if (site.callee.takes == args_form::whole && args.is_array()) {
        check_fit(site, bind_positions(site.callee, args.size()));
    } else if (site.callee.takes == args_form::whole) {
        std::vector<std::string_view> argument_names;
        for (const auto& each : unique_members(args)) {
            argument_names.push_back(each.name);
        }
        check_fit(site, bind_names(site.callee, argument_names));
    }
    const std::span<value> whole = b.target().make_values(1);
    std::vector<awaited_part> parts;
    if (!site.is_literal && has_await(args)) {
        whole[0] = read_awaits(b, {site.at, site.names, 0, parts}, args, site.below.text());
    } else {
        whole[0] = protocol::to_value(args);
    }
    return {whole, await_first(b, parts)};
}

}  // namespace

std::string step_below::text() const {
    return std::string{member} + (item == place::no_item ? std::string{} : '/' + std::to_string(item));
}

call_arguments read_arguments(plan_builder& b, const argument_site& site, json_view args) {
    if (args.is_array()) {
        return site.callee.takes == args_form::bound ? read_listed(b, site, args) : read_whole(b, site, args);
    }
    if (!args.is_object()) {
        refuse(site.at, site.below.text(), "args must be a list or an object");
    }
    if (const auto awaited = site.is_literal ? std::nullopt : as_await(args)) {
        const node& whole = read_await(b, *awaited, site.at, site.below.text(), site.names);
        return {{}, &b.target().make<awaited_arguments>(awaited_arguments{{}, &whole})};
    }
    return site.callee.takes == args_form::bound ? read_named(b, site, args) : read_whole(b, site, args);
}

std::span<const value> default_arguments(plan_builder& b, const argument_site& site) {
    if (site.callee.takes != args_form::bound) {
        check_fit(site, bind_positions(site.callee, 0));
        return {};
    }
    return by_position(b, site, 0);
}

}  // namespace gatherd::api::plan
