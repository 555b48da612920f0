/// \file
/// Whether the executor still runs tasks: what /healthz asks.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/admin/exchange.hpp"
#include "gatherd/executor/async_scope.hpp"

namespace asio {
class io_context;
}

namespace gatherd::api::admin {

/// Sends a task through the executor for those who ask; one at a time, however many ask.
///
/// Threads: the loop's alone; destroyed by any but a worker, when the loop has ended.
class health_probe {
public:
    health_probe(executor::scheduler& threads, asio::io_context& loop) : loop_{loop}, tasks_{threads} {}

    /// Calls back when a worker has run the task that is under way, or else a new one; not if the callback is no more.
    void ask(const std::shared_ptr<std::function<void()>>& passed);

private:
    static executor::task<> pass(health_probe& through);
    void take_answer();

    asio::io_context& loop_;
    std::vector<std::weak_ptr<std::function<void()>>> asking_{};
    bool is_under_way_ = false;
    executor::async_scope tasks_;
};

/// Answers 200 when the probe has passed, and 503 if it has not within 5 s.
[[nodiscard]] std::shared_ptr<request_handler> health_answer(asio::io_context& loop, health_probe& probe);

}  // namespace gatherd::api::admin
