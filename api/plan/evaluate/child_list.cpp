#include "api/plan/evaluate/child_list.hpp"

#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"

namespace gatherd::api::plan {

outcome child_list::now(std::size_t i, program& p) const {
    return is_map() ? call_now(*map().callee, map().over[i].bound, place_of(i), p)
                    : evaluate_instant(*list().children[i], p);
}

failure_ptr child_list::append(std::string& text, std::size_t i, call_context& context) const {
    return is_map() ? append_call(text, *map().callee, map().over[i].bound, place_of(i), context)
                    : append_instant(text, *list().children[i], context);
}

executor::task<outcome> child_list::later(std::size_t i, environment_ptr names, program& p) const {
    return is_map() ? evaluate_call(place_of(i), std::move(names), p)
                    : evaluate(*list().children[i], std::move(names), p);
}

child_list children_of(const node& n) {
    if (n.is == kind::map) {
        const auto& map = static_cast<const map_node&>(n);
        return {n, map.over.size(), map.options};
    }
    const auto& list = static_cast<const list_node&>(n);
    return {n, list.children.size(), list.options};
}

}  // namespace gatherd::api::plan
