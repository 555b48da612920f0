#include "api/server/net/request_log.hpp"

#include <spdlog/spdlog.h>

#include <string>

#include "api/protocol/request_id.hpp"
#include "api/server/net/connection.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::server {

using std::chrono::nanoseconds, std::chrono::steady_clock;

void request_log::begin(std::string_view method, std::size_t request_bytes) noexcept {
    const bool is_asked_for = least_slow_.load(std::memory_order_relaxed) > 0 || is_measuring_.load(std::memory_order_relaxed) ||
                              spdlog::should_log(spdlog::level::debug);
    if (is_asked_for) [[unlikely]] {
        began_ = steady_clock::now();
        method_ = method;
        request_bytes_ = request_bytes;
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
    if (!spdlog::should_log(level)) {
        return;
    }
    const std::string outcome = failed == nullptr ? "ok" : "error " + std::to_string(static_cast<int>(*failed));
    const std::string name = id.is_absent() ? "without id" : "id " + shortened(id.text());
    spdlog::log(level, "{}: {} {} from {}, {} bytes: {}, {} bytes, {:.3f} ms", is_slow ? "slow request" : "request",
                method_.empty() ? "unknown method" : method_, name, text_of(client.peer()), request_bytes_, outcome,
                answer_bytes, static_cast<double>(took.count()) / 1e6);
}

}  // namespace gatherd::api::server
