#include "api/plan/evaluate/child_list.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/direct.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"

namespace gatherd::api::plan {

const value& child_list::item(std::size_t i) const {
    return computed != nullptr ? (*computed)[i] : map().items[i];
}

bool child_list::are_direct() const {
    const map_node& n = map();
    if (n.body != nullptr) {
        return n.body->is_direct;
    }
    return computed != nullptr && may_be_brief(*n.callee);
}

outcome child_list::instant(std::size_t i, program& p) const {
    if (!is_map()) {
        return evaluate_instant(*list().children[i], p);
    }
    const place where{&parent, static_cast<std::uint32_t>(i)};
    const auto call = [this, i, where, &p] {
        const arguments bound = map().over[i].bound;
        return call_now(*map().callee, bound, where, p, steps_to_call(*map().callee, bound));
    };
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        return recorded_now(*recorder, where, call);
    }
    return call();
}

std::optional<outcome> child_list::now(std::size_t i, const environment_ptr& names, program& p) const {
    if (!is_map() || map().has_listed_calls()) {
        return instant(i, p);
    }
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        if (recorder->has_room()) {
            return std::nullopt;  // each node of it is to have its record
        }
        if (map().body == nullptr) {
            recorder->leave_out();
        }
    }
    if (map().body != nullptr) {
        return evaluate_direct(*map().body, {item(i), nullptr, names}, p);
    }
    return is_more_than_a_step(item(i)) ? std::nullopt : call_computed_now(place_of(i), item(i), p);
}

executor::task<outcome> child_list::later(std::size_t i, environment_ptr names, program& p) const {
    if (!is_map()) {
        return evaluate(*list().children[i], std::move(names), p);
    }
    if (map().has_listed_calls()) {
        return recorded(place_of(i), evaluate_call(place_of(i), std::move(names), p), p);
    }
    // Shared with the list; what stands in the plan lives as long as the program.
    std::shared_ptr<const value> shared{computed, &item(i)};
    if (map().body == nullptr) {
        return recorded(place_of(i), evaluate_computed_call(place_of(i), std::move(shared), p), p);
    }
    return evaluate(*map().body, std::make_shared<environment>(std::move(names), std::move(shared)), p,
                    static_cast<std::uint32_t>(i));
}

failure_ptr child_list::failed(std::size_t i, const failure_ptr& reason) const {
    return is_map() && map().body != nullptr ? raised_in_item(*reason, parent, i) : reason;
}

child_list children_of(const node& n) {
    if (n.is == kind::map) {
        const auto& map = static_cast<const map_node&>(n);
        return {n, map.over.size(), map.options};
    }
    const auto& list = static_cast<const list_node&>(n);
    return {n, list.children.size(), list.options};
}

child_list items_of(const map_node& n, std::shared_ptr<const value> computed) {
    const std::size_t size = computed != nullptr ? computed->size() : n.items.size();
    return {n, size, n.options, std::move(computed)};
}

}  // namespace gatherd::api::plan
