#include "api/plan/model/failure.hpp"

#include <utility>

#include "api/plan/model/node.hpp"
#include "api/protocol/json_writer.hpp"

namespace gatherd::api::plan {

namespace {

value describe_as(const failure& f, bool with_paths) {
    value error = {{"type", f.type}, {"message", f.message}};
    if (f.is_group) {
        value errors = value::array();
        for (const failure_ptr& each : f.errors) {
            errors.push_back(describe_as(*each, with_paths));
        }
        error["errors"] = std::move(errors);
    }
    if (with_paths) {
        error["path"] = pointer_to(f.raised_at);
    }
    return error;
}

}  // namespace

value describe(const failure& f) {
    return describe_as(f, false);
}

value describe_with_paths(const failure& f) {
    return describe_as(f, true);
}

std::string last_line(const failure& f) {
    if (f.is_group) {
        const std::size_t count = f.errors.size();
        return f.type + ": " + f.message + " (" + std::to_string(count) + " sub-exception" + (count == 1 ? ")" : "s)");
    }
    return f.message.empty() ? f.type : f.type + ": " + f.message;
}

namespace {

value looked_at(const failure& reason) {
    return reason.is_cancellation() ? value{{"type", "CancelledError"}, {"message", ""}} : describe(reason);
}

}  // namespace

void fill_entry(value& entry, outcome result) {
    if (result.has_value()) {
        entry["value"] = std::move(result.result());
    } else {
        entry["error"] = looked_at(*result.reason());
    }
}

value result_list(std::vector<outcome> results, bool settles) {
    value list = value::array();
    auto& items = list.get_ref<value::array_t&>();
    items.reserve(results.size());
    for (outcome& each : results) {
        items.push_back(settles ? result_entry(std::move(each)) : std::move(each.result()));
    }
    return list;
}

void append_entry_end(std::string& text, std::size_t begin, const failure_ptr& failed) {
    if (failed != nullptr) {
        text.resize(begin);
        text += R"({"error":)";
        protocol::append_value(text, looked_at(*failed));
    }
    text += '}';
}

}  // namespace gatherd::api::plan
