#include "api/plan/model/function.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "api/plan/model/nearest_name.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::plan {

namespace {

bool is_variadic(const function& callee) {
    return !callee.parameters.empty() && callee.parameters.back().variadic;
}

std::string count_of(const char* noun, std::size_t n) {
    return std::to_string(n) + ' ' + noun + (n == 1 ? "" : "s");
}

// Of what a worker looks at in one piece. To sort the characters of such a text takes some milliseconds.
constexpr std::size_t most_values = 4096;
constexpr std::size_t most_text_bytes = std::size_t{16} << 10;
constexpr std::size_t most_copied_bytes = std::size_t{256} << 10;

/// What a value may have, at most. Takes what it finds from it.
struct room {
    std::size_t values;
    std::size_t text_bytes;

    /// Whether a value has more than there is.
    bool is_exceeded_by(const value& v) noexcept {
        if (values == 0 || (v.is_string() && !take(v.get_ref<const std::string&>()))) {
            return true;
        }
        --values;
        if (v.is_array()) {
            return std::any_of(v.begin(), v.end(), [this](const value& each) { return is_exceeded_by(each); });
        }
        if (v.is_object()) {
            const auto& members = v.get_ref<const value::object_t&>();
            return std::any_of(members.begin(), members.end(), [this](const auto& member) {
                return !take(member.first) || is_exceeded_by(member.second);
            });
        }
        return false;
    }

private:
    bool take(const std::string& text) noexcept {
        const bool fits = text.size() <= text_bytes;
        text_bytes -= fits ? text.size() : 0;
        return fits;
    }
};

}  // namespace

std::string_view python_type(const value& v) noexcept {
    switch (v.type()) {
        case value::value_t::boolean:
            return "bool";
        case value::value_t::number_integer:
        case value::value_t::number_unsigned:
            return "int";
        case value::value_t::number_float:
            return "float";
        case value::value_t::string:
            return "str";
        case value::value_t::array:
            return "list";
        case value::value_t::object:
            return "dict";
        default:
            return "NoneType";
    }
}

bool are_more_than(arguments given, std::size_t values, std::size_t text_bytes) noexcept {
    room left{values, text_bytes};
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (left.is_exceeded_by(given[i])) {
            return true;
        }
    }
    return false;
}

bool are_large(arguments given) noexcept {
    return !given.empty() && are_more_than(given, most_values, most_copied_bytes);
}

bool are_many(arguments given) noexcept {
    return !given.empty() && are_more_than(given, most_values, std::numeric_limits<std::size_t>::max());
}

std::size_t steps_to_read(arguments given) noexcept {
    constexpr std::size_t values_a_step = 16;
    constexpr std::size_t text_bytes_a_value = 4;  // who looks at each character makes a value of it
    if (given.empty()) {
        return 1;
    }
    room left{most_values, most_text_bytes};
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (left.is_exceeded_by(given[i])) {
            return most_steps_to_read + 1;
        }
    }
    return 1 + (most_values - left.values + (most_text_bytes - left.text_bytes) / text_bytes_a_value) / values_a_step;
}

std::size_t steps_to_call(const function& callee, arguments given) noexcept {
    constexpr std::size_t more_steps = 15;  // where a line is sent, or few arguments make many values
    return steps_to_read(given) + (callee.prints || callee.is_brief != nullptr ? more_steps : 0);
}

std::optional<std::size_t> slots_by_position(const function& callee, std::size_t given) noexcept {
    const bool variadic = is_variadic(callee);
    const std::size_t fixed = callee.parameters.size() - (variadic ? 1 : 0);
    if (given > fixed && !variadic) {
        return std::nullopt;
    }
    for (std::size_t i = given; i < fixed; ++i) {
        if (callee.parameters[i].is_required()) {
            return std::nullopt;
        }
    }
    return std::max(given, fixed);
}

std::variant<binding, misfit> bind_positions(const function& callee, std::size_t given) {
    const bool variadic = is_variadic(callee);
    const std::size_t fixed = callee.parameters.size() - (variadic ? 1 : 0);
    if (given > fixed && !variadic) {
        return misfit{callee.name + "() takes at most " + count_of("argument", fixed) + ", " + std::to_string(given) +
                      " given"};
    }
    for (std::size_t i = given; i < fixed; ++i) {
        if (callee.parameters[i].is_required()) {
            return misfit{callee.name + "() misses the required argument '" + callee.parameters[i].name + "'"};
        }
    }
    binding bound;
    bound.slots.resize(given);
    for (std::size_t i = 0; i < given; ++i) {
        bound.slots[i] = i;
    }
    bound.count = std::max(given, fixed);
    return bound;
}

std::variant<binding, misfit> bind_names(const function& callee, const std::vector<std::string_view>& names) {
    const std::size_t fixed = callee.parameters.size() - (is_variadic(callee) ? 1 : 0);
    binding bound;
    bound.count = fixed;
    for (const std::string_view name : names) {
        const auto end = callee.parameters.begin() + static_cast<std::ptrdiff_t>(fixed);
        const auto found =
            std::find_if(callee.parameters.begin(), end, [name](const parameter& p) { return p.name == name; });
        if (found == end) {
            std::string known;
            nearest_name nearest{name};
            for (auto each = callee.parameters.begin(); each != end; ++each) {
                known += (known.empty() ? "" : ", ") + each->name;
                nearest.consider(each->name);
            }
            const std::string hint = nearest.question();
            return misfit{callee.name + "() has no argument named '" + shortened(name) + "'" +
                              (known.empty()  ? std::string{": it takes none by name"}
                               : hint.empty() ? "; it has: " + known
                                              : std::string{}),
                          hint};
        }
        bound.slots.push_back(static_cast<std::size_t>(found - callee.parameters.begin()));
    }
    for (std::size_t i = 0; i < fixed; ++i) {
        if (callee.parameters[i].is_required() &&
            std::find(bound.slots.begin(), bound.slots.end(), i) == bound.slots.end()) {
            return misfit{callee.name + "() misses the required argument '" + callee.parameters[i].name + "'"};
        }
    }
    return bound;
}

std::vector<value> bind_value(const function& callee, value args) {
    if (callee.takes != args_form::bound && args.is_structured()) {
        std::vector<value> whole;
        whole.push_back(std::move(args));
        return whole;
    }
    std::variant<binding, misfit> tried;
    if (args.is_array()) {
        tried = bind_positions(callee, args.size());
    } else if (args.is_object()) {
        std::vector<std::string_view> names;
        for (const auto& [name, unused] : args.items()) {
            names.push_back(name);
        }
        tried = bind_names(callee, names);
    } else {
        throw raised{"TypeError", "args must be a list or an object, not " + std::string{python_type(args)}};
    }
    if (const auto* no = std::get_if<misfit>(&tried)) {
        throw raised{"TypeError", no->hint.empty() ? no->why : no->why + ": " + no->hint};
    }
    const auto& bound = std::get<binding>(tried);
    std::vector<value> values(bound.count);
    for (std::size_t i = 0; i < std::min(bound.count, callee.parameters.size()); ++i) {
        if (callee.parameters[i].default_value) {
            values[i] = *callee.parameters[i].default_value;
        }
    }
    std::size_t next = 0;
    for (auto& each : args) {
        values[bound.slots[next++]] = std::move(each);
    }
    return values;
}

}  // namespace gatherd::api::plan
