#include "cli/client/call_arguments.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

using json = nlohmann::ordered_json;

std::string by_position(const std::vector<std::string>& words) {
    std::string list;
    for (const auto& each : words) {
        list += (list.empty() ? "" : ",") + argument_json(each);
    }
    return "[" + list + "]";
}

/// The members of an object, each name once.
class members {
public:
    void add(const std::string& name, const std::string& json_text) {
        if (std::ranges::find(names_, name) != names_.end()) {
            throw usage_error{"the argument " + name + " is given twice"};
        }
        names_.push_back(name);
        text_ += (text_.empty() ? "" : ",") + text_json(name) + ":" + json_text;
    }
    [[nodiscard]] std::string object() const { return "{" + text_ + "}"; }

private:
    std::vector<std::string> names_;
    std::string text_;
};

std::string by_name(const call_words& given) {
    members all;
    for (const auto& each : given.words) {
        const auto equals = each.find('=');
        if (!given.named) {
            throw usage_error{"'" + each +
                              "' goes by position, other arguments by name: with --named write NAME=VALUE"};
        }
        if (equals == std::string::npos || equals == 0) {
            throw usage_error{"with --named each argument is NAME=VALUE, '" + each + "' is not"};
        }
        all.add(each.substr(0, equals), argument_json(each.substr(equals + 1)));
    }
    for (const auto& [name, text] : given.texts) {
        all.add(name, text_json(text));
    }
    for (const auto& [name, json_text] : given.values) {
        if (!json::accept(json_text)) {
            throw usage_error{"--argjson " + name + ": '" + json_text + "' is not JSON; --arg takes any text"};
        }
        all.add(name, json_text);
    }
    return all.object();
}

}  // namespace

std::string text_json(const std::string& text) {
    try {
        return json(text).dump();
    } catch (const json::type_error&) {
        throw usage_error{"an argument is not UTF-8: write it in UTF-8"};
    }
}

std::string argument_json(const std::string& word) {
    return json::accept(word) ? word : text_json(word);
}

std::string call_plan(const call_words& given) {
    const bool named = given.named || !given.texts.empty() || !given.values.empty();
    return R"({"call":)" + text_json(given.function) + R"(,"args":)" +
           (named ? by_name(given) : by_position(given.words)) + R"(,"literal":true})";
}

}  // namespace gatherd::cli
