/// \file
/// A run, gather or map request while its program runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/plan/evaluate/program.hpp"
#include "api/server/limits/memory_watch.hpp"
#include "api/server/limits/task_allowance.hpp"
#include "api/server/net/client_work.hpp"
#include "api/server/net/reply.hpp"
#include "api/server/state/server_state.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

/// What the client wants to hear before the answer.
struct reporting {
    bool streams = false;            ///< a notification for each child
    bool return_exceptions = false;  ///< of the gather: whether a failure ends it
    std::optional<std::chrono::nanoseconds> progress{};
    std::size_t total = 0;  ///< children
};

/// Observes its program and answers when that has ended.
///
/// Threads: as its two bases say. It is kept alive by its program, and by its connection's register meanwhile.
class running_request final : public plan::program_observer,
                              public pending_request,
                              public std::enable_shared_from_this<running_request> {
public:
    /// `is_bulky`: its answer may be so large that writing it is not a worker's work.
    running_request(server_state& state, reply answer, reporting wishes, task_allowance allowance, bool is_bulky);

    /// Runs the plan, which has allocated so many bytes, as a program. It may have answered on return.
    void start(std::shared_ptr<const plan::plan> source, plan::program_options run_options, std::size_t plan_bytes);

    // pending_request
    [[nodiscard]] const protocol::request_id& id() const noexcept override { return id_; }
    bool cancel(const std::string& message) override;
    [[nodiscard]] std::shared_ptr<plan::program> program() const override;

    // program_observer
    void printed(std::string line) override;
    void children_counted(std::size_t count) override;
    void child_ended(std::size_t index, const plan::outcome& result) override;
    [[nodiscard]] bool wants_children() const noexcept override {
        return wishes_.streams || wishes_.progress.has_value();
    }
    [[nodiscard]] bool is_answer_wanted() const noexcept override;
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        state_.failures().add(function, type);
    }
    void ended(plan::program_end end) noexcept override;

private:
    using clock = std::chrono::steady_clock;

    void notify(const char* method, const value& params);
    void report_progress(clock::time_point now);
    void report_progress_in_time();
    void progress_is_due();
    void answer_end(plan::program_end end);
    void answer_result(value result);

    server_state& state_;
    reply answer_;
    const protocol::request_id id_;
    reporting wishes_;  // the total, under lock_; the rest does not change
    const bool is_bulky_;
    task_allowance allowance_;

    mutable std::mutex lock_;
    std::shared_ptr<plan::program> program_;  // under lock_; none once it has ended: it holds this object too
    std::size_t done_ = 0;                    // under lock_, as all below
    std::size_t failed_ = 0;
    bool is_over_ = false;                              // a child's failure is the end: what still comes is not sent
    std::optional<clock::time_point> last_progress_{};  // none: nothing has been sent yet
    std::size_t done_sent_ = 0;                         // the numbers that were sent last
    std::size_t failed_sent_ = 0;
    bool is_progress_held_back_ = false;  // the timer is set
    executor::timer progress_timer_;

    memory_watch::place place_;  // from its start to its end
};

}  // namespace gatherd::api::server
