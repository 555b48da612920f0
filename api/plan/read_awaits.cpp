#include "api/plan/read_awaits.hpp"

#include <utility>

#include "api/plan/read_task.hpp"
#include "api/plan/unique_members.hpp"
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

    value read(json_view from, const std::string& path) {
        if (const auto awaited = as_await(from)) {
            const node& task = read_await(b, *awaited, site.at, path, site.names);
            site.holes.push_back({&task, site.argument, b.keep(place)});
            return nullptr;
        }
        if (from.is_array()) {
            value items = value::array();
            for (const json_view item : from.items()) {
                place.push_back(static_cast<std::uint32_t>(items.size()));
                items.push_back(read(item, path + '/' + std::to_string(items.size())));
                place.pop_back();
            }
            return items;
        }
        if (from.is_object()) {
            value object = value::object();
            auto& members_of = object.get_ref<value::object_t&>();
            for (const auto& [name, member] : unique_members(from)) {
                place.push_back(static_cast<std::uint32_t>(members_of.size()));
                value read_member = read(member, path + '/' + protocol::pointer_step(name));
                members_of.emplace_back(std::string{name}, std::move(read_member));
                place.pop_back();
            }
            return object;
        }
        return protocol::to_value(from);
    }
};

}  // namespace

std::optional<json_view> as_await(json_view from) {
    if (!from.is_object() || from.size() == 0) {
        return std::nullopt;
    }
    std::optional<json_view> awaited;
    for (const auto& [name, member] : from.members()) {
        if (name != "await") {
            return std::nullopt;
        }
        awaited = member;
    }
    return awaited;
}

bool has_await(json_view from) {
    if (from.is_array()) {
        for (const json_view item : from.items()) {
            if (has_await(item)) {
                return true;
            }
        }
        return false;
    }
    if (!from.is_object()) {
        return false;
    }
    if (as_await(from)) {
        return true;
    }
    for (const auto& [name, member] : from.members()) {
        if (has_await(member)) {
            return true;
        }
    }
    return false;
}

const node& read_await(plan_builder& b, json_view task, const node& at, const std::string& path,
                       const names_in_force* names) {
    return read_task(b, task, {&at, b.into().keep(path + "/await")}, names);
}

value read_awaits(plan_builder& b, const await_site& site, json_view from, const std::string& path) {
    return argument_reader{b, site}.read(from, path);
}

}  // namespace gatherd::api::plan
