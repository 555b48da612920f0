#include "api/plan/plan_builder.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace gatherd::api::plan {

std::string_view plan_builder::keep_step(std::string_view member) {
    const std::span<char> step = plan_.make_span<char>(member.size() + 1);
    step[0] = '/';
    std::copy(member.begin(), member.end(), step.begin() + 1);
    return {step.data(), step.size()};
}

const function& plan_builder::find_function(protocol::json_view name, const node& where, std::string_view below) {
    if (!name.is_string()) {
        refuse(where, below, "the name of a function is expected");
    }
    const function* const found = known_function(name.as_string());
    if (found == nullptr) {
        const std::string_view near = functions_.nearest(name.as_string());
        refuse(where, below, "unknown function " + quoted(name.as_string()),
               near.empty() ? std::string{} : "did you mean " + std::string{near} + "?");
    }
    return *found;
}

}  // namespace gatherd::api::plan
