#include "config/settings_schema.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "config/pool.hpp"
#include "config/quantity.hpp"
#include "config/setting_table.hpp"
#include "config/setting_value.hpp"
#include "config/token.hpp"

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

json any_of(json first, json second) {
    return {{"anyOf", json::array({std::move(first), std::move(second)})}};
}

json text_like(std::string_view pattern) {
    return {{"type", "string"}, {"pattern", pattern}};
}

/// The pattern, or 0, or the word that may be written for it.
json text_or_word(std::string_view pattern, word_for_zero zero) {
    return zero.empty() ? text_like(pattern) : any_of(text_like(pattern), json{{"enum", {zero, "0"}}});
}

json number_between(std::uint64_t least, std::uint64_t most, word_for_zero zero) {
    return {{"type", "integer"}, {"minimum", zero.empty() ? least : 0}, {"maximum", most}};
}

json text() {
    return {{"type", "string"}};
}

json list_of(json items) {
    return {{"type", "array"}, {"items", std::move(items)}};
}

// One overload for each kind of field: what its value may be in the file.

json schema_of(const count_field& f) {
    json number = number_between(f.least, f.most, f.zero);
    return f.zero.empty() ? number : any_of(std::move(number), json{{"const", f.zero}});
}
json schema_of(const bytes_field& f) {
    return any_of(number_between(f.least, f.most, f.zero), text_or_word(bytes_pattern(f.least, f.most), f.zero));
}
json schema_of(const duration_field& f) {
    return any_of(json{{"type", "number"}, {"minimum", 0}, {"maximum", f.most.count() / 1000}},
                  text_or_word(duration_pattern(f.least, f.most), f.zero));
}
json schema_of(const text_field&) {
    return text();
}
json schema_of(const mode_field&) {
    return text_like("^[0-7]{3,4}$");
}
json schema_of(const switch_field&) {
    return {{"enum", {"yes", "no", "true", "false", true, false}}};
}
json schema_of(const tokens_field&) {
    return tokens_schema();
}
json schema_of(const pools_field&) {
    return pools_schema();
}
json schema_of(const texts_field& f) {
    return any_of(list_of(f.item_pattern.empty() ? text() : text_like(f.item_pattern)), text());
}
json schema_of(const folders_field&) {
    return any_of({{"type", "object"}, {"additionalProperties", text_like("^/")}}, text());
}
json schema_of(const word_field& field) {
    return {{"enum", std::vector<std::string>(field.words.begin(), field.words.end())}};
}
json schema_of(const addresses_field&) {
    return any_of(list_of(text()), text());
}

json schema_of(const admin_address_field&) {
    return text();
}

json schema_of(const setting& each, const settings& defaults) {
    json schema = std::visit([](const auto& field) { return schema_of(field); }, each.field);
    const auto range = range_text(each);
    schema["description"] = std::string{each.help} + (range.empty() ? "" : " (" + range + ")");
    schema["default"] = value_json(each, defaults);
    return schema;
}

}  // namespace

json settings_schema() {
    json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", "settings of gatherd"},
                   {"type", "object"},
                   {"additionalProperties", false},
                   {"properties", {{"$schema", text()}}}};
    const settings defaults;
    for (const auto& each : setting_table()) {
        json* group = &schema;
        std::string_view name = each.name;
        for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
            json& inner = (*group)["properties"][std::string{name.substr(0, dot)}];
            if (inner.is_null()) {
                inner = {{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
            }
            group = &inner;
            name.remove_prefix(dot + 1);
        }
        (*group)["properties"][std::string{name}] = schema_of(each, defaults);
        if (group != &schema) {  // the name may also be written in one: a pattern, which editors do not suggest
            std::string pattern{each.name};
            std::string place = "#/properties/" + pattern;
            for (auto dot = pattern.find('.'); dot != std::string::npos; dot = pattern.find('.', dot + 2)) {
                pattern.insert(dot, 1, '\\');
            }
            for (auto dot = place.find('.'); dot != std::string::npos; dot = place.find('.', dot)) {
                place.replace(dot, 1, "/properties/");
            }
            schema["patternProperties"]["^" + pattern + "$"] = {{"$ref", place}};
        }
    }
    return schema;
}

}  // namespace gatherd::config
