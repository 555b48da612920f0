#include "cli/commands/function_table.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/text_table.hpp"

namespace gatherd::cli {

namespace {

using api::value;

std::string json_text(const value& json) {
    return json.dump(-1, ' ', false, value::error_handler_t::replace);
}

std::string plain_text(const value& json) {
    return json.is_string() ? json.get<std::string>() : json_text(json);
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
           (standard == parameter.end() ? "" : "=" + json_text(*standard));
}

std::string signature(const value& function) {
    std::string inside;
    if (function.is_object() && function.contains("params")) {
        const auto& parameters = function["params"];
        if (parameters.is_null()) {  // a worker's, which takes whatever it is given
            return member(function, "name") + "(...)";
        }
        if (!parameters.is_array()) {
            return member(function, "name") + "(" + plain_text(parameters) + ")";
        }
        for (const auto& each : parameters) {
            inside += (inside.empty() ? "" : ", ") + parameter_text(each);
        }
    }
    return member(function, "name") + "(" + inside + ")";
}

/// A signature that leaves room for the other columns; the function's page has all of it.
std::string short_signature(const value& function) {
    constexpr std::size_t widest = 56;
    constexpr std::string_view rest = "...)";
    auto text = signature(function);
    if (text.size() > widest) {
        const auto comma = text.rfind(", ", widest - rest.size());
        const auto end = comma == std::string::npos ? text.find('(') + 1 : comma + 2;
        text.replace(end, std::string::npos, rest);
    }
    return text;
}

/// A parameter's lines on its function's page.
std::string parameter_lines(const value& parameter) {
    std::string text = "    " + parameter_text(parameter);
    const auto type = member(parameter, "type");
    const auto unit = member(parameter, "unit");
    text += type.empty() ? "" : ": " + type;
    text += unit.empty() ? "" : ", in " + unit;
    text += member(parameter, "required") == "true" ? ", required" : "";
    const auto help = member(parameter, "help");
    return text + "\n" + (help.empty() ? "" : "        " + help + "\n");
}

/// A list's texts, with commas between.
std::string joined(const value& object, const char* name) {
    std::string line;
    if (object.contains(name)) {
        for (const auto& each : object[name]) {
            line += (line.empty() ? "" : ", ") + plain_text(each);
        }
    }
    return line;
}

}  // namespace

std::string function_table(const value& functions) {
    std::vector<std::vector<std::string>> rows{{"FUNCTION", "LANE", "WHAT IT DOES"}};
    for (const auto& each : functions) {
        const auto needs = member(each, "needs");
        rows.push_back({short_signature(each), member(each, "lane"),
                        member(each, "summary") + (needs.empty() ? "" : " Needs " + needs + ".")});
    }
    return text_table(rows);
}

std::string function_page(const value& functions, std::string_view name) {
    const auto found =
        std::ranges::find_if(functions, [name](const value& each) { return member(each, "name") == name; });
    if (found == functions.end()) {
        return {};
    }
    std::string page = "NAME\n    " + member(*found, "name");
    if (const auto summary = member(*found, "summary"); !summary.empty()) {
        page += " - " + summary;
    }
    page += "\n\nCALL\n    " + signature(*found) + "\n";
    if (found->contains("params") && !(*found)["params"].empty()) {
        page += "\nPARAMETERS\n";
        for (const auto& each : (*found)["params"]) {
            page += parameter_lines(each);
        }
    }
    page += "\nLANE\n    " + member(*found, "lane") + "\n";
    if (const auto needs = member(*found, "needs"); !needs.empty()) {
        page += "\nNEEDS\n    setting " + needs + "\n";
    }
    if (const auto errors = joined(*found, "errors"); !errors.empty()) {
        page += "\nRAISES\n    " + errors + "\n";
    }
    if (found->contains("example")) {
        const auto& shown = (*found)["example"];
        page += "\nEXAMPLE\n    " + member(shown, "task") + "\n";
        page += shown.contains("seed") ? "    with seed " + member(shown, "seed") + "\n" : "";
        page += shown.contains("result") ? "    gives " + json_text(shown["result"]) + "\n" : "";
    }
    return page;
}

}  // namespace gatherd::cli
