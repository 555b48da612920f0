#include "api/json/json_view.hpp"

#include <cassert>

#include <simdjson.h>

namespace gatherd::api::json {
namespace {

using simdjson::internal::tape_ref;
using simdjson::internal::tape_type;

// simdjson's own reader of its tape: dom::element is this and nothing else, but cannot be made from a position.
tape_ref tape(const void* document, std::size_t position) noexcept {
    return {static_cast<const simdjson::dom::document*>(document), position};
}

}  // namespace

json_kind json_view::kind() const noexcept {
    switch (tape(document_, position_).tape_ref_type()) {
        case tape_type::START_ARRAY:
            return json_kind::array;
        case tape_type::START_OBJECT:
            return json_kind::object;
        case tape_type::STRING:
            return json_kind::string;
        case tape_type::INT64:
            return json_kind::integer;
        case tape_type::UINT64:
            return json_kind::unsigned_integer;
        case tape_type::DOUBLE:
            return json_kind::real;
        case tape_type::TRUE_VALUE:
        case tape_type::FALSE_VALUE:
            return json_kind::boolean;
        default:
            return json_kind::null;
    }
}

bool json_view::is_number() const noexcept {
    const auto k = kind();
    return k == json_kind::integer || k == json_kind::unsigned_integer || k == json_kind::real;
}

bool json_view::as_boolean() const noexcept {
    assert(is_boolean());
    return tape(document_, position_).is_true();
}

std::int64_t json_view::as_integer() const noexcept {
    assert(kind() == json_kind::integer);
    return tape(document_, position_).next_tape_value<std::int64_t>();
}

std::uint64_t json_view::as_unsigned() const noexcept {
    assert(kind() == json_kind::unsigned_integer);
    return tape(document_, position_).next_tape_value<std::uint64_t>();
}

double json_view::as_real() const noexcept {
    assert(kind() == json_kind::real);
    return tape(document_, position_).next_tape_value<double>();
}

std::string_view json_view::as_string() const noexcept {
    assert(is_string());
    return tape(document_, position_).get_string_view();
}

double json_view::as_number() const noexcept {
    switch (kind()) {
        case json_kind::integer:
            return static_cast<double>(as_integer());
        case json_kind::unsigned_integer:
            return static_cast<double>(as_unsigned());
        default:
            return as_real();
    }
}

std::size_t json_view::size() const noexcept {
    assert(is_array() || is_object());
    constexpr std::size_t saturated = 0xFFFFFF;  // the tape has 24 bits for it
    const auto count = tape(document_, position_).scope_count();
    if (count < saturated) {
        return count;
    }
    std::size_t counted = 0;
    if (is_array()) {
        for ([[maybe_unused]] const auto item : items()) {
            ++counted;
        }
    } else {
        for ([[maybe_unused]] const auto m : members()) {
            ++counted;
        }
    }
    return counted;
}

std::size_t json_view::after() const noexcept {
    return tape(document_, position_).after_element();
}

std::size_t json_view::end_mark() const noexcept {
    return after() - 1;
}

json_view::items_view json_view::items() const noexcept {
    assert(is_array());
    return {json_view{document_, position_ + 1}, json_view{document_, end_mark()}};
}

json_view::members_view json_view::members() const noexcept {
    assert(is_object());
    return {json_view{document_, position_ + 1}, json_view{document_, end_mark()}};
}

std::optional<json_view> json_view::find(std::string_view name) const noexcept {
    std::optional<json_view> found;
    for (const auto m : members()) {
        if (m.name == name) {
            found = m.value;
        }
    }
    return found;
}

json_view::items_view::iterator& json_view::items_view::iterator::operator++() noexcept {
    at_.position_ = at_.after();
    return *this;
}

json_view::member json_view::members_view::iterator::operator*() const noexcept {
    // A name takes one word of the tape, its value follows.
    return {name_.as_string(), json_view{name_.document_, name_.position_ + 1}};
}

json_view::members_view::iterator& json_view::members_view::iterator::operator++() noexcept {
    name_.position_ = json_view{name_.document_, name_.position_ + 1}.after();
    return *this;
}

}  // namespace gatherd::api::json
