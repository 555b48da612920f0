/// \file
/// An await, wait or as_completed request while the tasks that it names run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/server/net/client_work.hpp"
#include "api/server/net/reply.hpp"
#include "api/server/tasks/created_task.hpp"
#include "gatherd/executor/timer.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::api::server {

/// Waits for created tasks, without ever touching them, and answers once.
///
/// Threads: as its base says. Kept alive by the tasks that it listens to, its timer and its connection's register.
class waiting_request final : public pending_request, public std::enable_shared_from_this<waiting_request> {
public:
    /// What the answer is.
    enum class form : std::uint8_t {
        one,       ///< the one task's result
        list,      ///< await ids: results in order, the first failure ends it
        settled,   ///< await ids with return_exceptions
        wait,      ///< {"done", "pending"}
        streamed,  ///< as_completed: each end a notification, then the counts
    };
    struct options {
        form answer = form::one;
        executor::return_when when = executor::return_when::all_completed;  ///< of wait
        std::optional<std::chrono::nanoseconds> timeout{};
    };

    waiting_request(server_state& state, reply answer, std::vector<std::shared_ptr<created_task>> tasks,
                    options chosen);

    /// Begins to wait. It may have answered on return.
    void start();

    [[nodiscard]] const protocol::request_id& id() const noexcept override { return id_; }
    [[nodiscard]] std::string_view activity() const noexcept override { return "waiting"; }
    bool cancel(const std::string& message) override;

private:
    void listen();
    void task_ended(std::size_t index);
    [[nodiscard]] bool is_enough(const task_end& end) const;
    void time_is_up();
    [[nodiscard]] std::ptrdiff_t held_bytes() const noexcept;
    [[nodiscard]] bool claim();
    void leave();
    [[nodiscard]] bool is_long() const;
    void answer_by(std::size_t decisive);
    using end_list = std::vector<std::shared_ptr<const task_end>>;
    void append_end(std::string& text, const task_end& end, bool looks_only) const;
    void append_list(std::string& text, const end_list& ends) const;
    void append_done_and_pending(std::string& text, const end_list& ends) const;
    void answer_with_texts();
    [[nodiscard]] const char* limit_met(std::size_t bytes) const noexcept;
    void notify(const created_task& task, const task_end& end);

    server_state& state_;
    reply answer_;
    const std::shared_ptr<connection> creditor_;  // who is owed the answer
    const protocol::request_id id_;
    const std::vector<std::shared_ptr<created_task>> tasks_;
    const options options_;
    executor::timer timer_;

    std::mutex lock_;
    bool is_over_ = false;  // under lock_, as all below
    std::size_t ended_ = 0;
    std::size_t failed_ = 0;
    std::vector<std::pair<std::size_t, std::uint64_t>> listening_;  // task index, its number for us
};

}  // namespace gatherd::api::server
