// The check of plans takes any JSON: it gives a plan within its limits, or a refusal that points into the params; and
// the same again for the same text.
//
// The input is a TASK as JSON text, or after a first byte of '1' or '2' the params of gather or map.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "api/functions/standard.hpp"
#include "api/plan/check/plan_decoder.hpp"
#include "api/plan/model/registry.hpp"
#include "api/protocol/json_value.hpp"
#include "api/protocol/message_decoder.hpp"

namespace {

using namespace gatherd::api;

constexpr std::size_t max_tasks = 64;

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

const plan::registry& standard() {
    static const plan::registry& all = *[] {
        auto* const made = new plan::registry;
        functions::add_standard(*made);
        return made;
    }();
    return all;
}

using checked = result<std::unique_ptr<plan::plan>>;

checked check(protocol::json_view params, char method) {
    const plan::plan_decoder decoder{standard(), max_tasks};
    const auto member = [&params](std::string_view name) { return params.find(name); };
    if (method == '1' && member("tasks")) {
        return decoder.decode_gather(*member("tasks"), "tasks", {member("return_exceptions"), member("limit")});
    }
    if (method == '2' && member("call") && member("over")) {
        return decoder.decode_map({*member("call"), "call", *member("over"), "over"},
                                  {member("return_exceptions"), member("limit")});
    }
    if (method == '3' && member("task") && member("over")) {
        return decoder.decode_map({*member("task"), "task", *member("over"), "over", true, member("as")},
                                  {member("return_exceptions"), member("limit")});
    }
    return decoder.decode_task(params, "task");
}

/// A pointer leads somewhere, but for its last step, which may name what is missing.
void check_pointer(const std::string& path, const value& params) {
    const value::json_pointer place{path};  // throws for what is none
    require(place.empty() || params.contains(place) || params.contains(place.parent_pointer()),
            "a refusal points into the params");
}

std::string outcome(const checked& made, const value& params) {
    if (made) {
        require((*made)->tasks() >= 1 && (*made)->tasks() <= max_tasks, "a plan is within its limits");
        return "a plan of " + std::to_string((*made)->tasks());
    }
    const error& why = made.reason();
    require(why.code == errc::invalid_params || why.code == errc::limit_exceeded, "a refusal has one of two codes");
    require(why.data != nullptr && !why.message.empty(), "a refusal says what and where");
    if (why.code == errc::invalid_params) {
        check_pointer(why.data->at("path").get<std::string>(), params);
    } else {
        require(why.data->at("max") == max_tasks, "a refusal names the limit");
    }
    return why.message + why.data->dump(-1, ' ', false, value::error_handler_t::replace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static protocol::message_decoder decoder;
    std::string_view text{reinterpret_cast<const char*>(data), size};
    const char method = text.empty() ? '0' : text.front();
    if (method == '1' || method == '2') {
        text.remove_prefix(1);
    }
    const std::string head = R"({"id":1,"method":"m","params":{"task":)";
    const std::string whole = head + std::string{text} + "}}" + std::string(64, ' ');
    const auto& message = decoder.decode(std::string_view{whole}.substr(0, whole.size() - 64));
    const auto* const request =
        message.items.empty() ? nullptr : std::get_if<protocol::request>(&message.items.front());
    if (message.is_batch || request == nullptr || !request->params || !request->params->find("task")) {
        return 0;
    }
    const protocol::json_view task = *request->params->find("task");
    const bool is_of_method = (method == '1' || method == '2') && task.kind() == protocol::json_kind::object;
    value params = protocol::to_value(*request->params);
    if (is_of_method && (task.find("tasks") || (task.find("call") && task.find("over")))) {
        const value members = params.at("task");  // a copy: its place moves as the object grows
        params.update(members);                   // there they stand at the top
    }
    const char as = is_of_method ? method : '0';
    require(outcome(check(task, as), params) == outcome(check(task, as), params), "the same text is judged the same");
    return 0;
}
