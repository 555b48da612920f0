/// \file
/// The answer that is owed for one request.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error.hpp"
#include "api/protocol/request_id.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/net/request_log.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

class connection;

/// The answers of one JSON-RPC batch, sent as one array when the last is there.
///
/// If memory gets short meanwhile (memory_limit::is_high) the batch ends: what it has collected is dropped, it is
/// answered by one -32006 without an id, and those of its requests that have not begun do not.
class batch {
public:
    batch(std::shared_ptr<connection> to, std::size_t owed);

    /// `text`: one answer, or empty for a notification's. `sent`: called when the array is on its way.
    void add(std::string_view text, std::function<void()> sent);

    [[nodiscard]] bool has_ended() const noexcept { return has_ended_.load(std::memory_order_relaxed); }

private:
    std::shared_ptr<connection> to_;
    std::mutex lock_;
    std::size_t owed_;  // under lock_, as all below
    std::string answers_;
    std::vector<std::function<void()>> sent_;
    std::atomic<bool> has_ended_{false};  // written under lock_; a wish by itself
};

/// Answers one request, once: by one of the functions below, from any thread. Movable. A reply that is dropped without
/// an answer says that there is no memory (-32006): that is how a request ends whose method could not go on for want of
/// it; or, where the client has gone, that it was cancelled. A notification's reply sends nothing, but must be used
/// like any other.
///
/// `sent`, where given, is called when the answer stands in the connection's output: what must come after it goes
/// there.
class reply {
public:
    reply(std::shared_ptr<connection> to, protocol::request_id id, std::shared_ptr<batch> part_of);
    reply(reply&&) noexcept = default;
    reply& operator=(reply&&) noexcept = default;
    ~reply();

    void result(const value& given, std::function<void()> sent = nullptr);
    /// The whole answer, begun by protocol::append_result_head.
    void result_message(std::string_view message);
    void error(const api::error& why);
    /// An error whose body is written already.
    void error_body(errc code, std::string_view body);

    /// The log may tell how the request went, by that name of its method, which outlives it; empty: unknown.
    /// `index`: of that method, as counters::add_method counts it. `params`: of the request.
    void log_as(std::string_view method, std::size_t index, std::optional<protocol::json_view> params) noexcept;

    [[nodiscard]] const protocol::request_id& id() const noexcept { return id_; }
    [[nodiscard]] bool is_notification() const noexcept { return id_.is_absent(); }
    [[nodiscard]] const std::shared_ptr<connection>& to() const noexcept { return to_; }

private:
    static constexpr std::uint8_t unknown_method = counters::most_methods;

    /// `failed`: the code of an error; null: a result.
    void send(std::string_view text, std::function<void()> sent, const errc* failed);

    std::shared_ptr<connection> to_;  // none: moved from, or answered
    protocol::request_id id_;
    std::shared_ptr<batch> part_of_;
    std::uint8_t method_ = unknown_method;
    request_log log_{};
};

}  // namespace gatherd::api::server
