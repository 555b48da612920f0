#include "api/protocol/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace gatherd::api::protocol {
namespace {

constexpr auto needs_escape = [] {
    std::array<bool, 256> table{};
    for (std::size_t i = 0; i < 0x20; ++i) {
        table[i] = true;
    }
    table['"'] = true;
    table['\\'] = true;
    return table;
}();

void append_escaped(std::string& out, char byte) {
    constexpr std::string_view hex = "0123456789abcdef";
    switch (byte) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            out += "\\u00";
            out += hex[static_cast<unsigned char>(byte) >> 4U];
            out += hex[static_cast<unsigned char>(byte) & 0xFU];
    }
}

// Throws memory_limit_exceeded where the text would grow beyond what there is; few growths, since the capacity doubles.
void make_room(std::string& out, std::size_t more) {
    if (out.capacity() - out.size() < more) [[unlikely]] {
        memory_limit::check(std::max(more, out.capacity()));
    }
}

constexpr std::size_t most_bytes_a_scalar = 32;

template <typename Integer>
void append_digits(std::string& out, Integer number) {
    std::array<char, 24> digits;  // int64_t and uint64_t take at most 20
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

// `digits` without point, the first of them worth 10^exponent: in Python's layout.
void append_layout(std::string& out, std::string_view digits, int exponent) {
    constexpr int least = -4;  // Python's repr: 0.0001 but 1e-05
    constexpr int most = 15;   // and 1000000000000000.0 but 1e+16
    const auto count = static_cast<int>(digits.size());
    if (exponent < least || exponent > most) {
        out += digits[0];
        if (count > 1) {
            out += '.';
            out += digits.substr(1);
        }
        out += exponent < 0 ? "e-" : "e+";
        const int size = exponent < 0 ? -exponent : exponent;
        if (size < 10) {
            out += '0';
        }
        append_digits(out, size);
    } else if (exponent < 0) {
        out += "0.";
        out.append(static_cast<std::size_t>(-exponent - 1), '0');
        out += digits;
    } else if (count <= exponent + 1) {
        out += digits;
        out.append(static_cast<std::size_t>(exponent + 1 - count), '0');
        out += ".0";
    } else {
        const auto whole = static_cast<std::size_t>(exponent) + 1;
        out += digits.substr(0, whole);
        out += '.';
        out += digits.substr(whole);
    }
}

void append_array(std::string& out, const value::array_t& items) {
    char before = '[';
    for (const auto& item : items) {
        make_room(out, most_bytes_a_scalar);
        out += before;
        append_value(out, item);
        before = ',';
    }
    out += items.empty() ? "[]" : "]";
}

void append_object(std::string& out, const value::object_t& members) {
    char before = '{';
    for (const auto& [name, member] : members) {
        out += before;
        append_string(out, name);
        out += ':';
        append_value(out, member);
        before = ',';
    }
    out += members.empty() ? "{}" : "}";
}

}  // namespace

void append_integer(std::string& out, std::int64_t number) {
    append_digits(out, number);
}

void append_unsigned(std::string& out, std::uint64_t number) {
    append_digits(out, number);
}

void append_double(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    // "d[.ddd]e[+-]dd[d]": the fewest digits that read back the same.
    std::array<char, 32> text;
    const auto last = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific).ptr;
    const char* first = text.data();
    if (*first == '-') {
        out += '-';
        ++first;
    }
    std::array<char, 20> digits;
    std::size_t count = 0;
    for (; *first != 'e'; ++first) {
        if (*first != '.') {
            digits[count++] = *first;
        }
    }
    ++first;
    if (*first == '+') {
        ++first;  // from_chars takes a minus only
    }
    int exponent = 0;
    std::from_chars(first, last, exponent);
    append_layout(out, {digits.data(), count}, exponent);
}

void append_string(std::string& out, std::string_view text) {
    make_room(out, text.size() + most_bytes_a_scalar);
    out += '"';
    std::size_t plain = 0;  // where the run of bytes begins that need no escape
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (needs_escape[static_cast<unsigned char>(text[i])]) {
            out += text.substr(plain, i - plain);
            make_room(out, most_bytes_a_scalar);
            append_escaped(out, text[i]);
            plain = i + 1;
        }
    }
    out += text.substr(plain);
    out += '"';
}

void append_value(std::string& out, const value& v) {
    switch (v.type()) {
        case value::value_t::boolean:
            out += *v.get_ptr<const bool*>() ? "true" : "false";
            return;
        case value::value_t::number_integer:
            append_integer(out, *v.get_ptr<const value::number_integer_t*>());
            return;
        case value::value_t::number_unsigned:
            append_unsigned(out, *v.get_ptr<const value::number_unsigned_t*>());
            return;
        case value::value_t::number_float:
            append_double(out, *v.get_ptr<const double*>());
            return;
        case value::value_t::string:
            append_string(out, *v.get_ptr<const std::string*>());
            return;
        case value::value_t::array:
            append_array(out, *v.get_ptr<const value::array_t*>());
            return;
        case value::value_t::object:
            append_object(out, *v.get_ptr<const value::object_t*>());
            return;
        default:
            out += "null";
    }
}

}  // namespace gatherd::api::protocol
