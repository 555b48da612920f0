/// \file
/// How a JSON value looks to Python.
#include "api/functions/python_value.hpp"
#include "api/functions/argument.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

using plan::raised;

std::string quoted_type(const value& v) {
    return std::string{'\''}.append(type_name(v)).append(1, '\'');
}

bool is_int(const value& v) noexcept {
    return v.is_number_integer() || v.is_boolean();
}

bool is_number(const value& v) noexcept {
    return v.is_number() || v.is_boolean();
}

int128 int_of(const value& v) noexcept {
    if (v.is_boolean()) {
        return *v.get_ptr<const value::boolean_t*>() ? 1 : 0;
    }
    // get_ptr tells unsigned from signed; a number_unsigned answers to both pointers, so it is asked first.
    if (const auto* n = v.get_ptr<const value::number_unsigned_t*>()) {
        return *n;
    }
    return *v.get_ptr<const value::number_integer_t*>();
}

double float_of(const value& v) noexcept {
    if (const auto* x = v.get_ptr<const value::number_float_t*>()) {
        return *x;
    }
    return static_cast<double>(int_of(v));
}

int128 index_of(const value& v) {
    if (!is_int(v)) {
        throw raised{"TypeError", quoted_type(v) + " object cannot be interpreted as an integer"};
    }
    return int_of(v);
}

value int_value(int128 n) {
    if (n >= std::numeric_limits<std::int64_t>::min() && n <= std::numeric_limits<std::int64_t>::max()) {
        return value(static_cast<std::int64_t>(n));
    }
    if (n > 0 && n <= std::numeric_limits<std::uint64_t>::max()) {
        return value(static_cast<std::uint64_t>(n));
    }
    throw raised{"OverflowError", "the integer result " + decimal(n) + " is outside [-2**63, 2**64)"};
}

value float_value(double x) {
    if (!std::isfinite(x)) {
        throw raised{"OverflowError", "the float result is not finite: JSON has no such number"};
    }
    return value(x);
}

std::string decimal(int128 n) {
    std::string digits;
    for (int128 rest = n; rest != 0 || digits.empty(); rest /= 10) {  // digit by digit: -n might not exist
        const int digit = static_cast<int>(rest % 10);
        digits.push_back(static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    }
    if (n < 0) {
        digits.push_back('-');
    }
    std::reverse(digits.begin(), digits.end());
    return digits;
}

value::array_t items_of(const value& v) {
    value::array_t items;
    if (v.is_array()) {
        items.assign(v.begin(), v.end());
    } else if (v.is_string()) {
        for (const std::string_view character : characters_of(v.get_ref<const std::string&>())) {
            items.emplace_back(std::string{character});
        }
    } else if (v.is_object()) {
        for (const auto& [key, ignored] : v.items()) {
            items.emplace_back(key);
        }
    } else {
        throw raised{"TypeError", quoted_type(v) + " object is not iterable"};
    }
    return items;
}

value sum_of(std::string_view function, std::string_view term, plan::arguments numbers) {
    int128 exact = 0;  // 128 bits hold the sum of any number of 64-bit terms that fits in memory
    double rounded = 0.0;
    bool is_float = false;
    for (const value& each : numbers) {
        if (!is_number(each)) {
            argument{function, term, each}.refuse_type("a number");
        }
        if (is_float) {
            rounded += float_of(each);
        } else if (each.is_number_float()) {
            is_float = true;
            rounded = static_cast<double>(exact) + float_of(each);
        } else {
            exact += int_of(each);
        }
    }
    return is_float ? float_value(rounded) : int_value(exact);
}

namespace {

/// Whether a byte of UTF-8 begins a character.
bool begins_character(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

}  // namespace

std::size_t length_of(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string_view character_at(std::string_view text, std::size_t place) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!begins_character(text[i])) {
            continue;
        }
        if (place == 0) {
            std::size_t end = i + 1;
            while (end < text.size() && !begins_character(text[end])) {
                ++end;
            }
            return text.substr(i, end - i);
        }
        --place;
    }
    return {};
}

std::vector<std::string_view> characters_of(std::string_view text) {
    std::vector<std::string_view> characters;
    std::size_t start = 0;
    for (std::size_t i = 1; i <= text.size(); ++i) {
        const bool continues = i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
        if (!continues) {
            characters.push_back(text.substr(start, i - start));
            start = i;
        }
    }
    return characters;
}

void raise_unsupported(std::string_view operation, std::string_view left, std::string_view right) {
    throw raised{"TypeError", "unsupported operand type(s) for " + std::string{operation} + ": '" + std::string{left} +
                                  "' and '" + std::string{right} + "'"};
}

}  // namespace gatherd::api::functions
