#include "api/functions/families.hpp"

#include <oneapi/tbb/parallel_sort.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/abandoned.hpp"
#include "api/functions/argument.hpp"
#include "api/functions/comparison.hpp"
#include "api/functions/option.hpp"
#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;

/// What iterating over an argument yields: of a list its own items, of anything else items made for it.
class iterated {
public:
    iterated(std::string_view function, std::string_view parameter, const value& given) {
        if (given.is_array()) {
            items_ = given.get_ref<const value::array_t&>();
        } else if (given.is_string() || given.is_object()) {
            made_ = items_of(given);
            items_ = made_;
        } else {
            argument{function, parameter, given}.refuse_type("a list");
        }
    }
    iterated(const iterated&) = delete;
    iterated& operator=(const iterated&) = delete;
    iterated(iterated&&) = default;  // a vector keeps its items where they are

    [[nodiscard]] arguments items() const { return items_; }

private:
    value::array_t made_{};
    arguments items_{};
};

value length(call_context&, arguments given) {
    const value& obj = given[0];
    if (obj.is_string()) {
        return length_of(obj.get_ref<const std::string&>());
    }
    if (!obj.is_structured()) {
        argument{"len", "obj", obj}.refuse_type("a list, a text or an object");
    }
    return obj.size();
}

/// A range of integers.
struct int_range {
    int128 start = 0;
    int128 stop = 0;
    int128 step = 1;

    [[nodiscard]] int128 size() const {
        const int128 width = step > 0 ? stop - start : start - stop;
        const int128 stride = step > 0 ? step : -step;
        return width <= 0 ? 0 : (width + stride - 1) / stride;
    }
};

int_range range_of(arguments given) {
    if (given.empty() || given.size() > 3) {
        throw raised{"TypeError", "range() takes stop, or start, stop and perhaps step: " +
                                      std::to_string(given.size()) + " arguments given"};
    }
    int_range r;
    const auto read = [given](std::size_t i, const char* name) {
        if (!is_int(given[i])) {
            argument{"range", name, given[i]}.refuse_type("an integer");
        }
        return int_of(given[i]);
    };
    if (given.size() == 1) {
        r.stop = read(0, "stop");
        return r;
    }
    r.start = read(0, "start");
    r.stop = read(1, "stop");
    if (given.size() == 3) {
        r.step = read(2, "step");
    }
    if (r.step == 0) {
        throw raised{"ValueError", "range(): step must not be 0"};
    }
    return r;
}

value range(call_context&, arguments given) {
    const int_range r = range_of(given);
    const int128 size = r.size();
    if (size > static_cast<int128>(most_values)) {
        throw raised{"OverflowError",
                     "range(): " + decimal(size) + " integers are more than " + std::to_string(most_values)};
    }
    value::array_t list;
    list.reserve(static_cast<std::size_t>(size));
    int128 next = r.start;
    for (int128 i = 0; i < size; ++i, next += r.step) {
        list.push_back(int_value(next));
    }
    return value(std::move(list));
}

bool is_brief_range(arguments given) {
    constexpr int128 brief = 1024;
    return std::any_of(given.begin(), given.end(), [](const value& each) { return !is_int(each); }) || given.empty() ||
           given.size() > 3 || (given.size() == 3 && int_of(given[2]) == 0) || range_of(given).size() <= brief;
}

value zip(call_context&, arguments given) {
    std::vector<iterated> lists;
    lists.reserve(given.size());
    for (const value& each : given) {
        lists.emplace_back("zip", "each of lists", each);
    }
    std::size_t size = lists.empty() ? 0 : lists.front().items().size();
    for (const iterated& each : lists) {
        size = std::min(size, each.items().size());
    }
    value::array_t rows;
    rows.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
        value::array_t row;
        row.reserve(lists.size());
        for (const iterated& each : lists) {
            row.push_back(each.items()[i]);
        }
        rows.emplace_back(std::move(row));
    }
    return value(std::move(rows));
}

/// Whether a comes before b. Throws TypeError where they have no order.
bool is_before(std::string_view function, const value& a, const value& b) {
    const comparison c = compare_for_order(a, b);
    if (c.is == order::none) {
        throw raised{"TypeError", std::string{function} + "(): the values have no order: " + quoted_type(*c.left) +
                                      " and " + quoted_type(*c.right)};
    }
    return c.is == order::less;
}

/// The first value that no other comes before; `comes_before(a, b)`.
template <typename Before>
value first_of(std::string_view function, arguments given, const Before& comes_before) {
    if (given.empty()) {
        throw raised{"TypeError", std::string{function} + "() takes at least one argument"};
    }
    const auto best_of = [&comes_before](arguments values) {
        const value* best = &values[0];
        for (const value& each : values.without_first(1)) {
            if (comes_before(each, *best)) {
                best = &each;
            }
        }
        return *best;
    };
    if (given.size() > 1) {
        return best_of(given);
    }
    const iterated list{function, "values, as the only argument,", given[0]};
    if (list.items().empty()) {
        throw raised{"ValueError", std::string{function} + "(): values must not be empty"};
    }
    return best_of(list.items());
}

value least(call_context&, arguments given) {
    return first_of("min", given, [](const value& a, const value& b) { return is_before("min", a, b); });
}

value greatest(call_context&, arguments given) {
    return first_of("max", given, [](const value& a, const value& b) { return is_before("max", b, a); });
}

value sum(call_context&, arguments given) {
    const iterated list{"sum", "values", given[0]};
    return sum_of("sum", "each of values", list.items());
}

/// Whether they are all numbers without a nan, or all texts: their order is total, and to compare them never throws.
bool have_total_order(arguments values) {
    const auto is_ordered = [](const value& v) {
        return is_number(v) && !(v.is_number_float() && std::isnan(v.get<double>()));
    };
    return std::ranges::all_of(values, [](const value& v) { return v.is_string(); }) ||
           std::ranges::all_of(values, is_ordered);
}

/// Sorts where the order is total, in parallel if they are many.
std::vector<const value*> sorted_by_order(arguments values, bool is_reverse) {
    constexpr std::size_t many = 8192;
    std::vector<const value*> sorted;
    sorted.reserve(values.size());
    for (const value& each : values) {
        sorted.push_back(&each);
    }
    const order first = is_reverse ? order::greater : order::less;
    const auto comes_before = [first](const value* a, const value* b) {
        const order is = compare_for_order(*a, *b).is;
        return is == first || (is == order::equal && std::less<>{}(a, b));  // equal ones keep their order
    };
    if (sorted.size() < many) {
        std::ranges::sort(sorted, comes_before);
    } else {
        oneapi::tbb::parallel_sort(sorted.begin(), sorted.end(), comes_before);
        throw_if_abandoned();
    }
    return sorted;
}

/// Sorts whatever there is. A list's sort is a stable merge sort, as Python's: safe with comparisons that throw, or
/// contradict each other (nan).
std::list<const value*> sorted_with_care(arguments values, bool is_reverse) {
    std::list<const value*> sorted;
    for (const value& each : values) {
        sorted.push_back(&each);
    }
    if (is_reverse) {  // equal ones keep their order
        sorted.sort([](const value* a, const value* b) { return is_before("sorted", *b, *a); });
    } else {
        sorted.sort([](const value* a, const value* b) { return is_before("sorted", *a, *b); });
    }
    return sorted;
}

value sorted(call_context&, arguments given) {
    const iterated list{"sorted", "values", given[0]};
    if (!is_int(given[1])) {
        argument{"sorted", "reverse", given[1]}.refuse_type("true or false");
    }
    const bool is_reverse = int_of(given[1]) != 0;
    value::array_t values;
    values.reserve(list.items().size());
    const auto add = [&values](const value* each) { values.push_back(*each); };
    if (have_total_order(list.items())) {
        std::ranges::for_each(sorted_by_order(list.items(), is_reverse), add);
    } else {
        std::ranges::for_each(sorted_with_care(list.items(), is_reverse), add);
    }
    return value(std::move(values));
}

}  // namespace

void add_lists(plan::registry& functions) {
    using plan::parameter;
    functions.add({.name = "len",
                   .summary = "How many items a list has, members an object, or characters a text.",
                   .parameters = {parameter{.name = "obj", .type = "list, object or text", .help = "what to count"}},
                   .body = length,
                   .errors = {"TypeError"},
                   .example = {R"({"call": "len", "args": [["a", "b"]]})", "2"}});
    functions.add({.name = "range",
                   .summary = "The integers below stop, or from start on, in steps: at most 10 million.",
                   .parameters = {parameter{.name = "bounds",
                                            .variadic = true,
                                            .type = "integer",
                                            .help = "stop; or start and stop; or start, stop and step"}},
                   .pool = plan::thread_pool::compute,
                   .body = range,
                   .is_brief = is_brief_range,
                   .errors = {"TypeError", "ValueError", "OverflowError"},
                   .example = {R"({"call": "range", "args": [2, 10, 3]})", "[2, 5, 8]"}});
    functions.add(
        {.name = "zip",
         .summary = "A list of the first items of all lists, one of the second items, and so on; as many as "
                    "the shortest has.",
         .parameters = {parameter{
             .name = "lists", .variadic = true, .type = "list, text or object", .help = "whose items to pair"}},
         .body = zip,
         .errors = {"TypeError"},
         .example = {R"({"call": "zip", "args": [[1, 2], ["a", "b"]]})", R"([[1, "a"], [2, "b"]])"}});
    functions.add(
        {.name = "min",
         .summary = "The least of the values, or of the list that is the only argument.",
         .parameters = {parameter{
             .name = "values", .variadic = true, .type = "any", .help = "values with an order, or a list of such"}},
         .body = least,
         .errors = {"TypeError", "ValueError"},
         .example = {R"({"call": "min", "args": [3, 1, 2]})", "1"}});
    functions.add(
        {.name = "max",
         .summary = "The greatest of the values, or of the list that is the only argument.",
         .parameters = {parameter{
             .name = "values", .variadic = true, .type = "any", .help = "values with an order, or a list of such"}},
         .body = greatest,
         .errors = {"TypeError", "ValueError"},
         .example = {R"({"call": "max", "args": [["a", "c", "b"]]})", R"("c")"}});
    functions.add({.name = "sum",
                   .summary = "Adds up the numbers of a list.",
                   .parameters = {parameter{.name = "values", .type = "list of numbers", .help = "the terms"}},
                   .body = sum,
                   .errors = {"TypeError", "OverflowError"},
                   .example = {R"({"call": "sum", "args": [[1, 2, 3.5]]})", "6.5"}});
    functions.add({.name = "sorted",
                   .summary = "The items of a list in ascending order, or descending with reverse.",
                   .parameters = {parameter{.name = "values",
                                            .type = "list, text or object",
                                            .help = "whose items to sort; numbers, texts or lists of such"},
                                  option("reverse", false, "boolean", "whether the greatest comes first")},
                   .body = sorted,
                   .errors = {"TypeError"},
                   .example = {R"({"call": "sorted", "args": [[3, 1, 2], true]})", "[3, 2, 1]"}});
}

}  // namespace gatherd::api::functions
