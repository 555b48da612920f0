#include "config/setting_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "config/setting_value.hpp"

using namespace gatherd::config;
using nlohmann::ordered_json;

namespace {

std::string read(const std::string& path) {
    std::ifstream file{std::string{GATHERD_SOURCE_DIR} + "/" + path};
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

constexpr const char* one_token =
    R"([{"name":"ci","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","rights":["submit"]}])";

/// A size that no setting has by default, and that this one may have.
std::string some_size(const bytes_field& field) {
    return std::to_string(std::min(field.most, std::uint64_t{34567890}));
}

/// A word that a setting has not by default.
std::string some_word(const word_field& field, const settings& values) {
    return std::string{field.words[field.get(values) == 0 ? 1 : 0]};
}

/// The value at a dotted name of a nested object.
ordered_json at(const ordered_json& file, std::string name) {
    for (char& c : name) {
        c = c == '.' ? '/' : c;
    }
    return file.at(ordered_json::json_pointer{"/" + name});
}

}  // namespace

TEST_CASE("setting_table: names, variables and flags are each used once", "[config]") {
    std::set<std::string> names;
    std::set<std::string> variables;
    std::set<std::string> flags;
    for (const auto& each : setting_table()) {
        CHECK(names.emplace(each.name).second);
        CHECK(variables.insert(each.variable()).second);
        CHECK(flags.insert(each.flag()).second);
    }
}

TEST_CASE("setting_table: a setting's variable and flag follow from its name", "[config]") {
    CHECK(find_setting("limits.message_bytes")->variable() == "GATHERD_LIMITS_MESSAGE_BYTES");
    CHECK(find_setting("limits.message_bytes")->flag() == "--limits.message-bytes");
    CHECK(find_setting("port_file")->flag() == "--port-file");
    CHECK(find_setting("listen")->variable() == "GATHERD_LISTEN");
}

TEST_CASE("setting_table: each row sets a value of its own", "[config]") {
    for (const auto& each : setting_table()) {
        CAPTURE(each.name);
        settings values;
        const auto* const size = std::get_if<bytes_field>(&each.field);
        const std::string text = size != nullptr                                  ? some_size(*size)
                                 : std::holds_alternative<text_field>(each.field) ? "some/file"
                                 : std::holds_alternative<word_field>(each.field)
                                     ? some_word(std::get<word_field>(each.field), values)
                                 : std::holds_alternative<addresses_field>(each.field)     ? "[::1]:1"
                                 : std::holds_alternative<admin_address_field>(each.field) ? "[::1]:1"
                                 : std::holds_alternative<duration_field>(each.field)      ? "1234ms"
                                 : std::holds_alternative<mode_field>(each.field)          ? "640"
                                 : std::holds_alternative<switch_field>(each.field)        ? "yes"
                                 : std::holds_alternative<tokens_field>(each.field)        ? one_token
                                 : std::holds_alternative<pools_field>(each.field)   ? R"({"a": {"command": ["x"]}})"
                                 : std::holds_alternative<folders_field>(each.field) ? "data=/srv/data"
                                                                                     : "123";
        REQUIRE_FALSE(assign_text(each, text, values));
        for (const auto& other : setting_table()) {
            CAPTURE(other.name);
            const bool changed = value_text(other, values) != value_text(other, settings{});
            CHECK(changed == (other.name == each.name));
        }
    }
}

TEST_CASE("setting_table: every default is in range and reads back from its text and its JSON", "[config]") {
    for (const auto& each : setting_table()) {
        CAPTURE(each.name);
        settings values;
        CHECK_FALSE(assign_text(each, value_text(each, settings{}), values));
        CHECK(value_text(each, values) == value_text(each, settings{}));
        CHECK_FALSE(assign_json(each, value_json(each, settings{}), values));
        CHECK(value_text(each, values) == value_text(each, settings{}));
    }
}

TEST_CASE("setting_table: a group is a name that others begin with", "[config]") {
    CHECK(is_group("limits"));
    CHECK(is_group("log"));
    CHECK_FALSE(is_group("limit"));
    CHECK_FALSE(is_group("listen"));
    CHECK_FALSE(is_group(""));
    CHECK(find_setting("limits") == nullptr);
    CHECK(find_setting("limits.dept") == nullptr);
}

TEST_CASE("setting_table: config/gatherd.json holds all defaults and nothing else", "[config]") {
    const auto file = ordered_json::parse(read("config/gatherd.json"));
    for (const auto& each : setting_table()) {
        CAPTURE(each.name);
        CHECK(at(file, std::string{each.name}) == value_json(each, settings{}));
    }
    CHECK(file.flatten().size() == setting_table().size());
}

TEST_CASE("setting_table: docs/OPERATIONS.md shows each setting with its default, range and help", "[config]") {
    const auto page = read("docs/OPERATIONS.md");
    for (const auto& each : setting_table()) {
        const auto value = value_text(each, settings{});
        const auto range = range_text(each);
        const auto row = "| `" + std::string{each.name} + "` | " + (value.empty() ? "none" : "`" + value + "`") +
                         " | " + (range.empty() ? std::string{type_name(each)} : range) + " | " +
                         std::string{each.help} + " |";
        CAPTURE(row);
        CHECK(page.find(row) != std::string::npos);
    }
}
