/// \file
/// A request that waits for a pool to serve.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/protocol/message.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/net/client_work.hpp"
#include "api/server/net/reply.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

/// Keeps the text of a request whose plan names a function that nobody serves, while a pool has not served since the
/// daemon started. Its method is called again when a pool serves, and for the last time when workers.wait is over.
///
/// Threads: as its base says. Kept alive by its connection's register.
class held_request final : public pending_request, public std::enable_shared_from_this<held_request> {
public:
    using clock = std::chrono::steady_clock;

    /// Whether a request that was refused for that reason may wait: until `deadline`, if it has waited before.
    [[nodiscard]] static bool may_wait(const server_parts& server, const error& why, const connection& client,
                                       std::optional<clock::time_point> deadline);

    /// Takes the reply.
    static void hold(const server_parts& server, const protocol::request& request, reply answer,
                     std::optional<clock::time_point> deadline);

    held_request(const server_parts& server, reply answer, std::string text, clock::time_point deadline);
    ~held_request() override;

    [[nodiscard]] const protocol::request_id& id() const noexcept override { return id_; }
    [[nodiscard]] std::string_view activity() const noexcept override { return "waiting"; }
    bool cancel(const std::string& message) override;

private:
    void start();
    void wake();
    void call_again();
    [[nodiscard]] std::optional<reply> take(bool carries_out);
    [[nodiscard]] bool carry_out(reply answer);

    const server_parts& server_;
    const std::shared_ptr<connection> client_;
    const protocol::request_id id_;
    const std::string text_;  // with the padding that a decoder needs
    const clock::time_point deadline_;
    executor::timer timer_;
    executor::timer later_;  // while the connection handles a huge message

    std::mutex lock_;
    std::optional<reply> answer_;  // under lock_, as the next
    std::uint64_t wake_number_ = 0;
    bool is_carried_out_ = false;                  // its method is being called
    std::optional<std::string> cancelled_with_{};  // meanwhile: what it becomes is then cancelled
};

/// The refusal of a plan for an unknown function, with what is known of pools that do not serve yet.
[[nodiscard]] error with_faults_of_pools(const server_parts& server, const error& why);

}  // namespace gatherd::api::server
