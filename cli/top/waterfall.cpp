#include "cli/top/waterfall.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/top/snapshot.hpp"

namespace gatherd::cli::top {
namespace {

using api::value;

std::optional<double> time_at(const value& answer, const char* member) {
    const auto found = answer.is_object() ? answer.find(member) : answer.end();
    return found != answer.end() && found->is_number() ? std::optional{found->get<double>()} : std::nullopt;
}

node_row node_from(const value& told) {
    node_row made;
    const auto function = text_at(told, "function");
    made.label = text_at(told, "kind") + (function.empty() ? "" : " " + function) + text_at(told, "items");
    made.state = text_at(told, "state");
    made.path = text_at(told, "path");
    made.arguments_bytes = time_at(told, "arguments_bytes").value_or(0);
    made.queued = time_at(told, "queued_at");
    made.started = time_at(told, "started_at");
    made.ended = time_at(told, "ended_at");
    const auto error = told.is_object() ? told.find("error") : told.end();
    if (error != told.end() && error->is_object()) {
        const auto message = text_at(*error, "message");
        made.error = text_at(*error, "type") + (message.empty() ? "" : ": " + message);
    }
    return made;
}

/// Parents before their children, each with its depth; children in the order in which they are listed.
std::vector<node_row> below_their_parents(const value& nodes) {
    std::map<std::string, std::vector<const value*>> children;
    std::map<std::string, const value*> known;
    for (const value& each : nodes) {
        known.emplace(text_at(each, "id"), &each);
    }
    for (const value& each : nodes) {
        const auto parent = text_at(each, "parent");
        const bool is_root = !known.contains(parent) || parent == text_at(each, "id");
        children[is_root ? std::string{} : parent].push_back(&each);
    }
    std::vector<node_row> rows;
    std::vector<std::pair<const value*, std::size_t>> next;  // the last one first
    const auto add = [&](const std::string& parent, std::size_t depth) {
        const auto found = children.find(parent);
        if (found != children.end()) {
            for (auto each = found->second.rbegin(); each != found->second.rend(); ++each) {
                next.emplace_back(*each, depth);
            }
            children.erase(found);  // so that no circle is walked twice
        }
    };
    add({}, 0);
    while (!next.empty()) {
        const auto [each, depth] = next.back();
        next.pop_back();
        rows.push_back(node_from(*each));
        rows.back().depth = depth;
        add(text_at(*each, "id"), depth + 1);
    }
    return rows;
}

}  // namespace

waterfall make_waterfall(const value& status, double wall) {
    waterfall made;
    made.id = text_at(status, "id");
    made.name = text_at(status, "name");
    made.state = text_at(status, "state");
    const auto started = time_at(status, "started");
    if (started) {
        made.seconds = std::max(0.0, time_at(status, "finished").value_or(wall) - *started);
    }
    const auto nodes = status.is_object() ? status.find("nodes") : status.end();
    made.has_nodes = nodes != status.end() && nodes->is_array();
    if (!made.has_nodes) {
        return made;
    }
    made.not_recorded = time_at(status, "nodes_not_recorded").value_or(0);
    made.nodes = below_their_parents(*nodes);
    for (const node_row& each : made.nodes) {
        made.seconds =
            std::max({made.seconds, each.queued.value_or(0), each.started.value_or(0), each.ended.value_or(0)});
    }
    return made;
}

std::string bar(const node_row& node, double seconds, std::size_t columns) {
    std::string drawn(columns, ' ');
    if (columns == 0 || !(seconds > 0)) {
        return drawn;
    }
    const auto place = [&](double at) {
        const double part = std::clamp(at / seconds, 0.0, 1.0) * static_cast<double>(columns);
        return std::min(columns - 1, static_cast<std::size_t>(part));
    };
    const bool is_over = node.ended.has_value();
    const auto begun = node.queued ? node.queued : node.started;
    if (!begun) {
        return drawn;
    }
    const std::size_t last = place(node.ended.value_or(seconds));
    for (std::size_t at = place(*begun); at <= last; ++at) {
        drawn[at] = node.started && at >= place(*node.started) ? '=' : '.';
    }
    if (is_over && node.state == "failed") {
        drawn[last] = '!';
    } else if (is_over && node.state == "cancelled") {
        drawn[last] = 'x';
    }
    return drawn;
}

}  // namespace gatherd::cli::top
