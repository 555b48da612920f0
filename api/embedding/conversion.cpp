/// \file
/// What the conversions of all types share: the words of their errors, and what JSON cannot hold.
#include "gatherd/api/conversion.hpp"

#include <cmath>

#include "api/functions/argument.hpp"
#include "api/functions/python_value.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/raised.hpp"

namespace gatherd::api::detail {

namespace {

using functions::argument, functions::int128;

/// "sizes", "sizes[2]", "boxes[2]['width']".
std::string name_of(const reading& source) {
    if (source.outer == nullptr) {
        return std::string{source.parameter};
    }
    return name_of(*source.outer) +
           (source.key != nullptr ? "['" + shortened(*source.key) + "']" : "[" + std::to_string(source.index) + "]");
}

[[noreturn]] void refuse_type(const reading& source, std::string_view expected) {
    const std::string name = name_of(source);
    argument{source.callee, name, source.given}.refuse_type(expected);
}

[[noreturn]] void refuse_value(const reading& source, std::string_view expected) {
    const std::string name = name_of(source);
    argument{source.callee, name, source.given}.refuse_value(expected);
}

int128 read_integer(const reading& source, int128 least, int128 most) {
    if (!source.given.is_number_integer()) {
        refuse_type(source, "an integer");
    }
    const int128 read = functions::int_of(source.given);
    if (read < least || read > most) {
        refuse_value(source, "an integer from " + functions::decimal(least) + " to " + functions::decimal(most));
    }
    return read;
}

void check_part(const value& part, std::size_t depth) {
    if (depth > deepest_result) {
        refuse_depth();
    }
    switch (part.type()) {
        case value::value_t::number_float:
            static_cast<void>(write_number(part.get<double>()));
            break;
        case value::value_t::string:
            if (!functions::is_utf8(part.get_ref<const std::string&>())) {
                static_cast<void>(write_text(part.get<std::string>()));
            }
            break;
        case value::value_t::array:
            for (const value& each : part) {
                check_part(each, depth + 1);
            }
            break;
        case value::value_t::object:
            for (const auto& [name, member] : part.get_ref<const value::object_t&>()) {
                check_part(member, depth + 1);
                if (!functions::is_utf8(name)) {
                    static_cast<void>(write_text(name));
                }
            }
            break;
        case value::value_t::binary:
        case value::value_t::discarded:
            throw raised{"TypeError", "the result has a part that JSON cannot hold"};
        default:
            break;
    }
}

}  // namespace

void refuse_depth() {
    throw raised{"RecursionError", "the result nests deeper than " + std::to_string(deepest_result)};
}

std::int64_t read_signed(const reading& source, std::int64_t least, std::int64_t most) {
    return static_cast<std::int64_t>(read_integer(source, least, most));
}

std::uint64_t read_unsigned(const reading& source, std::uint64_t most) {
    return static_cast<std::uint64_t>(read_integer(source, 0, most));
}

double read_number(const reading& source, double most) {
    if (!source.given.is_number()) {
        refuse_type(source, "a number");
    }
    const double read = functions::float_of(source.given);
    if (std::fabs(read) > most) {
        refuse_value(source, "a number that a float holds");
    }
    return read;
}

bool read_flag(const reading& source) {
    if (!source.given.is_boolean()) {
        refuse_type(source, "true or false");
    }
    return source.given.get<bool>();
}

const std::string& read_text(const reading& source) {
    if (!source.given.is_string()) {
        refuse_type(source, "a text");
    }
    return source.given.get_ref<const std::string&>();
}

const value::array_t& read_list(const reading& source) {
    if (!source.given.is_array()) {
        refuse_type(source, "a list");
    }
    return source.given.get_ref<const value::array_t&>();
}

const value::object_t& read_object(const reading& source) {
    if (!source.given.is_object()) {
        refuse_type(source, "an object");
    }
    return source.given.get_ref<const value::object_t&>();
}

void refuse_user_type(const reading& source, const char* why) {
    std::string_view reason = why;
    if (const auto end = reason.find("] "); reason.starts_with('[') && end != std::string_view::npos) {
        reason.remove_prefix(end + 2);  // "[json.exception.out_of_range.403] "
    }
    throw raised{"TypeError", std::string{source.callee} + "(): " + name_of(source) + " is " +
                                  functions::shown(source.given) +
                                  " that does not fit: " + functions::text_from(std::string{reason})};
}

value write_number(double number) {
    return functions::float_value(number);
}

value write_text(std::string text) {
    if (!functions::is_utf8(text)) {
        throw raised{"ValueError", "a text of the result is not UTF-8"};
    }
    return value(std::move(text));
}

value checked(value result) {
    check_part(result, 0);
    return result;
}

}  // namespace gatherd::api::detail
