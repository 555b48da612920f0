#include "cli/client/batch_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view what_fits =
    R"(write a plan as {"call": ...}, an array of plans, or {"tasks": [...]} with its options)";

/// Checks that a text is JSON, and remembers its outermost names only: it may be large.
class outline {
public:
    explicit outline(std::string_view text) { json::sax_parse(text, this); }

    [[nodiscard]] bool has(std::string_view name) const { return std::ranges::find(names_, name) != names_.end(); }
    [[nodiscard]] bool is_array() const { return root_ == '['; }
    [[nodiscard]] bool is_object() const { return root_ == '{'; }
    [[nodiscard]] bool returns_exceptions() const { return returns_exceptions_; }
    [[nodiscard]] bool streams() const { return streams_; }
    [[nodiscard]] std::optional<double> timeout() const { return timeout_; }
    [[nodiscard]] const std::string& fault() const { return fault_; }

    bool null() { return true; }
    bool boolean(bool is_set) {
        if (depth_ == 1 && is_object() && names_.back() == "return_exceptions") {
            returns_exceptions_ = is_set;
        } else if (depth_ == 1 && is_object() && names_.back() == "stream") {
            streams_ = is_set;
        }
        return true;
    }
    bool number_integer(std::int64_t given) { return number(static_cast<double>(given)); }
    bool number_unsigned(std::uint64_t given) { return number(static_cast<double>(given)); }
    bool number_float(double given, const std::string& /*text*/) { return number(given); }
    bool string(std::string& /*value*/) { return true; }
    bool binary(json::binary_t& /*value*/) { return true; }
    bool start_object(std::size_t /*size*/) { return open('{'); }
    bool end_object() { return close(); }
    bool start_array(std::size_t /*size*/) { return open('['); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (depth_ == 1) {
            names_.push_back(name);
        }
        return true;
    }
    bool parse_error(std::size_t /*byte*/, const std::string& /*token*/, const json::exception& wrong) {
        // "[json.exception.parse_error.101] parse error at line 2, column 1: syntax error ..."
        fault_ = wrong.what();
        fault_.erase(0, fault_.find("] ") + 2);
        if (constexpr std::string_view before_line = "parse error at "; fault_.starts_with(before_line)) {
            fault_.erase(0, before_line.size());
        }
        return false;
    }

private:
    bool number(double given) {
        if (depth_ == 1 && is_object() && names_.back() == "timeout") {
            timeout_ = given;
        }
        return true;
    }
    bool open(char bracket) {
        if (depth_++ == 0) {
            root_ = bracket;
        }
        return true;
    }
    bool close() {
        --depth_;
        return true;
    }

    char root_ = ' ';
    std::size_t depth_ = 0;
    std::vector<std::string> names_;
    bool returns_exceptions_ = false;
    bool streams_ = false;
    std::optional<double> timeout_;
    std::string fault_;
};

/// Members to put before the closing bracket of params.
std::string added_members(const submit_options& options, bool reports_progress) {
    auto members = options.members;
    if (options.return_exceptions) {
        members += R"(,"return_exceptions":true)";
    }
    if (options.progress && reports_progress) {
        members += R"(,"progress":0.1)";
    }
    if (options.jobs) {
        members += R"(,"limit":)" + std::to_string(*options.jobs);
    }
    if (options.streams) {
        members += R"(,"stream":true)";
    }
    return members;
}

/// White space and a byte order mark are not for the wire.
std::string_view trimmed(std::string_view text) {
    if (constexpr std::string_view mark = "\xef\xbb\xbf"; text.starts_with(mark)) {
        text.remove_prefix(mark.size());
    }
    constexpr std::string_view space = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    return text.substr(0, text.find_last_not_of(space) + 1);
}

/// A task a line, as an array of them; nothing where the first line is not an object by itself.
std::optional<std::string> array_of_lines(std::string_view text, const std::string& name) {
    std::string list;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto line = trimmed(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (line.empty()) {
            continue;
        }
        const outline task{line};
        if (!task.fault().empty() || !task.is_object()) {
            if (list.empty()) {
                return std::nullopt;
            }
            throw usage_error{name + ": line " + std::to_string(number) +
                              " is no task: " + (task.fault().empty() ? std::string{what_fits} : task.fault())};
        }
        list += (list.empty() ? "" : ",") + std::string{line};
    }
    return "[" + list + "]";
}

}  // namespace

submission read_batch(std::string_view text, const std::string& name, const submit_options& options) {
    text = trimmed(text);
    const outline file{text};
    if (!file.fault().empty() && text.find('\n') != std::string_view::npos) {
        if (const auto list = array_of_lines(text, name)) {
            return read_batch(*list, name, options);
        }
    }
    const auto refuse = [&name](const std::string& why) { throw usage_error{name + ": " + why}; };
    if (text.empty()) {
        refuse("is empty: " + std::string{what_fits});
    }
    if (!file.fault().empty()) {
        refuse("is not JSON: " + file.fault());
    }
    if (file.is_object() && file.has("method")) {
        refuse(R"(is a whole request: submit only what its "params" hold)");
    }
    const bool whole =
        file.is_object() && (file.has("tasks") || file.has("task") || (file.has("call") && file.has("over")));
    const bool plan = file.is_object() && !whole;  // or none: the daemon knows the kinds, and what may be meant
    if (!file.is_array() && !whole && !plan) {
        refuse("is no plan: " + std::string{what_fits});
    }
    const bool runs = plan || file.has("task");
    if (runs && options.return_exceptions) {
        refuse(
            R"(is a plan, not a batch: instead of --return-exceptions write "return_exceptions": true in its gather)");
    }
    if (runs && (options.jobs || options.streams)) {
        refuse(
            R"(is a plan, not a batch: --jobs, --stream and --partial are for an array of plans or {"tasks": [...]})");
    }
    const auto added = added_members(options, !runs);
    const std::string body{text};
    submission made{.what = {.method = runs ? "run" : file.has("over") ? "map" : "gather"}};
    made.what.params = whole  ? body.substr(0, body.size() - 1) + added + "}"
                       : plan ? R"({"task":)" + body + added + "}"
                              : R"({"tasks":)" + body + added + "}";
    const bool root_lists = !runs || (plan && (file.has("gather") || file.has("map")));
    made.what.base = whole ? "" : plan ? "/task" : "/tasks";
    made.lists_errors = root_lists && (options.return_exceptions || file.returns_exceptions());
    made.streams = !runs && (options.streams || file.streams());
    if (whole) {
        made.timeout = file.timeout();
    }
    return made;
}

}  // namespace gatherd::cli
