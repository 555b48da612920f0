#include "api/workers/call_worker.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/model/deadline.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::api::workers {

namespace {

constexpr std::uint32_t most_attempts = 3;

/// A call's task at an attempt: it leaves however it ends.
struct attendance {
    explicit attendance(std::shared_ptr<served_call> attended) noexcept : call{std::move(attended)} {}
    attendance(const attendance&) = delete;
    attendance& operator=(const attendance&) = delete;
    ~attendance() { call->leave(); }

    const std::shared_ptr<served_call> call;
};

/// By when a call has to end: the least of the deadlines around it.
std::optional<plan::deadline_time> deadline_of(const plan::call_context& context) {
    const auto whole = context.deadline();
    const auto around = plan::deadline_around.get();
    return whole && around ? std::min(*whole, *around) : whole ? whole : around;
}

[[noreturn]] void raise_timeout(const declaration& callee) {
    std::string seconds;
    protocol::append_double(seconds, std::chrono::duration<double>{*callee.timeout}.count());
    throw executor::timeout_error{callee.callee.name + "() did not end within its timeout of " + seconds + " s"};
}

[[noreturn]] void raise_told(call_end& told) {
    if (told.type == "CancelledError") {
        throw executor::cancelled_error{told.message};
    }
    if (told.type == "TimeoutError") {
        throw executor::timeout_error{told.message};
    }
    throw plan::raised{std::move(told.type), std::move(told.message), std::move(told.traceback)};
}

/// What an attempt gave that has ended; nothing: its worker was lost, and the call may be made again.
std::optional<value> result_of(served_call& call, plan::call_context& context,
                               const std::optional<executor::cancelled_error>& cancelled, bool may_repeat) {
    using way = call_end::way;
    const bool is_stopped = cancelled || call.is_timed_out();
    call_end end = call.take_end();
    if (end.ending == way::returned) {
        return std::move(end.result);  // also after a cancellation: the function has caught it
    }
    if (end.ending == way::over_limit) {
        context.exceed(end.limit);
        throw executor::cancelled_error{};
    }
    if (end.ending == way::raised && !(is_stopped && end.type == "CancelledError")) {
        raise_told(end);
    }
    if (cancelled) {
        throw *cancelled;
    }
    if (call.is_timed_out()) {
        raise_timeout(call.declared());
    }
    if (may_repeat) {
        return std::nullopt;
    }
    throw plan::raised{"ConnectionError",
                       call.declared().callee.name + "(): the worker that ran it was lost: " + end.message};
}

}  // namespace

executor::task<value> call_worker(worker_table& table, std::shared_ptr<const std::string> name,
                                  plan::call_context& context, plan::arguments given) {
    const value* const args = given.empty() ? nullptr : &given[0];
    std::uint32_t attempt = 1;
    while (true) {
        const attendance at{table.enter(*name, context)};
        served_call& call = *at.call;
        co_await call.placed();
        if (call.orphaned()) {
            throw plan::raised{call.orphaned_type(), *call.orphaned()};
        }
        if (call.has_ended()) {
            continue;  // its worker was lost before it was sent anything
        }
        context.call_began();
        call.send(args, attempt, deadline_of(context), context.client().trace);
        std::optional<executor::cancelled_error> cancelled;
        try {
            co_await call.ended();
        } catch (const executor::cancelled_error& e) {
            cancelled.emplace(e);
        }
        if (cancelled) {
            if (!call.begin_cancel(cancelled->message())) {
                throw executor::cancelled_error{*cancelled};
            }
            co_await call.ended();  // a second cancellation is raised here
        }
        const bool may_repeat = call.declared().is_idempotent && attempt < most_attempts;
        auto result = result_of(call, context, cancelled, may_repeat);
        if (result) {
            co_return *std::move(result);
        }
        ++attempt;
    }
}

}  // namespace gatherd::api::workers
