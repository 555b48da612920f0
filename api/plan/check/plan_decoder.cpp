#include "api/plan/check/plan_decoder.hpp"

#include <string>
#include <utility>

#include "api/plan/check/plan_builder.hpp"
#include "api/plan/check/read_task.hpp"
#include "api/plan/check/task_members.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

template <typename Read>
result<std::unique_ptr<plan>> decode_with(const registry& functions, std::size_t max_tasks, const call_rights* rights,
                                          const Read& read) {
    auto made = std::make_unique<plan>();
    try {
        plan_builder b{functions, max_tasks, rights, *made};
        made->set_root(read(b));
    } catch (refused& fault) {
        return std::move(fault.reason);
    }
    return made;
}

}  // namespace

result<std::unique_ptr<plan>> plan_decoder::decode_task(json_view task, std::string_view member) const {
    return decode_with(functions_, max_tasks_, rights_, [&](plan_builder& b) -> const node& {
        return read_task(b, task, {nullptr, b.keep_step(member)}, nullptr);
    });
}

result<std::unique_ptr<plan>> plan_decoder::decode_gather(json_view tasks, std::string_view member,
                                                          const gather_members& options) const {
    return decode_with(functions_, max_tasks_, rights_, [&](plan_builder& b) -> const node& {
        b.count(1);
        list_node& n = b.make_at<list_node>(branch{}, kind::gather);
        n.options = read_gather_options(n, options.return_exceptions, options.limit);
        const std::string_view step = b.keep_step(member);
        if (!tasks.is_array()) {
            refuse(n, step, "a list of tasks is expected");
        }
        read_children(b, n, tasks, step, nullptr);
        return n;
    });
}

result<std::unique_ptr<plan>> plan_decoder::decode_map(const mapped_members& members,
                                                       const gather_members& options) const {
    return decode_with(functions_, max_tasks_, rights_, [&](plan_builder& b) -> const node& {
        b.count(1);
        map_node& n = b.make_at<map_node>(branch{});
        n.over_step = b.keep_step(members.over_at);
        n.options = read_gather_options(n, options.return_exceptions, options.limit);
        read_mapped(b, n, {members.own, b.keep_step(members.own_at), members.has_task, members.as, members.over},
                    nullptr);
        return n;
    });
}

}  // namespace gatherd::api::plan
