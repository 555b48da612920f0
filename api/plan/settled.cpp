#include "api/plan/settled.hpp"

#include <utility>

#include "api/protocol/json_writer.hpp"

namespace gatherd::api::plan {
namespace {

value looked_at(const failure& reason) {
    return reason.is_cancellation() ? value{{"type", "CancelledError"}, {"message", ""}} : describe(reason);
}

}  // namespace

void settle(value& entry, outcome result) {
    if (result.has_value()) {
        entry["value"] = std::move(result.result());
    } else {
        entry["error"] = looked_at(*result.reason());
    }
}

value list_of(std::vector<outcome> results, bool settles) {
    value list = value::array();
    auto& items = list.get_ref<value::array_t&>();
    items.reserve(results.size());
    for (outcome& each : results) {
        items.push_back(settles ? settled(std::move(each)) : std::move(each.result()));
    }
    return list;
}

void append_settled_end(std::string& text, std::size_t begin, const failure_ptr& failed) {
    if (failed != nullptr) {
        text.resize(begin);
        text += R"({"error":)";
        protocol::append_value(text, looked_at(*failed));
    }
    text += '}';
}

}  // namespace gatherd::api::plan
