#include "api/server/tasks/outcome_text.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/reply.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

error ended_by(errc code, const char* type, const std::string& message) {
    return {code, message.empty() ? type : std::string{type} + ": " + message,
            std::make_shared<const value>(value{{"type", type}, {"message", message}})};
}

/// Counts the parts of a value down from what is left. False: they are more.
bool has_parts_left(const value& counted, std::size_t& left, std::size_t depth) {
    constexpr std::size_t bytes_a_part = 64;
    constexpr std::size_t most_depth = 256;  // of the stack that this takes
    const auto* const text = counted.get_ptr<const std::string*>();
    const std::size_t own = 1 + (text == nullptr ? 0 : text->size() / bytes_a_part);
    if (own > left || depth > most_depth) {
        return false;
    }
    left -= own;
    return !counted.is_structured() || std::all_of(counted.begin(), counted.end(), [&left, depth](const value& each) {
        return has_parts_left(each, left, depth + 1);
    });
}

}  // namespace

error error_of(const plan::program_end& end, const limits& bounds) {
    switch (end.how) {
        case plan::program_end::way::timed_out:
            return ended_by(errc::timed_out, "TimeoutError", "");
        case plan::program_end::way::cancelled:
            return ended_by(errc::cancelled, "CancelledError", end.result.reason()->message);
        case plan::program_end::way::over_limit:
            return over_limit(end.limit, most_of(end.limit, bounds));
        case plan::program_end::way::failed:
        case plan::program_end::way::returned:
            break;
    }
    const plan::failure& f = *end.result.reason();
    try {
        executor::memory_account describing;
        const executor::memory_turn turn{&describing};
        return {errc::task_failed, plan::last_line(f), std::make_shared<const value>(plan::describe_with_paths(f))};
    } catch (const memory_limit_exceeded&) {
        return out_of_memory();
    }
}

std::size_t text_parts(const value& result, std::size_t most) {
    std::size_t left = most;
    return has_parts_left(result, left, 0) ? most - left : most;
}

bool is_long(const plan::program_end& end) {
    constexpr std::size_t bytes_a_part = 64;
    if (end.how == plan::program_end::way::failed) {
        return plan::described_bytes(*end.result.reason()) > most_text_parts_a_turn * bytes_a_part;
    }
    return end.how == plan::program_end::way::returned &&
           text_parts(end.result.result(), most_text_parts_a_turn) == most_text_parts_a_turn;
}

void answer_with(reply& answer, std::string& message, std::size_t head, const limits& bounds) {
    if (message.size() - head > bounds.result_bytes) {
        answer.error(over_limit("limits.result_bytes", bounds.result_bytes));
    } else {
        message += '}';
        answer.result_message(message);
    }
}

std::string_view state_after(plan::program_end::way ending) noexcept {
    using way = plan::program_end::way;
    return ending == way::returned ? "done" : ending == way::cancelled ? "cancelled" : "failed";
}

void count_end(counters& counted, plan::program_end::way ending, std::size_t tasks) noexcept {
    using way = plan::program_end::way;
    const bool is_cancelled = ending == way::cancelled || ending == way::timed_out;
    counted.add(ending == way::returned ? event::tasks_done
                : is_cancelled          ? event::tasks_cancelled
                                        : event::tasks_failed,
                tasks);
    if (ending != way::returned) {
        counted.add(event::programs_failed);
    }
}

void add_outcome(value& entry, const plan::outcome& result) {
    if (result.has_value()) {
        entry["value"] = result.result();
    } else {
        entry["error"] = plan::describe(*result.reason());
    }
}

}  // namespace gatherd::api::server
