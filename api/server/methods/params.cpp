#include "api/server/methods/params.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/model/nearest_name.hpp"
#include "api/plan/model/node.hpp"
#include "api/protocol/json_pointer.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

std::string list_of(const signature& expected) {
    std::string names;
    for (const auto* some : {&expected.positional, &expected.named}) {
        for (const std::string_view name : *some) {
            names += (names.empty() ? "" : ", ") + std::string{name};
        }
    }
    return names.empty() ? "it takes none" : "it takes " + names;
}

/// The place of a name in a signature, those without a position behind the others; `none` where it is unknown.
constexpr std::size_t none = ~std::size_t{0};
std::size_t place_of(const signature& expected, std::string_view name) {
    std::size_t place = 0;
    for (const auto* some : {&expected.positional, &expected.named}) {
        for (const std::string_view known : *some) {
            if (known == name) {
                return place;
            }
            ++place;
        }
    }
    return none;
}

[[noreturn]] void refuse_unknown(std::string_view name, const signature& expected) {
    plan::nearest_name nearest{name};
    for (const auto* some : {&expected.positional, &expected.named}) {
        for (const std::string_view known : *some) {
            nearest.consider(known);
        }
    }
    const std::string hint = nearest.question();
    refuse_params('/' + protocol::pointer_step(name),
                  "unknown param '" + shortened(name) + "'; " + (hint.empty() ? list_of(expected) : hint), hint);
}

}  // namespace

void refuse_params(const std::string& path, std::string_view why, const std::string& hint) {
    const std::string where = path.empty() ? "params" : shortened(path);
    value data = {{"path", path}};
    if (!hint.empty()) {
        data["hint"] = hint;
    }
    throw refused{{errc::invalid_params, "Invalid params: " + where + ": " + std::string{why},
                   std::make_shared<const value>(std::move(data))}};
}

params::params(std::optional<protocol::json_view> given, const signature& expected) : expected_{expected} {
    assert(expected.positional.size() + expected.named.size() <= most);
    if (!given) {
        return;
    }
    if (given->is_array()) {
        by_position_ = true;
        std::size_t i = 0;
        for (const protocol::json_view item : given->items()) {
            if (i == expected.positional.size()) {
                refuse_params('/' + std::to_string(i), "too many params by position; " + list_of(expected) +
                                                           ", by position the first " +
                                                           std::to_string(expected.positional.size()));
            }
            add(expected.positional[i++], item);
        }
        return;
    }
    for (const auto& [name, given_value] : given->members()) {
        const std::size_t place = place_of(expected, name);
        if (place == none) {
            if (name != "traceparent") {
                refuse_unknown(name, expected);
            }
            take_trace(given_value);
            continue;
        }
        is_plain_ = is_plain_ && place < expected.positional.size();
        add(name, given_value);
    }
}

void params::take_trace(protocol::json_view given) {
    if (!given.is_string() && !given.is_null()) {
        refuse_params("/traceparent", "traceparent is a text");
    }
    trace_ = given.is_null() ? std::nullopt : std::optional{trace_parent{given.as_string()}};
}

void params::add(std::string_view name, protocol::json_view value) {
    std::size_t at = 0;
    while (at < count_ && members_[at]->name != name) {
        ++at;
    }
    count_ = std::max(count_, at + 1);
    members_[at] = {name, value};  // of duplicates the last
}

std::optional<protocol::json_view> params::raw(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i) {
        if (members_[i]->name == name) {
            return members_[i]->value;
        }
    }
    return std::nullopt;
}

std::optional<protocol::json_view> params::operator[](std::string_view name) const {
    const auto found = raw(name);
    return found && found->is_null() ? std::nullopt : found;
}

std::string params::step(std::string_view name) const {
    const std::size_t place = place_of(expected_, name);
    return by_position_ && place < expected_.positional.size() ? std::to_string(place) : std::string{name};
}

void params::refuse(std::string_view name, std::string_view why) const {
    refuse_params('/' + step(name), why);
}

protocol::json_view params::required(std::string_view name) const {
    if (const auto found = raw(name)) {
        return *found;
    }
    refuse_params("", "the param '" + std::string{name} + "' is missing");
}

std::optional<std::string> params::text(std::string_view name) const {
    const auto found = (*this)[name];
    if (!found) {
        return std::nullopt;
    }
    if (!found->is_string()) {
        refuse(name, std::string{name} + " is a text");
    }
    return std::string{found->as_string()};
}

std::string params::required_text(std::string_view name) const {
    auto found = text(name);
    if (!found) {
        refuse_params("", "the param '" + std::string{name} + "' is missing");
    }
    return *std::move(found);
}

bool params::flag(std::string_view name) const {
    const auto found = (*this)[name];
    if (found && !found->is_boolean()) {
        refuse(name, std::string{name} + " is true or false");
    }
    return found && found->as_boolean();
}

std::optional<std::chrono::nanoseconds> params::seconds(std::string_view name) const {
    const auto found = (*this)[name];
    if (!found) {
        return std::nullopt;
    }
    if (!found->is_number()) {
        refuse(name, std::string{name} + " is a number of seconds");
    }
    return plan::to_duration(found->as_number());
}

std::unique_ptr<plan::python_random> params::seed() const {
    const auto found = (*this)["seed"];
    if (!found) {
        return nullptr;
    }
    if (found->kind() == protocol::json_kind::integer) {
        return std::make_unique<plan::python_random>(found->as_integer());
    }
    if (found->kind() == protocol::json_kind::unsigned_integer) {
        return std::make_unique<plan::python_random>(found->as_unsigned());
    }
    refuse("seed", "seed is an integer");
}

std::optional<std::vector<std::string>> params::texts(std::string_view name) const {
    const auto found = (*this)[name];
    if (!found) {
        return std::nullopt;
    }
    const std::string expected = std::string{name} + " is a list of texts";
    if (!found->is_array()) {
        refuse(name, expected);
    }
    if (found->size() > 1 && memory_limit::is_high(found->size() * sizeof(std::string))) {
        throw refused{overloaded("limits.memory_bytes", memory_limit::most())};
    }
    std::vector<std::string> list;
    for (const protocol::json_view item : found->items()) {
        if (!item.is_string()) {
            refuse_params('/' + step(name) + '/' + std::to_string(list.size()), expected);
        }
        list.emplace_back(item.as_string());
    }
    return list;
}

}  // namespace gatherd::api::server
