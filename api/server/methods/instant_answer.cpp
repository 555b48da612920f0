#include "api/server/methods/instant_answer.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/instant_run.hpp"
#include "api/protocol/response.hpp"
#include "api/release_memory.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/state/server_state.hpp"
#include "api/server/tasks/outcome_text.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

/// So many calls that cannot wait are run on the spot: some tens of microseconds, less than a program costs. On the
/// bulk lane they may take longer.
constexpr std::size_t most_at_once = 1024;

constexpr std::size_t most_kept = std::size_t{64} << 10;  // bytes of an answer's memory, for the next answer

/// Sends on what the plan prints, and counts calls that fail.
class printing final : public plan::program_observer {
public:
    printing(server_state& state, const reply& answer) noexcept : state_{state}, answer_{answer} {}

    void printed(std::string line) override {
        if (!answer_.is_notification()) {
            std::string text;
            protocol::append_notification(text, "output", answer_.id(), {{"text", std::move(line)}});
            answer_.to()->send(text);
        }
    }
    void child_ended(std::size_t /*index*/, const plan::outcome& /*result*/) override {}
    [[nodiscard]] bool wants_children() const noexcept override { return false; }
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        state_.failures().add(function, type);
    }
    void ended(plan::program_end /*end*/) noexcept override {}

private:
    server_state& state_;
    const reply& answer_;
};

}  // namespace

bool is_answered_at_once(const plan::plan& source, const plan::program_options& run_options) noexcept {
    const plan::node& root = source.root();
    const bool is_in_bulk = executor::scheduler::current() == nullptr;
    const bool may_be_long = root.is == plan::kind::value || (is_in_bulk && !root.prints);
    return (root.ends_at_once() || (root.is_instant && may_be_long)) && source.tasks() <= most_at_once &&
           !run_options.generator && (!run_options.timeout || run_options.timeout->count() > 0);
}

namespace {

/// Above the high-water mark it ends, as what has only begun.
plan::program_end run_within_memory(const limits& bounds, plan::program_observer& observer, const plan::plan& source,
                                    std::string& message) {
    executor::memory_account running{executor::memory_account::kind::early};
    try {
        const executor::memory_turn turn{&running};
        return plan::instant_run{bounds, observer}.run(source, message);
    } catch (const memory_limit_exceeded&) {
        release_memory(message);
        return {plan::program_end::way::over_limit, plan::outcome{}, "limits.memory_bytes"};
    }
}

}  // namespace

// The result is written behind the answer's head, in memory that the thread keeps for the next.
void answer_at_once(server_state& state, const plan::plan& source, reply& answer) {
    thread_local std::string message;
    message.clear();
    protocol::append_result_head(message, answer.id());
    const std::size_t head = message.size();
    printing observer{state, answer};
    const limits& bounds = state.bounds();
    state.counts().add(event::programs_run);
    const auto end = run_within_memory(bounds, observer, source, message);
    count_end(state.counts(), end.how, source.tasks());
    if (end.how != plan::program_end::way::returned) {
        answer.error(error_of(end, bounds));
    } else {
        answer_with(answer, message, head, bounds);
    }
    if (message.capacity() > most_kept) {
        release_memory(message);
    }
}

}  // namespace gatherd::api::server
