#include "api/plan/refusal.hpp"

#include <memory>
#include <utility>

#include "api/shortened.hpp"
#include "api/value.hpp"

namespace gatherd::api::plan {

void refuse(const node& at, std::string_view below, std::string_view why, std::string hint) {
    const std::string path = pointer_to({&at}) + std::string{below};
    value data = {{"path", path}};
    std::string message =
        "Invalid params: " + (path.empty() ? std::string{"params"} : shortened(path)) + ": " + std::string{why};
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

std::string quoted(std::string_view text) {
    return "'" + shortened(text) + "'";
}

}  // namespace gatherd::api::plan
