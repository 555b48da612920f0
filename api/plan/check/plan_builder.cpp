#include "api/plan/check/plan_builder.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "api/plan/check/plan_decoder.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

namespace {

constexpr std::string_view unknown_function = "unknown function ";

}  // namespace

bool is_unknown_function(const error& why) noexcept {
    return why.code == errc::invalid_params && why.message.find(unknown_function) != std::string::npos;
}

void refuse(const node& faulty, std::string_view below, std::string_view reason, std::string hint) {
    const std::string path = pointer_to({&faulty}) + std::string{below};
    value data = {{"path", path}};
    std::string message =
        "Invalid params: " + (path.empty() ? std::string{"params"} : shortened(path)) + ": " + std::string{reason};
    if (!hint.empty()) {
        message += ": " + hint;
        data["hint"] = std::move(hint);
    }
    throw refused{{errc::invalid_params, std::move(message), std::make_shared<const value>(std::move(data))}};
}

void refuse_tasks_over(std::size_t max_tasks) {
    throw refused{{errc::limit_exceeded,
                   "Over a limit: the plan has more than " + std::to_string(max_tasks) + " tasks (limits.plan_tasks)",
                   std::make_shared<const value>(value{{"limit", "limits.plan_tasks"}, {"max", max_tasks}})}};
}

void require_right(const call_rights& rights, const function& callee) {
    if (!rights.allows(callee)) {
        throw refused{{errc::not_authenticated, "Not allowed: this token's functions do not include " + callee.name}};
    }
}

std::string quoted(std::string_view text) {
    return "'" + shortened(text) + "'";
}

std::string_view plan_builder::keep_step(std::string_view member) {
    const std::span<char> step = plan_.make_span<char>(member.size() + 1);
    step[0] = '/';
    std::copy(member.begin(), member.end(), step.begin() + 1);
    return {step.data(), step.size()};
}

const function* plan_builder::find_served(std::string_view name) {
    if (const function* const known = plan_.find_served(name)) {
        return known;
    }
    auto found = functions_.find_served(name);
    if (found == nullptr) {
        return nullptr;
    }
    const function* const kept = found.get();
    plan_.keep_served(std::move(found));
    return kept;
}

const function& plan_builder::find_function(protocol::json_view name, const node& where, std::string_view below) {
    if (!name.is_string()) {
        refuse(where, below,
               where.is == kind::map ? "the name of a function, or a task, is expected"
                                     : "the name of a function is expected");
    }
    const function* const found = known_function(name.as_string());
    if (found == nullptr) {
        const std::string near = functions_.nearest(name.as_string());
        refuse(where, below, std::string{unknown_function} + quoted(name.as_string()),
               near.empty() ? std::string{} : "did you mean " + near + "?");
    }
    return *found;
}

}  // namespace gatherd::api::plan
