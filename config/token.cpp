#include "config/token.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> known_rights{"submit", "cancel_any", "see_all", "admin", "serve"};
constexpr std::size_t hash_digits = 64;
constexpr std::uint64_t most_tasks = 1'000'000'000;

/// What is wrong with one member, or nothing.
std::string fault_of(std::string_view key, const json& value, token& into) {
    if (key == "name") {
        const bool good = value.is_string() && !value.get_ref<const std::string&>().empty();
        into.name = good ? value.get<std::string>() : "";
        return good ? "" : "name must be a text";
    }
    if (key == "sha256") {
        const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
        into.sha256 = value.is_string() ? value.get<std::string>() : "";
        std::ranges::transform(into.sha256, into.sha256.begin(),
                               [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
        const bool good = into.sha256.size() == hash_digits && std::ranges::all_of(into.sha256, is_digit);
        return good ? "" : "sha256 must be 64 hexadecimal digits, as sha256sum prints them";
    }
    if (key == "file") {
        const bool good = value.is_string() && value.get_ref<const std::string&>().starts_with('/');
        into.file = good ? value.get<std::string>() : "";
        return good ? "" : "file must be the absolute path of the file that holds the token";
    }
    if (key == "rights") {
        const auto is_right = [](const json& each) {
            return each.is_string() && std::ranges::count(known_rights, each.get_ref<const std::string&>()) == 1;
        };
        const bool good = value.is_array() && std::ranges::all_of(value, is_right);
        into.rights = good ? value.get<std::vector<std::string>>() : std::vector<std::string>{};
        return good ? "" : "rights must be a list of submit, cancel_any, see_all, admin, serve";
    }
    if (key == "tasks_in_flight") {
        const bool good = value.is_number_integer() && value >= 1 && value <= most_tasks;
        into.tasks_in_flight = good ? value.get<std::uint64_t>() : 0;
        return good ? "" : "tasks_in_flight must be a whole number (1 to 1000000000)";
    }
    if (key == "functions" || key == "serve") {
        const auto is_glob = [](const json& each) {
            return each.is_string() && !each.get_ref<const std::string&>().empty();
        };
        const bool good = value.is_array() && std::ranges::all_of(value, is_glob);
        (key == "serve" ? into.serve : into.functions) =
            good ? std::optional{value.get<std::vector<std::string>>()} : std::nullopt;
        return good ? ""
                    : std::string{key} + R"( must be a list of names with * and ?, as ["process.run", "random.*"])";
    }
    return "unknown member '" + std::string{key} +
           "'; there are name, sha256, file, rights, tasks_in_flight, functions, serve";
}

}  // namespace

std::variant<std::vector<token>, std::string> read_tokens(const json& from) {
    if (!from.is_array()) {
        return "not a list of tokens";
    }
    std::vector<token> all;
    for (const auto& each : from) {
        const auto place = "token " + std::to_string(all.size() + 1) + ": ";
        if (!each.is_object()) {
            return place + R"(not an object, as {"name": "ci", "sha256": "9f86..", "rights": ["submit"]})";
        }
        token read;
        for (const auto& [key, value] : each.items()) {
            if (const auto fault = fault_of(key, value, read); !fault.empty()) {
                return place + fault;
            }
        }
        if (read.name.empty() || read.sha256.empty() == read.file.empty() || !each.contains("rights")) {
            return place + "it needs name, rights, and one of sha256 and file";
        }
        const auto is_same = [&read](const token& other) {
            return other.name == read.name || (other.sha256 == read.sha256 && other.file == read.file);
        };
        if (std::ranges::any_of(all, is_same)) {
            return place + "its name, its sha256 or its file was given already";
        }
        all.push_back(std::move(read));
    }
    return all;
}

json tokens_schema() {
    const json globs = {{"type", "array"}, {"items", {{"type", "string"}, {"minLength", 1}}}};
    return {{"type", "array"},
            {"items",
             {{"type", "object"},
              {"additionalProperties", false},
              {"required", json::array({"name", "rights"})},
              {"oneOf", json::array({{{"required", json::array({"sha256"})}}, {{"required", json::array({"file"})}}})},
              {"properties",
               {{"name", {{"type", "string"}, {"minLength", 1}}},
                {"sha256", {{"type", "string"}, {"pattern", "^[0-9a-fA-F]{" + std::to_string(hash_digits) + "}$"}}},
                {"file", {{"type", "string"}, {"pattern", "^/"}}},
                {"rights", {{"type", "array"}, {"items", {{"enum", known_rights}}}}},
                {"tasks_in_flight", {{"type", "integer"}, {"minimum", 1}, {"maximum", most_tasks}}},
                {"functions", globs},
                {"serve", globs}}}}}};
}

json to_json(const std::vector<token>& tokens) {
    json all = json::array();
    for (const auto& each : tokens) {
        json one = {{"name", each.name}};
        (each.file.empty() ? one["sha256"] : one["file"]) = each.file.empty() ? each.sha256 : each.file;
        one["rights"] = each.rights;
        if (each.tasks_in_flight != 0) {
            one["tasks_in_flight"] = each.tasks_in_flight;
        }
        if (each.functions) {
            one["functions"] = *each.functions;
        }
        if (each.serve) {
            one["serve"] = *each.serve;
        }
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace gatherd::config
