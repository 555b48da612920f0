/// \file
/// One attempt to have a worker carry out a call.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/plan/model/deadline.hpp"
#include "api/plan/model/function.hpp"
#include "api/trace_parent.hpp"
#include "api/workers/call_line.hpp"
#include "api/workers/worker.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::workers {

class worker_table;

/// How an attempt ended.
struct call_end {
    enum class way {
        returned,    ///< `result`
        raised,      ///< `type`, `message`, `traceback`
        over_limit,  ///< its result is more than `limit` allows
        lost,        ///< the worker went away; `message` says how
        given_up,    ///< it was cancelled, and the worker did not answer in time
    };
    way ending = way::given_up;
    value result{};
    std::string type{};
    std::string message{};
    std::shared_ptr<const std::string> traceback{};
    const char* limit = "limits.result_bytes";
};

/// An attempt, from the line to the answer.
///
/// State      in line --a place is free--> placed --send--> sent --answer, loss--> ended
///            in line --nobody serves it for workers.wait--> orphaned
///            sent --cancel--> cancelled --workers.cancel_time--> given up --as long again--> its worker is hung up
///
/// The task that makes the call leaves at the latest when the attempt is given up or cancelled a second time; the place
/// in the worker stays taken until the answer has come, or the worker is lost.
///
/// Threads: the task calls all that is public but `print` and `finish`, which the connection's threads call.
class served_call final : public call_line::entry, public std::enable_shared_from_this<served_call> {
public:
    using clock = std::chrono::steady_clock;

    served_call(worker_table& table, plan::call_context& context) noexcept
        : entry{&context}, table_{table}, context_{&context} {}

    /// To be awaited: until it has a place, or nobody serves the function any more.
    [[nodiscard]] auto placed() noexcept { return placed_.wait(); }

    /// Why it gets no place; none: it has one.
    [[nodiscard]] const std::optional<std::string>& orphaned() const noexcept { return orphaned_; }
    [[nodiscard]] const char* orphaned_type() const noexcept { return orphaned_type_; }

    /// The declaration of the worker in which it has its place.
    [[nodiscard]] const declaration& declared() const noexcept { return *declared_; }

    /// Sends it. `args`: as append_arguments takes them. Throws plan::raised TypeError where these do not fit, and
    /// OverflowError where the message would be larger than limits.message_bytes.
    void send(const value* args, std::uint32_t attempt, std::optional<plan::deadline_time> deadline,
              const trace_parent& trace);

    /// To be awaited: until it has ended in one of the ways of call_end.
    [[nodiscard]] auto ended() noexcept { return ended_.wait(); }

    /// Its task was cancelled: tells the worker, once. False: there is nothing to wait for any more.
    [[nodiscard]] bool begin_cancel(const std::string& message);

    [[nodiscard]] bool has_ended() const;

    /// Whether the function's own timeout has run out.
    [[nodiscard]] bool is_timed_out() const;

    /// How it ended. Once, after ended().
    [[nodiscard]] call_end take_end();

    /// The task leaves: what still comes is dropped.
    void leave() noexcept;

    /// A line of output, for as long as the task is there.
    void print(std::string line);

    /// The answer, or the loss of the worker. The first one counts.
    void finish(call_end end) noexcept;

private:
    friend class worker_table;

    void tell_cancel(const std::string& message) const;
    void wait_for_answer();
    [[nodiscard]] std::chrono::milliseconds cancel_time() const;
    void time_is_over();
    void give_up();

    worker_table& table_;

    // Under the table's lock, until placed_ is set; then they stay as they are.
    executor::event placed_;
    std::shared_ptr<served_name> name_{};  // in whose line it stands
    std::shared_ptr<offer> offer_{};
    std::shared_ptr<worker> worker_{};
    std::shared_ptr<shared_places> group_{};  // of which it takes one
    declaration_ptr declared_{};
    std::optional<std::string> orphaned_{};
    const char* orphaned_type_ = "ConnectionError";
    bool is_unanswered_ = false;  // its worker has not answered a cancellation; always under the table's lock
    std::uint64_t id_ = 0;
    clock::time_point entered_ = clock::now();
    clock::time_point began_{};

    bool is_sent_ = false;  // the task's own
    executor::event ended_;
    mutable std::mutex lock_;
    plan::call_context* context_;  // under lock_, as all below; null: the task has left
    bool has_ended_ = false;
    bool is_cancelled_ = false;
    bool is_timed_out_ = false;
    call_end end_{};
    executor::timer timer_;  // of the function's timeout, then of workers.cancel_time, twice
};

}  // namespace gatherd::api::workers
