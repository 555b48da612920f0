/// \file
/// Plans of the tests, from their JSON text.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/functions/standard.hpp"
#include "api/plan/check/plan_decoder.hpp"
#include "api/plan/model/registry.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/result.hpp"

namespace gatherd::api::plan::tests {

/// The registry of every server. It is never destroyed: a thread that a cancelled to_thread left behind may still be in
/// one of its functions when main returns.
inline const registry& standard() {
    static const registry& all = *[] {
        auto* const made = new registry;
        functions::add_standard(*made);
        return made;
    }();
    return all;
}

using checked_plan = result<std::unique_ptr<plan>>;

/// The plan of a TASK as the param `task` of a request, or why it is refused.
/// Throws std::invalid_argument where the text is no JSON.
inline checked_plan checked(std::string_view task, std::size_t max_tasks = 1000,
                            const registry& functions = standard()) {
    constexpr std::size_t readable_behind = 64;
    std::string text = R"({"id":1,"method":"run","params":{"task":)" + std::string{task} + "}}";
    const auto size = text.size();
    text.append(readable_behind, ' ');
    protocol::message_decoder decoder;
    const auto& message = decoder.decode(std::string_view{text}.substr(0, size));
    const auto* const request = std::get_if<protocol::request>(&message.items.at(0));
    if (request == nullptr) {
        throw std::invalid_argument{"no request: " + text};
    }
    return plan_decoder{functions, max_tasks}.decode_task(*request->params->find("task"), "task");
}

/// The pointer of what is wrong with a plan, below its root; "fine" where nothing is.
inline std::string fault(std::string_view task) {
    const auto made = checked(task);
    if (made) {
        return "fine";
    }
    if (made.reason().code != errc::invalid_params) {
        return "of another kind: " + made.reason().message;
    }
    return made.reason().data->at("path").get<std::string>().substr(std::string_view{"/task"}.size());
}

/// What the refusal proposes, or nothing.
inline std::string hint(std::string_view task) {
    const auto made = checked(task);
    return made ? std::string{} : made.reason().data->value("hint", "");
}

}  // namespace gatherd::api::plan::tests
