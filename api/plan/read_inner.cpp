#include "api/plan/read_inner.hpp"

#include "api/plan/read_options.hpp"
#include "api/plan/read_task.hpp"

namespace gatherd::api::plan {

const node& read_inner(plan_builder& b, kind is, const members& m, const node& where, const names_in_force* names) {
    inner_node& n = b.make_at<inner_node>(where, is);
    if (is == kind::wait_for) {
        if (!m[option::timeout]) {
            refuse(where, "", "wait_for misses its 'timeout'", "seconds, or null for none");
        }
        if (const auto timeout = read_seconds(m, option::timeout, where)) {
            n.timeout = to_duration(*timeout);
        }
    }
    n.inner = &read_task(b, *m[is], {&n, step_of(is)}, names);
    if (is == kind::to_thread) {
        const auto* const call = static_cast<const call_node*>(n.inner);
        if (n.inner->is != kind::call || call->callee->is_async()) {
            refuse(where, "/to_thread", "to_thread takes a call of a function that is not async");
        }
    }
    return n;
}

const node& read_retry(plan_builder& b, const members& m, const node& where, const names_in_force* names) {
    retry_node& n = b.make_at<retry_node>(where);
    if (!m[option::attempts]) {
        refuse(where, "", "retry misses its 'attempts'");
    }
    n.attempts = read_positive(*m[option::attempts], where, "attempts");
    n.delay = read_seconds(m, option::delay, where).value_or(0);
    n.factor = read_seconds(m, option::factor, where).value_or(1);
    n.max_delay = read_seconds(m, option::max_delay, where);
    n.inner = &read_task(b, *m[kind::retry], {&n, "/retry"}, names);
    return n;
}

}  // namespace gatherd::api::plan
