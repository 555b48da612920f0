#include "api/server/net/request_log.hpp"

#include <string_view>

#include "api/log/event.hpp"
#include "api/protocol/request_id.hpp"
#include "api/server/net/connection.hpp"

namespace gatherd::api::server {
namespace {

trace_parent trace_of(const connection& client, const std::optional<protocol::json_view>& params) {
    const auto given = params && params->is_object() ? params->find("traceparent") : std::nullopt;
    return given && given->is_string() ? trace_parent{given->as_string()} : client.trace();
}

}  // namespace

using std::chrono::nanoseconds, std::chrono::steady_clock;

void request_log::begin(const connection& client, std::string_view method,
                        std::optional<protocol::json_view> params) noexcept {
    const bool is_asked_for = least_slow_.load(std::memory_order_relaxed) > 0 ||
                              is_measuring_.load(std::memory_order_relaxed) || log::is_logged(spdlog::level::debug);
    if (is_asked_for) [[unlikely]] {
        began_ = steady_clock::now();
        method_ = method;
        request_bytes_ = client.message_bytes();
        trace_ = trace_of(client, params);
    }
}

void request_log::end(connection& client, const protocol::request_id& id, const errc* failed,
                      std::size_t answer_bytes) {
    if (began_ == steady_clock::time_point{}) [[likely]] {
        return;
    }
    const nanoseconds took = steady_clock::now() - began_;
    client.state().counts().add_request_time(took);
    const auto slow = least_slow_.load(std::memory_order_relaxed);
    const bool is_slow = slow > 0 && took.count() >= slow;
    const auto level = is_slow ? spdlog::level::warn : spdlog::level::debug;
    if (!log::is_logged(level) || (is_slow && !client.state().slow_requests_log().pass())) {
        return;
    }
    log::write(level, is_slow ? "slow request" : "request",
               {{"method", method_.empty() ? "unknown" : method_},
                {"id", log::json_text{id.text()}},
                {"peer", text_of(client.peer())},
                {"seconds", std::chrono::duration<double>{took}.count()},
                {"code", failed == nullptr ? 0 : static_cast<int>(*failed)},
                {"request_bytes", request_bytes_},
                {"answer_bytes", answer_bytes},
                {"traceparent", trace_.text()}});
}

}  // namespace gatherd::api::server
