#include "config/settings_schema.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "config/setting_table.hpp"
#include "config/setting_value.hpp"

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view size_pattern = R"(^[0-9]+(\.[0-9]+)?(B|[kKMGT]|kB|[KMGT]B|[KMGT]iB)?$)";
constexpr std::string_view time_pattern = R"(^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$|^[0-9]+(\.[0-9]+)?$)";

json any_of(json first, json second) {
    return {{"anyOf", json::array({std::move(first), std::move(second)})}};
}

json text_like(std::string_view pattern) {
    return {{"type", "string"}, {"pattern", pattern}};
}

/// The pattern, or the word that may be written for 0.
json text_or_word(std::string_view pattern, word_for_zero zero) {
    return zero.empty() ? text_like(pattern) : any_of(text_like(pattern), json{{"const", zero}});
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

/// An object with these members and no others.
json object_of(json members, json required) {
    return {{"type", "object"}, {"additionalProperties", false}, {"required", std::move(required)}, {"properties", std::move(members)}};
}

json token_schema() {
    const json rights = {{"enum", {"submit", "cancel_any", "see_all", "admin", "serve"}}};
    return object_of({{"name", {{"type", "string"}, {"minLength", 1}}},
                      {"sha256", text_like("^[0-9a-fA-F]{64}$")},
                      {"rights", list_of(rights)},
                      {"tasks_in_flight", number_between(1, 1'000'000'000, {})},
                      {"functions", list_of(text())},
                      {"serve", list_of(text())}},
                     {"name", "sha256", "rights"});
}

/// Or null or "off", as if it were not there.
json or_off(json schema) {
    return any_of(std::move(schema), json{{"enum", {nullptr, "off"}}});
}

json pool_schema() {
    const json time = or_off(any_of(json{{"type", "number"}, {"minimum", 0}}, text_like(time_pattern)));
    const json size = or_off(any_of(json{{"type", "integer"}, {"minimum", 1}}, text_like(size_pattern)));
    constexpr std::uint64_t many = 1'000'000'000'000;
    json members = {{"command", {{"type", "array"}, {"items", text()}, {"minItems", 1}}},
                    {"processes", any_of(number_between(1, 1000, {}), json{{"const", "auto"}})},
                    {"functions", or_off(list_of(text_like(R"(^[A-Za-z_][A-Za-z0-9_.]{0,127}$)")))},
                    {"concurrency", or_off(number_between(1, 1024, {}))},
                    {"env", or_off({{"type", "object"}, {"additionalProperties", text()}})},
                    {"cwd", or_off(text())},
                    {"user", or_off(text())},
                    {"max_calls", or_off(number_between(1, many, {}))},
                    {"max_memory", size}};
    for (const char* each : {"max_age", "start_time", "cancel_time", "drain_time", "restart_min", "restart_max"}) {
        members[each] = time;
    }
    return object_of(std::move(members), json::array({"command"}));
}

// One overload for each kind of field: what its value may be in the file.

json schema_of(const count_field& f) {
    json number = number_between(f.least, f.most, f.zero);
    return f.zero.empty() ? number : any_of(std::move(number), json{{"const", f.zero}});
}
json schema_of(const bytes_field& f) {
    return any_of(number_between(f.least, f.most, f.zero), text_or_word(size_pattern, f.zero));
}
json schema_of(const duration_field& f) {
    return any_of(json{{"type", "number"}, {"minimum", 0}, {"maximum", f.most.count() / 1000}},
                  text_or_word(time_pattern, f.zero));
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
    return list_of(token_schema());
}
json schema_of(const pools_field&) {
    return {{"type", "object"}, {"propertyNames", text_like("^[A-Za-z0-9_.-]{1,64}$")}, {"additionalProperties", pool_schema()}};
}
json schema_of(const texts_field&) {
    return any_of(list_of(text()), text());
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
    }
    return schema;
}

}  // namespace gatherd::config
