#include "cli/function_table.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

namespace gatherd::cli {

namespace {

using api::value;

std::string plain_text(const value& json) {
    return json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, value::error_handler_t::replace);
}

std::string member(const value& object, const char* name) {
    return object.is_object() && object.contains(name) ? plain_text(object[name]) : std::string{};
}

/// A parameter as Python would write it, from a text or from an object with name, default and variadic.
std::string parameter_text(const value& parameter) {
    if (!parameter.is_object()) {
        return plain_text(parameter);
    }
    const bool variadic = parameter.contains("variadic") && parameter["variadic"] == true;
    const auto standard = parameter.find("default");
    return (variadic ? "*" : "") + member(parameter, "name") +
           (standard == parameter.end() ? "" : "=" + standard->dump(-1, ' ', false, value::error_handler_t::replace));
}

std::string signature(const value& function) {
    std::string inside;
    if (function.is_object() && function.contains("params")) {
        const auto& parameters = function["params"];
        if (!parameters.is_array()) {
            return member(function, "name") + "(" + plain_text(parameters) + ")";
        }
        for (const auto& each : parameters) {
            inside += (inside.empty() ? "" : ", ") + parameter_text(each);
        }
    }
    return member(function, "name") + "(" + inside + ")";
}

}  // namespace

std::string function_table(const value& functions) {
    using row = std::array<std::string, 3>;
    std::vector<row> rows{{"FUNCTION", "LANE", "WHAT IT DOES"}};
    for (const auto& each : functions) {
        rows.push_back({signature(each), member(each, "lane"), member(each, "summary")});
    }
    std::array<std::size_t, 2> widths{};
    for (const auto& each : rows) {
        for (std::size_t column = 0; column < widths.size(); ++column) {
            widths.at(column) = std::max(widths.at(column), each.at(column).size());
        }
    }
    std::string page;
    for (auto& each : rows) {
        for (std::size_t column = 0; column < widths.size(); ++column) {
            each.at(column).resize(widths.at(column) + 2, ' ');
        }
        auto line = each[0] + each[1] + each[2];
        line.erase(line.find_last_not_of(' ') + 1);
        page += line + "\n";
    }
    return page;
}

}  // namespace gatherd::cli
