#include "api/functions/families.hpp"

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/functions/parse_json.hpp"
#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"
#include "api/protocol/json_writer.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;

/// A text that is made piece by piece and must not grow without end.
class bounded_text {
public:
    explicit bounded_text(std::string_view function) : function_{function} {}

    void append(std::string_view piece) {
        if (piece.size() > most_text - text_.size()) {
            throw raised{"OverflowError", std::string{function_} + "(): the result would be longer than " +
                                              std::to_string(most_text) + " bytes"};
        }
        text_ += piece;
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    static constexpr std::size_t most_text = std::size_t{64} << 20;

    std::string_view function_;
    std::string text_{};
};

/// How many bytes the white space at the beginning of a text takes that is one character of Python's; 0 if there is
/// none.
std::size_t white_space_at(std::string_view text) {
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const unsigned first = byte(0);
    if ((first >= 0x09 && first <= 0x0D) || (first >= 0x1C && first <= 0x20)) {
        return 1;
    }
    if (first == 0xC2) {  // U+0085, U+00A0
        return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;
    }
    const unsigned rest = byte(1) << 8U | byte(2);
    if (first == 0xE2) {  // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
        return (rest >= 0x8080 && rest <= 0x808A) || rest == 0x80A8 || rest == 0x80A9 || rest == 0x80AF ||
                       rest == 0x819F
                   ? 3
                   : 0;
    }
    // U+1680, U+3000
    return (first == 0xE1 && rest == 0x9A80) || (first == 0xE3 && rest == 0x8080) ? 3 : 0;
}

/// Collects the parts of a text.
class parts {
public:
    void add(std::string_view part) {
        if (list_.size() == most_values) {
            throw raised{"OverflowError", "str.split(): there are more than " + std::to_string(most_values) + " parts"};
        }
        list_.emplace_back(std::string{part});
    }

    [[nodiscard]] value take() { return value(std::move(list_)); }

private:
    value::array_t list_{};
};

value split_at_white_space(std::string_view text) {
    parts found;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= text.size();) {
        const std::size_t space = i < text.size() ? white_space_at(text.substr(i)) : 1;
        if (space == 0) {
            ++i;
            continue;
        }
        if (i > begin) {
            found.add(text.substr(begin, i - begin));
        }
        i += space;
        begin = i;
    }
    return found.take();
}

value split(call_context&, arguments given) {
    const std::string_view text = argument{"str.split", "text", given[0]}.text();
    if (given[1].is_null()) {
        return split_at_white_space(text);
    }
    const std::string_view separator = argument{"str.split", "sep", given[1]}.text();
    if (separator.empty()) {
        throw raised{"ValueError", "str.split(): sep must not be empty"};
    }
    parts found;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        // memmem is linear, std::string_view::find is not.
        const void* const at = ::memmem(text.data() + begin, text.size() - begin, separator.data(), separator.size());
        if (at == nullptr) {
            break;
        }
        const auto end = static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
        found.add(text.substr(begin, end - begin));
        begin = end + separator.size();
    }
    found.add(text.substr(begin));
    return found.take();
}

value join(call_context&, arguments given) {
    const auto& separator = argument{"str.join", "sep", given[0]}.text();
    if (!given[1].is_array() && !given[1].is_string() && !given[1].is_object()) {
        argument{"str.join", "parts", given[1]}.refuse_type("a list of texts");
    }
    const value::array_t made = given[1].is_array() ? value::array_t{} : items_of(given[1]);
    const auto& list = given[1].is_array() ? given[1].get_ref<const value::array_t&>() : made;
    bounded_text joined{"str.join"};
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (i != 0) {
            joined.append(separator);
        }
        joined.append(argument{"str.join", "each of parts", list[i]}.text());
    }
    return joined.take();
}

bool is_brief_join(arguments given) {
    constexpr std::size_t brief_bytes = 64 * 1024;
    if (plan::are_large(given) || !given[0].is_string()) {
        return !plan::are_large(given);
    }
    const std::size_t count = given[1].is_string() ? given[1].get_ref<const std::string&>().size() : given[1].size();
    return given[0].get_ref<const std::string&>().size() * count <= brief_bytes;
}

constexpr std::string_view format_syntax = "str.format(): template may hold {}, {0}, {{ and }}, and no other brace";

/// Goes through a template: `literal(text)` for what stands for itself, `field(digits)` for each {} and {N}.
/// Throws ValueError.
template <typename Literal, typename Field>
void read_template(std::string_view text, const Literal& literal, const Field& field) {
    std::size_t begin = 0;
    for (std::size_t i = text.find_first_of("{}"); i != std::string_view::npos; i = text.find_first_of("{}", begin)) {
        literal(text.substr(begin, i - begin));
        if (i + 1 < text.size() && text[i + 1] == text[i]) {
            literal(text.substr(i, 1));
            begin = i + 2;
            continue;
        }
        const std::size_t end = text.find_first_not_of("0123456789", i + 1);
        if (text[i] == '}' || end == std::string_view::npos || text[end] != '}') {
            throw raised{"ValueError", std::string{format_syntax}};
        }
        field(text.substr(i + 1, end - i - 1));
        begin = end + 1;
    }
    literal(text.substr(begin));
}

/// Which value a field of the template stands for. Throws ValueError, and IndexError.
class field_numbers {
public:
    explicit field_numbers(std::size_t count) : count_{count} {}

    std::size_t next(std::string_view digits) {
        const bool is_automatic = digits.empty();
        if (is_automatic_.value_or(is_automatic) != is_automatic) {
            throw raised{"ValueError", "str.format(): template must number all of its fields or none"};
        }
        is_automatic_ = is_automatic;
        const std::size_t number = is_automatic ? next_++ : number_of(digits);
        if (number >= count_) {
            throw raised{"IndexError", "str.format(): template asks for value " + std::to_string(number) + ", but " +
                                           std::to_string(count_) + " are given, counted from 0"};
        }
        return number;
    }

private:
    static std::size_t number_of(std::string_view digits) {
        constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
        std::size_t number = 0;
        for (const char digit : digits) {
            const auto units = static_cast<std::size_t>(digit - '0');
            if (number > (most - units) / 10) {
                throw raised{"ValueError", "str.format(): the number of a field has too many digits"};
            }
            number = number * 10 + units;
        }
        return number;
    }

    std::size_t count_;
    std::size_t next_ = 0;
    std::optional<bool> is_automatic_{};
};

value format(call_context&, arguments given) {
    const auto& text = argument{"str.format", "template", given[0]}.text();
    const arguments values = given.without_first(1);
    read_template(
        text, [](std::string_view) {}, [](std::string_view) {});  // a fault of the syntax comes before any other
    bounded_text made{"str.format"};
    field_numbers numbers{values.size()};
    std::string json;
    read_template(
        text, [&made](std::string_view literal) { made.append(literal); },
        [&](std::string_view digits) {
            const value& v = values[numbers.next(digits)];
            if (const auto* const shown_as_it_is = v.get_ptr<const std::string*>()) {
                made.append(*shown_as_it_is);
                return;
            }
            json.clear();
            protocol::append_value(json, v);
            made.append(json);
        });
    return made.take();
}

/// Each field may show the largest value.
bool is_brief_format(arguments given) {
    constexpr std::size_t most_parts = 256;
    constexpr std::size_t most_text_bytes = 2048;
    return !plan::are_more_than(given, most_parts, most_text_bytes);
}

value loads(call_context&, arguments given) {
    return parse_json("json.loads", argument{"json.loads", "text", given[0]}.text());
}

value dumps(call_context&, arguments given) {
    std::string text;
    protocol::append_value(text, given[0]);
    return text;
}

}  // namespace

void add_text(plan::registry& functions) {
    using plan::parameter;
    using plan::thread_pool;
    functions.add({.name = "str.split",
                   .summary = "The parts of a text between separators, or without sep between white space.",
                   .parameters = {parameter{.name = "text", .type = "text", .help = "what to split"},
                                  option("sep", nullptr, "text or null", "what stands between two parts")},
                   .body = split,
                   .errors = {"TypeError", "ValueError", "OverflowError"},
                   .example = {R"({"call": "str.split", "args": ["a,b,,c", ","]})", R"(["a", "b", "", "c"])"}});
    functions.add({.name = "str.join",
                   .summary = "The texts of a list as one, with sep between them.",
                   .parameters = {parameter{.name = "sep", .type = "text", .help = "what to put between two parts"},
                                  parameter{.name = "parts", .type = "list of texts", .help = "what to join"}},
                   .pool = thread_pool::compute,
                   .body = join,
                   .is_brief = is_brief_join,
                   .errors = {"TypeError", "OverflowError"},
                   .example = {R"({"call": "str.join", "args": [", ", ["a", "b"]]})", R"("a, b")"}});
    functions.add(
        {.name = "str.format",
         .summary = "The template with values in the places of {} or {0}: texts as they are, others as JSON.",
         .parameters = {parameter{.name = "template", .type = "text", .help = "{{ and }} are braces in it"},
                        parameter{.name = "values", .variadic = true, .type = "any", .help = "what to fill in"}},
         .pool = thread_pool::compute,
         .body = format,
         .is_brief = is_brief_format,
         .errors = {"TypeError", "ValueError", "IndexError", "OverflowError"},
         .example = {R"({"call": "str.format", "args": ["{0} of {1}", 3, [1, 2]]})", R"("3 of [1,2]")"}});
    functions.add({.name = "json.loads",
                   .summary = "The value that a JSON text stands for.",
                   .parameters = {parameter{.name = "text", .type = "text", .help = "the JSON"}},
                   .body = loads,
                   .errors = {"TypeError", "ValueError", "OverflowError", "RecursionError"},
                   .example = {R"({"call": "json.loads", "args": ["{\"a\": [1, null]}"]})", R"({"a": [1, null]})"}});
    functions.add({.name = "json.dumps",
                   .summary = "A value as compact JSON text.",
                   .parameters = {parameter{.name = "value", .type = "any", .help = "what to write"}},
                   .body = dumps,
                   .example = {R"({"call": "json.dumps", "args": [[1, "a"]]})", R"("[1,\"a\"]")"}});
}

}  // namespace gatherd::api::functions
