#include "cli/failure_report.hpp"

#include <nlohmann/json.hpp>

#include "api/error.hpp"
#include "cli/client/json_place.hpp"
#include "cli/exit_status.hpp"

namespace gatherd::cli {

namespace {

using api::errc, api::value;

std::string dumped(const value& json) {
    return json.dump(-1, ' ', false, value::error_handler_t::replace);
}

/// A member as text, or empty where there is none.
std::string text_at(const value& object, const char* name) {
    const auto member = object.find(name);
    if (!object.is_object() || member == object.end() || member->is_null()) {
        return {};
    }
    return member->is_string() ? member->get<std::string>() : dumped(*member);
}

/// " (at [0].args, item 3)", or empty where there is no place.
std::string place(const value& data, std::string_view base) {
    auto text = json_place(text_at(data, "path"), base);
    const auto items = data.find("items");
    const bool has_items = data.is_object() && items != data.end() && items->is_array() && !items->empty();
    if (has_items) {
        text += items->size() == 1 ? ", item " : ", items ";
        for (std::size_t i = 0; i < items->size(); ++i) {
            text += (i == 0 ? "" : ", ") + dumped((*items)[i]);
        }
    }
    return text.empty() ? text : " (at " + text + ")";
}

/// "ValueError: boom (at [3])", and the errors of a group below it.
std::string exception_text(const value& raised, std::string_view base, const std::string& indent) {
    const auto type = text_at(raised, "type");
    const auto message = text_at(raised, "message");
    auto text = indent + type + (message.empty() ? "" : ": " + message) + place(raised, base);
    if (const auto inner = raised.find("errors"); inner != raised.end() && inner->is_array()) {
        for (const auto& each : *inner) {
            text += "\n" + exception_text(each, base, indent + "  ");
        }
    }
    return text;
}

/// The daemon's message without what is told behind it: that params are wrong, and at which place.
std::string reason(std::string message, const std::string& path) {
    if (const auto place = " at " + path + " "; !path.empty() && message.find(place) != std::string::npos) {
        message.erase(message.find(place), place.size() - 1);
    }
    constexpr std::string_view kind = "Invalid params: ";
    if (!message.starts_with(kind)) {
        return message;
    }
    message.erase(0, kind.size());
    if (const auto whole = (path.empty() ? "params" : path) + ": "; message.starts_with(whole)) {
        return message.substr(whole.size());
    }
    // A long place is cut in the message.
    constexpr std::string_view cut = "...: ";
    const auto end = message.find(cut);
    const bool is_place = end != std::string::npos && path.starts_with(message.substr(0, end));
    return is_place ? message.substr(end + cut.size()) : message;
}

std::string refusal_text(const std::string& message, const value& data, std::string_view base) {
    const auto hint = text_at(data, "hint");
    const bool told = hint.empty() || message.find(hint) != std::string::npos;
    return "refused: " + reason(message, text_at(data, "path")) + place(data, base) + (told ? "" : "; " + hint);
}

/// The daemon's message without the kind of fault that it begins with.
std::string_view without(std::string_view kind, std::string_view message) {
    return message.starts_with(kind) ? message.substr(kind.size()) : message;
}

std::string limit_text(std::string_view message, const value& data) {
    auto text = "over a limit: " + std::string{without("Over a limit: ", message)};
    const auto limit = text_at(data, "limit");
    const auto most = text_at(data, "max");
    if (text.find(limit) == std::string::npos) {
        text += " (" + limit + (most.empty() ? "" : " is " + most) + ")";
    }
    return text;
}

std::string overload_text(std::string_view message, const value& data) {
    const auto wait = text_at(data, "retry_after");
    return "overloaded: " + std::string{without("Overloaded: ", message)} +
           (wait.empty() ? "" : "; try again in " + wait + " s");
}

}  // namespace

failure_report report_failure(const value& error, std::string_view base) {
    const auto code = error.is_object() && error.contains("code") ? error["code"] : value{};
    if (!code.is_number_integer()) {
        return {"an answer that is no error of JSON-RPC: " + dumped(error), exit_status::refused_for_now};
    }
    const auto message = text_at(error, "message");
    const auto data = error.value("data", value::object());
    switch (static_cast<errc>(code.get<int>())) {
        case errc::task_failed:
            return {"task failed: " + (data.contains("type") ? exception_text(data, base, "") : message),
                    exit_status::task_failed};
        case errc::timed_out:
            return {message == "TimeoutError" ? "timed out" : "timed out: " + message, exit_status::timed_out};
        case errc::cancelled:
            return {"cancelled: " + message, exit_status::refused_for_now};
        case errc::overloaded:
            return {overload_text(message, data), exit_status::refused_for_now};
        case errc::shutting_down:
            return {"refused: " + message, exit_status::refused_for_now};
        case errc::limit_exceeded:
            return {limit_text(message, data), exit_status::refused_for_now};
        case errc::internal_error:
            return {"the daemon failed: " + message, exit_status::refused_for_now};
        case errc::parse_error:
        case errc::invalid_request:
        case errc::method_not_found:
        case errc::invalid_params:
        case errc::no_such_task:
            return {refusal_text(message, data, base), exit_status::usage};
        case errc::not_authenticated:
            return {"not let in: " + message + "; --token-file FILE or GATHERD_CONNECT_TOKEN_FILE names the token",
                    exit_status::not_let_in};
    }
    return {"error " + dumped(code) + ": " + message, exit_status::refused_for_now};
}

}  // namespace gatherd::cli
