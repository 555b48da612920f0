#include "cli/call_arguments.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

using json = nlohmann::ordered_json;

std::string text_json(const std::string& text) {
    try {
        return json(text).dump();
    } catch (const json::type_error&) {
        throw usage_error{"an argument is not UTF-8: write it in UTF-8"};
    }
}

/// JSON stays as it is spelt, so that numbers keep every digit.
std::string argument_json(const std::string& word) {
    return json::accept(word) ? word : text_json(word);
}

std::string by_position(const std::vector<std::string>& words) {
    std::string list;
    for (const auto& each : words) {
        list += (list.empty() ? "" : ",") + argument_json(each);
    }
    return "[" + list + "]";
}

std::string by_name(const std::vector<std::string>& words) {
    std::string members;
    std::vector<std::string> names;
    for (const auto& each : words) {
        const auto equals = each.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw usage_error{"with --named each argument is NAME=VALUE, '" + each + "' is not"};
        }
        const auto name = each.substr(0, equals);
        if (std::ranges::find(names, name) != names.end()) {
            throw usage_error{"the argument " + name + " is given twice"};
        }
        names.push_back(name);
        members += (members.empty() ? "" : ",") + text_json(name) + ":" + argument_json(each.substr(equals + 1));
    }
    return "{" + members + "}";
}

}  // namespace

std::string call_plan(const std::string& function, const std::vector<std::string>& words, bool named) {
    return R"({"call":)" + text_json(function) + R"(,"args":)" + (named ? by_name(words) : by_position(words)) + "}";
}

}  // namespace gatherd::cli
