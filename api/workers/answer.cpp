#include "api/workers/answer.hpp"

#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/json_value.hpp"
#include "gatherd/api/raised.hpp"

namespace gatherd::api::workers {

namespace {

using protocol::json_view;

std::optional<json_view> given(json_view object, std::string_view name) {
    const auto found = object.find(name);
    return found && found->is_null() ? std::nullopt : found;
}

call_end runtime_error(std::string message) {
    call_end end;
    end.ending = call_end::way::raised;
    end.type = "RuntimeError";
    end.message = std::move(message);
    return end;
}

call_end read_error(json_view error) {
    const auto message = error.is_object() ? error.find("message") : std::nullopt;
    if (!message || !message->is_string()) {
        return wrong_answer("its error must be an object with a text as message");
    }
    const auto data = given(error, "data");
    if (!data) {
        return runtime_error(std::string{message->as_string()});
    }
    const auto type = data->is_object() ? data->find("type") : std::nullopt;
    const auto own_message = data->is_object() ? data->find("message") : std::nullopt;
    const auto traceback = data->is_object() ? given(*data, "traceback") : std::nullopt;
    const bool has_texts =
        type && type->is_string() && own_message && own_message->is_string() && (!traceback || traceback->is_string());
    if (!has_texts) {
        return wrong_answer("error.data must have texts as type and message, and may have one as traceback");
    }
    if (!is_exception_type(type->as_string())) {
        return wrong_answer("error.data.type must not be empty, and must have no control characters");
    }
    call_end end;
    end.ending = call_end::way::raised;
    end.type = type->as_string();
    end.message = own_message->as_string();
    if (traceback) {
        end.traceback = std::make_shared<const std::string>(traceback->as_string());
    }
    return end;
}

}  // namespace

std::optional<std::uint64_t> call_number(std::string_view id_text) noexcept {
    if (id_text.size() < 3 || id_text.front() != '"' || id_text.back() != '"' || id_text[1] == '0') {
        return std::nullopt;
    }
    const std::string_view digits = id_text.substr(1, id_text.size() - 2);
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return failed == std::errc{} && end == digits.data() + digits.size() ? std::optional{number} : std::nullopt;
}

bool has_result(json_view answer) noexcept {
    const auto error = answer.find("error");
    return answer.find("result").has_value() && (!error || error->is_null());
}

call_end read_answer(json_view answer) {
    const auto result = answer.find("result");
    const auto error = given(answer, "error");
    if (result && error) {
        return wrong_answer("it has both result and error");
    }
    if (error) {
        return read_error(*error);
    }
    if (!result) {
        return wrong_answer("it has neither result nor error");
    }
    call_end end;
    end.ending = call_end::way::returned;
    end.result = protocol::to_value(*result);
    return end;
}

call_end wrong_answer(std::string_view why) {
    return runtime_error("the worker's answer is wrong: " + std::string{why});
}

}  // namespace gatherd::api::workers
