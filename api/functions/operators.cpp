#include "api/functions/families.hpp"

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/argument.hpp"
#include "api/functions/comparison.hpp"
#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/truth.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;

value equal(call_context&, arguments given) {
    return are_equal(given[0], given[1]);
}

value not_equal(call_context&, arguments given) {
    return !are_equal(given[0], given[1]);
}

/// How the arguments stand to each other, if they have an order or are equal.
order order_of_arguments(std::string_view function, arguments given) {
    const comparison c = compare_for_order(given[0], given[1]);
    if (c.is == order::none) {
        throw raised{"TypeError", std::string{function} + "(): a and b have no order: " + quoted_type(*c.left) +
                                      " and " + quoted_type(*c.right)};
    }
    return c.is;
}

value less(call_context&, arguments given) {
    return order_of_arguments("operator.lt", given) == order::less;
}

value less_or_equal(call_context&, arguments given) {
    return order_of_arguments("operator.le", given) != order::greater;
}

value greater(call_context&, arguments given) {
    return order_of_arguments("operator.gt", given) == order::greater;
}

value greater_or_equal(call_context&, arguments given) {
    return order_of_arguments("operator.ge", given) != order::less;
}

value negation(call_context&, arguments given) {
    return !plan::is_true(given[0]);
}

/// The value of a key, or null where there is none. Throws TypeError where an object can have no such key.
const value* find_key(std::string_view function, const value& object, const value& key) {
    if (key.is_structured()) {
        argument{function, "b", key}.refuse_type("a key, that is a text");
    }
    if (!key.is_string()) {
        return nullptr;  // a key that no JSON object has
    }
    const auto found = object.find(key.get_ref<const std::string&>());
    return found == object.end() ? nullptr : &*found;
}

/// `b in a`
value contains(call_context&, arguments given) {
    const value& a = given[0];
    const value& b = given[1];
    if (a.is_string()) {
        const auto& text = a.get_ref<const std::string&>();
        const auto& part = argument{"operator.contains", "b", b}.text();
        // As bytes: UTF-8 has no character inside another. memmem is linear, std::string::find is not.
        return part.empty() || ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
    }
    if (a.is_array()) {
        return std::any_of(a.begin(), a.end(), [&b](const value& each) { return are_equal(each, b); });
    }
    if (a.is_object()) {
        return find_key("operator.contains", a, b) != nullptr;
    }
    argument{"operator.contains", "a", a}.refuse_type("a list, a text or an object");
}

/// Where an index leads in a sequence, or its length where it leads out of it.
std::size_t place_of_index(int128 index, std::size_t length) {
    const int128 from_start = index < 0 ? index + static_cast<int128>(length) : index;
    return from_start < 0 || from_start >= static_cast<int128>(length) ? length : static_cast<std::size_t>(from_start);
}

[[noreturn]] void raise_out_of_range(std::size_t length, const value& index) {
    throw raised{"IndexError", "operator.getitem(): b must be an index into " + std::to_string(length) +
                                   " items, not " + shown(index)};
}

/// `a[b]`
value item(call_context&, arguments given) {
    const value& a = given[0];
    const value& b = given[1];
    if (a.is_object()) {
        if (const value* const found = find_key("operator.getitem", a, b)) {
            return *found;
        }
        throw raised{"KeyError", "operator.getitem(): the object has no member " + shown(b)};
    }
    if (!a.is_array() && !a.is_string()) {
        argument{"operator.getitem", "a", a}.refuse_type("a list, a text or an object");
    }
    if (!is_int(b)) {
        argument{"operator.getitem", "b", b}.refuse_type("an integer, as the index of a list or a text");
    }
    if (a.is_array()) {
        const std::size_t place = place_of_index(int_of(b), a.size());
        if (place == a.size()) {
            raise_out_of_range(a.size(), b);
        }
        return a[place];
    }
    const auto& text = a.get_ref<const std::string&>();
    const std::size_t length = length_of(text);
    const std::size_t place = place_of_index(int_of(b), length);
    if (place == length) {
        raise_out_of_range(length, b);
    }
    return std::string{character_at(text, place)};
}

}  // namespace

void add_operators(plan::registry& functions) {
    using plan::parameter;
    const auto add_comparison = [&functions](const char* name, const char* summary, plan::plain_body body,
                                             bool needs_order, const char* result) {
        functions.add({.name = name,
                       .summary = summary,
                       .parameters = {parameter{.name = "a", .type = "any", .help = "the left one"},
                                      parameter{.name = "b", .type = "any", .help = "the right one"}},
                       .body = body,
                       .errors = needs_order ? std::vector<std::string>{"TypeError"} : std::vector<std::string>{},
                       .example = {std::string{R"({"call": ")"} + name + R"(", "args": [1, 2]})", result}});
    };
    add_comparison("operator.eq", "Whether a == b; 1, 1.0 and true are equal.", equal, false, "false");
    add_comparison("operator.ne", "Whether a != b.", not_equal, false, "true");
    add_comparison("operator.lt", "Whether a < b: of two numbers, two texts or two lists.", less, true, "true");
    add_comparison("operator.le", "Whether a <= b.", less_or_equal, true, "true");
    add_comparison("operator.gt", "Whether a > b.", greater, true, "false");
    add_comparison("operator.ge", "Whether a >= b.", greater_or_equal, true, "false");
    functions.add({.name = "operator.contains",
                   .summary = "Whether b is in a: an item of a list, a part of a text, a key of an object.",
                   .parameters = {parameter{.name = "a", .type = "list, text or object", .help = "where to look"},
                                  parameter{.name = "b", .type = "any", .help = "what to look for"}},
                   .body = contains,
                   .errors = {"TypeError"},
                   .example = {R"({"call": "operator.contains", "args": ["abc", "b"]})", "true"}});
    functions.add({.name = "operator.getitem",
                   .summary = "a[b]: the item of a list, the character of a text, the member of an object.",
                   .parameters = {parameter{.name = "a", .type = "list, text or object", .help = "where to look"},
                                  parameter{.name = "b",
                                            .type = "integer or text",
                                            .help = "an index, from the end if negative, or a key"}},
                   .body = item,
                   .errors = {"TypeError", "IndexError", "KeyError"},
                   .example = {R"({"call": "operator.getitem", "args": [{"name": "x"}, "name"]})", R"("x")"}});
    functions.add({.name = "operator.not_",
                   .summary = "The opposite of a value's truth: false, 0, \"\", [], {} and null are not true.",
                   .parameters = {parameter{.name = "obj", .type = "any", .help = "whose truth to look at"}},
                   .body = negation,
                   .example = {R"({"call": "operator.not_", "args": [[]]})", "true"}});
}

}  // namespace gatherd::api::functions
