#include "api/protocol/json_value.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::protocol {
namespace {

using object_members = value::object_t;

// Fewer members than this are compared each with each.
constexpr std::size_t few = 12;

// A member's name as duplicates are looked for: equal hashes come together, then equal names, then by place.
struct named_place {
    std::size_t hash;
    std::string_view name;
    std::size_t place;

    bool operator<(const named_place& other) const noexcept {
        if (hash != other.hash) {
            return hash < other.hash;
        }
        return name != other.name ? name < other.name : place < other.place;
    }
};

// For each member the place of the first one with its name, or nothing if all names differ. Sorting, not a hash table:
// names that a client chose to collide cost no more than others.
std::vector<std::size_t> first_places(const std::vector<json_view::member>& members) {
    std::vector<named_place> sorted;
    sorted.reserve(members.size());
    for (const auto& m : members) {
        sorted.push_back({std::hash<std::string_view>{}(m.name), m.name, sorted.size()});
    }
    std::sort(sorted.begin(), sorted.end());
    const auto same_name = [](const named_place& a, const named_place& b) {
        return a.hash == b.hash && a.name == b.name;
    };
    if (std::adjacent_find(sorted.begin(), sorted.end(), same_name) == sorted.end()) {
        return {};
    }
    std::vector<std::size_t> first(members.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const bool again = i > 0 && same_name(sorted[i - 1], sorted[i]);
        first[sorted[i].place] = again ? first[sorted[i - 1].place] : sorted[i].place;
    }
    return first;
}

// ordered_json's own insertion compares a name with all before it; its base, a vector, does not.
void append(object_members& object, std::string_view name, value v) {
    object.object_members::Container::emplace_back(std::string{name}, std::move(v));
}

value small_object(json_view view) {
    object_members object;
    object.reserve(view.size());
    for (const auto m : view.members()) {
        const auto same =
            std::find_if(object.begin(), object.end(), [&](const auto& had) { return had.first == m.name; });
        if (same != object.end()) {
            same->second = to_value(m.value);
        } else {
            append(object, m.name, to_value(m.value));
        }
    }
    return value(std::move(object));
}

value large_object(json_view view) {
    constexpr std::size_t bytes_a_member = sizeof(json_view::member) + sizeof(named_place) + sizeof(std::size_t);
    memory_limit::check(view.size() * bytes_a_member);
    std::vector<json_view::member> members;
    members.reserve(view.size());
    for (const auto m : view.members()) {
        members.push_back(m);
    }
    const auto first = first_places(members);
    if (!first.empty()) {
        for (std::size_t i = 0; i < members.size(); ++i) {
            members[first[i]].value = members[i].value;
        }
    }
    object_members object;
    object.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (first.empty() || first[i] == i) {
            append(object, members[i].name, to_value(members[i].value));
        }
    }
    return value(std::move(object));
}

value to_array(json_view view) {
    value::array_t array;
    array.reserve(view.size());
    for (const auto item : view.items()) {
        array.push_back(to_value(item));
    }
    return value(std::move(array));
}

}  // namespace

value to_value(json_view view) {
    switch (view.kind()) {
        case json_kind::boolean:
            return value(view.as_boolean());
        case json_kind::integer:
            return value(view.as_integer());
        case json_kind::unsigned_integer:
            return value(view.as_unsigned());
        case json_kind::real:
            return value(view.as_real());
        case json_kind::string:
            return value(std::string{view.as_string()});
        case json_kind::array:
            return to_array(view);
        case json_kind::object:
            return view.size() <= few ? small_object(view) : large_object(view);
        default:
            return value(nullptr);
    }
}

}  // namespace gatherd::api::protocol
