#include "api/functions/parse_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::raised;
using members = value::object_t::Container;  // what ordered_json's object is derived from

/// Of members of one name the first gets the last one's value, and the others go. Sorting, not ordered_json's own
/// look-up, which compares a name with all before it.
void unite_duplicates(value::object_t& object) {
    std::vector<std::size_t> places(object.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i] = i;
    }
    const auto name = [&object](std::size_t place) -> const std::string& {
        return (object.begin() + static_cast<std::ptrdiff_t>(place))->first;
    };
    std::sort(places.begin(), places.end(), [&name](std::size_t a, std::size_t b) {
        const int order = name(a).compare(name(b));
        return order != 0 ? order < 0 : a < b;
    });
    std::vector<char> is_again(object.size());
    bool has_duplicates = false;
    for (std::size_t i = 1, first = 0; i < places.size(); ++i) {
        if (name(places[i]) != name(places[first])) {
            first = i;
            continue;
        }
        has_duplicates = true;
        is_again[places[i]] = 1;
        object.begin()[static_cast<std::ptrdiff_t>(places[first])].second =
            std::move(object.begin()[static_cast<std::ptrdiff_t>(places[i])].second);
    }
    if (!has_duplicates) {
        return;
    }
    value::object_t kept;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (is_again[i] == 0) {
            auto& member = object.begin()[static_cast<std::ptrdiff_t>(i)];
            kept.members::emplace_back(member.first, std::move(member.second));
        }
    }
    object = std::move(kept);
}

/// Builds the value from what nlohmann's parser reports.
class builder final : public nlohmann::json_sax<value> {
public:
    explicit builder(std::string_view function) : function_{function} {}

    [[nodiscard]] value take() { return std::move(root_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool v) override { return add(v); }
    bool number_integer(number_integer_t v) override { return add(v); }
    bool number_unsigned(number_unsigned_t v) override {
        // As everywhere, unsigned only beyond int64_t.
        return v <= static_cast<number_unsigned_t>(INT64_MAX) ? add(static_cast<std::int64_t>(v)) : add(v);
    }
    bool number_float(number_float_t v, const string_t& text) override {
        if (text.find_first_of(".eE") == string_t::npos) {
            throw raised{"OverflowError", function_ + "(): an integer in text is outside [-2**63, 2**64)"};
        }
        if (!std::isfinite(v)) {
            throw raised{"OverflowError", function_ + "(): a number in text is beyond any double"};
        }
        return add(v);
    }
    bool string(string_t& v) override { return add(std::move(v)); }
    bool binary(binary_t& /*v*/) override { return false; }
    bool start_object(std::size_t /*size*/) override { return open(value::object()); }
    bool key(string_t& name) override {
        object().members::emplace_back(std::move(name), nullptr);
        return true;
    }
    bool end_object() override {
        unite_duplicates(object());
        open_.pop_back();
        return true;
    }
    bool start_array(std::size_t /*size*/) override { return open(value::array()); }
    bool end_array() override {
        open_.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*last*/, const nlohmann::detail::exception& e) override {
        constexpr int out_of_range = 406;
        if (e.id == out_of_range) {
            throw raised{"OverflowError", function_ + "(): a number in text is beyond any double"};
        }
        throw raised{"ValueError", function_ + "(): text is no JSON: the fault is before byte " +
                                       std::to_string(position) + " of it"};
    }

private:
    [[nodiscard]] value::object_t& object() { return open_.back()->get_ref<value::object_t&>(); }

    template <typename V>
    bool add(V v) {
        place(value(std::move(v)));
        return true;
    }

    /// Puts a value where it belongs; its address holds until something is added beside it.
    value* place(value v) {
        if (++count_ > most_values) {
            throw raised{"OverflowError",
                         function_ + "(): text has more than " + std::to_string(most_values) + " values"};
        }
        if (open_.empty()) {
            root_ = std::move(v);
            return &root_;
        }
        if (open_.back()->is_array()) {
            return &open_.back()->get_ref<value::array_t&>().emplace_back(std::move(v));
        }
        value& member = (object().end() - 1)->second;
        member = std::move(v);
        return &member;
    }

    bool open(value v) {
        constexpr std::size_t deepest = 512;
        if (open_.size() == deepest) {
            throw raised{"RecursionError", function_ + "(): text is nested deeper than 512 levels"};
        }
        open_.push_back(place(std::move(v)));
        return true;
    }

    std::string function_;
    value root_{};
    std::vector<value*> open_{};  // lists and objects that have not ended, each in the one before it
    std::size_t count_ = 0;
};

}  // namespace

value parse_json(std::string_view function, std::string_view text) {
    builder made{function};
    if (text.substr(0, 3) == "\xEF\xBB\xBF") {  // nlohmann's parser would skip it
        throw raised{"ValueError", std::string{function} + "(): text begins with a byte order mark"};
    }
    value::sax_parse(text, &made);
    return made.take();
}

}  // namespace gatherd::api::functions
