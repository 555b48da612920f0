#include "api/plan/model/failure.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "api/plan/model/drop_aside.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/node.hpp"
#include "api/protocol/json_writer.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::plan {

namespace {

/// Which items of which maps a failure has left: those of its group too, which left them with it.
using left_items = std::vector<const item_path*>;

/// The index of the item in each map in whose task the place is, outermost first; last that of the place itself where
/// its path cannot tell.
value items_around(const place& where, const left_items& left) {
    std::vector<std::uint32_t> inwards;
    if (where.item != place::no_item && !static_cast<const map_node*>(where.at)->has_listed_calls()) {
        inwards.push_back(where.item);
    }
    for (const node* each = where.at; each->parent != nullptr; each = each->parent) {
        const node& around = *each->parent;
        if (around.is != kind::map || static_cast<const map_node&>(around).body != each) {
            continue;
        }
        const auto found =
            std::find_if(left.rbegin(), left.rend(), [&around](const item_path* one) { return one->map == &around; });
        if (found != left.rend()) {
            inwards.push_back((*found)->item);
        }
    }
    std::reverse(inwards.begin(), inwards.end());
    return inwards;
}

value describe_in(const failure& f, left_items& left) {
    const std::size_t outer = left.size();
    for (const item_path* each = f.items.get(); each != nullptr; each = each->inner.get()) {
        left.push_back(each);
    }
    value error = {{"type", f.type}, {"message", f.message}};
    if (f.is_group()) {
        value errors = value::array();
        for (const failure_ptr& each : *f.errors) {
            errors.push_back(describe_in(*each, left));
        }
        error["errors"] = std::move(errors);
    }
    error["path"] = pointer_to(f.raised_at);
    if (value items = items_around(f.raised_at, left); !items.empty()) {
        error["items"] = std::move(items);
    }
    if (f.traceback != nullptr) {
        error["traceback"] = *f.traceback;
    }
    left.resize(outer);
    return error;
}

}  // namespace

std::size_t described_bytes(const failure& f) noexcept {
    constexpr std::size_t names_and_marks = 64;
    const std::size_t traceback = f.traceback != nullptr ? f.traceback->size() : 0;
    return names_and_marks + f.type.size() + f.message.size() + traceback + f.bytes_of_errors;
}

std::size_t steps_to_describe(const failure& f) noexcept {
    constexpr std::size_t bytes_a_step = 64;
    return 1 + described_bytes(f) / bytes_a_step;
}

failure group_failure(std::string message, place where, std::vector<failure_ptr> errors) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2;  // doubling ends there
    std::size_t bytes = 0;
    std::uint32_t depth = 0;
    for (const failure_ptr& each : errors) {
        bytes = std::min(bytes + described_bytes(*each), most);
        depth = std::max(depth, each->group_depth);
    }
    failure group{"ExceptionGroup", std::move(message), where,
                  std::make_shared<const std::vector<failure_ptr>>(std::move(errors))};
    group.bytes_of_errors = bytes;
    group.group_depth = depth + 1;
    return group;
}

failure_ptr raised_in_item(const failure& of_task, const node& map, std::size_t item) {
    failure left{of_task};
    left.items = std::make_shared<const item_path>(item_path{&map, static_cast<std::uint32_t>(item), of_task.items});
    return std::make_shared<const failure>(std::move(left));
}

void outcome::drop_if_large() noexcept {
    if (are_many({&result(), 1})) {
        std::vector<value> dropped;
        dropped.push_back(std::move(result()));
        drop_aside(std::move(dropped));
    }
}

value describe(const failure& f) {
    memory_limit::check(f.message.size());
    value error = {{"type", f.type}, {"message", f.message}};
    if (f.is_group()) {
        value errors = value::array();
        for (const failure_ptr& each : *f.errors) {
            errors.push_back(describe(*each));
        }
        error["errors"] = std::move(errors);
    }
    return error;
}

value describe_with_paths(const failure& f) {
    left_items left;
    return describe_in(f, left);
}

std::string last_line(const failure& f) {
    if (f.is_group()) {
        const std::size_t count = f.errors->size();
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
