#include "config/json_text.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace gatherd::config {

namespace {

using json = nlohmann::ordered_json;

/// Notes the names of each open object, and the first that is there twice.
class name_watch {
public:
    void note(json::parse_event_t event, const json& parsed) {
        if (event == json::parse_event_t::object_start) {
            open_.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            open_.pop_back();
        } else if (event == json::parse_event_t::key) {
            const auto& name = parsed.get_ref<const std::string&>();
            if (!open_.back().insert(name).second && fault_.empty()) {
                fault_ = there_twice(name);
            }
        }
    }

    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

private:
    std::vector<std::set<std::string>> open_{};
    std::string fault_{};
};

}  // namespace

std::variant<json, std::string> read_json_text(std::string_view text) {
    name_watch names;
    try {
        auto read = json::parse(text, [&names](int /*depth*/, json::parse_event_t event, const json& parsed) {
            names.note(event, parsed);
            return true;
        });
        if (names.fault().empty()) {
            return read;
        }
        return names.fault();
    } catch (const json::exception& wrong) {
        return "not JSON: " + parse_reason(wrong.what());
    }
}

std::string parse_reason(std::string_view message) {
    message = message.substr(0, message.find("; last read: "));  // behind a quote that is missing this may be a secret
    for (const std::string_view end_of_prefix : {": ", "] "}) {
        if (const auto at = message.find(end_of_prefix); at != std::string_view::npos) {
            return std::string{message.substr(at + end_of_prefix.size())};
        }
    }
    return std::string{message};
}

std::string there_twice(std::string_view name) {
    constexpr std::size_t most_shown = 64;
    return "'" + std::string{name.substr(0, most_shown)} + "' is there twice";
}

}  // namespace gatherd::config
