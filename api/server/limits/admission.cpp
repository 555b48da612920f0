#include "api/server/limits/admission.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::server {
namespace {

/// What a plan and its tasks may hold in memory, their results and the answer included: an estimate, made from what a
/// million tasks of each sort take.
std::size_t memory_of(const plan::plan& what, std::size_t text_bytes) {
    constexpr std::size_t bytes_a_task = 1024;  // its node, its coroutine while it waits, its result
    constexpr std::size_t bytes_a_call = 128;   // where nothing can wait: node and result
    constexpr std::size_t times_the_text = 3;   // literals as the plan keeps them, and as results
    return what.tasks() * (what.root().is_instant ? bytes_a_call : bytes_a_task) + text_bytes * times_the_text;
}

/// What counts as in flight while it runs. What is over limits.plan_tasks ends the program when it comes to it.
std::size_t tasks_of(const plan::plan& what, const limits& bounds) {
    return std::max(what.tasks(), std::min(what.expected_tasks(), bounds.plan_tasks));
}

error refuse_over(service& of, const char* limit, std::size_t most) {
    of.counts().add_limit(limit);
    return overloaded(limit, most);
}

/// Why a client may not have so much more memory, or nothing.
std::optional<error> want_of_memory(service& of, std::size_t bytes) {
    if (of.is_full(bytes)) {
        return refuse_over(of, "limits.memory_bytes", of.bounds().memory_bytes);
    }
    return std::nullopt;
}

/// Why a client may not have so many more tasks in flight, or nothing.
std::optional<error> want_of_tasks(service& of, connection& from, std::size_t more) {
    const limits& bounds = of.bounds();
    const auto is_over = [more](const std::atomic<std::size_t>* in_flight, std::size_t most) {
        const std::size_t already =
            in_flight == nullptr ? 0 : in_flight->load(std::memory_order_relaxed);  // only counted
        return already + more > most;
    };
    if (is_over(of.tasks_in_flight().get(), bounds.tasks_in_flight)) {
        return refuse_over(of, "limits.tasks_in_flight", bounds.tasks_in_flight);
    }
    if (is_over(from.work().counted_tasks(), bounds.connection_tasks_in_flight)) {
        return refuse_over(of, "limits.connection_tasks_in_flight", bounds.connection_tasks_in_flight);
    }
    const identity& who = *from.who();
    const std::size_t most = who.most_tasks() == 0 ? bounds.token_tasks_in_flight : who.most_tasks();
    if (!who.name().empty() && is_over(who.tasks_in_flight().get(), most)) {
        return refuse_over(of, "limits.token_tasks_in_flight", most);
    }
    return std::nullopt;
}

}  // namespace

result<task_allowance> admit(service& of, connection& from, const plan::plan& what) {
    const std::size_t memory = memory_of(what, from.message_bytes());
    if (auto refused = want_of_memory(of, memory)) {
        return *std::move(refused);
    }
    task_allowance allowance{of.memory(),
                             {of.tasks_in_flight(), from.work().tasks_in_flight(), from.who()->tasks_in_flight()},
                             tasks_of(what, of.bounds()),
                             memory};
    if (auto refused = want_of_tasks(of, from, 0)) {
        return *std::move(refused);
    }
    of.counts().add(event::tasks_started, allowance.tasks());
    return allowance;
}

std::optional<error> want_of_room(service& of, connection& from, const plan::plan& what) {
    auto refused = want_of_memory(of, memory_of(what, from.message_bytes()));
    return refused ? std::move(refused) : want_of_tasks(of, from, what.tasks());
}

}  // namespace gatherd::api::server
