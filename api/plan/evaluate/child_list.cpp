#include "api/plan/evaluate/child_list.hpp"

#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"

namespace gatherd::api::plan {

namespace {

/// A call that does nothing but sleep.
struct sleeping_call {
    const sleeping_body& body;
    arguments bound;
};

sleeping_call sleep_of(const child_list& of, std::size_t i) {
    if (of.is_map()) {
        return {std::get<sleeping_body>(of.map().callee->body), of.map().over[i].bound};
    }
    const auto& call = static_cast<const call_node&>(*of.list().children[i]);
    return {std::get<sleeping_body>(call.callee->body), call.arguments.bound};
}

}  // namespace

bool child_list::all_sleep() const {
    for (std::size_t i = 0; i < size; ++i) {
        if (!is_sleep(i)) {
            return false;
        }
    }
    return true;
}

outcome child_list::now(std::size_t i, program& p) const {
    return is_map() ? call_now(*map().callee, map().over[i].bound, place_of(i), p)
                    : evaluate_instant(*list().children[i], p);
}

failure_ptr child_list::append(std::string& text, std::size_t i, call_context& context) const {
    return is_map() ? append_call(text, *map().callee, map().over[i].bound, place_of(i), context)
                    : append_instant(text, *list().children[i], context);
}

executor::task<outcome> child_list::later(std::size_t i, environment_ptr names, program& p) const {
    return is_map() ? evaluate_call({*map().callee, map().over[i], place_of(i)}, std::move(names), p)
                    : evaluate(*list().children[i], std::move(names), p);
}

std::chrono::nanoseconds child_list::delay_of(std::size_t i) const {
    const auto [body, bound] = sleep_of(*this, i);
    return body.delay(bound);  // as when the plan was decoded: it does not throw
}

outcome child_list::slept(std::size_t i) const {
    const auto [body, bound] = sleep_of(*this, i);
    return sleep_result(body, bound, place_of(i));
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
