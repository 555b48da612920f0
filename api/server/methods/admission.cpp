#include "api/server/methods/admission.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/state/server_state.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

/// What counts as in flight while it runs. What is over limits.plan_tasks ends the program when it comes to it.
std::size_t tasks_of(const plan::plan& source, const limits& bounds) {
    return std::max(source.tasks(), std::min(source.expected_tasks(), bounds.plan_tasks));
}

error refuse_over(server_state& state, const char* limit, std::size_t most) {
    state.counts().add_limit(limit);
    return overloaded(limit, most);
}

/// Why a client may not have so many more tasks in flight, or nothing.
std::optional<error> want_of_tasks(server_state& state, connection& client, std::size_t more) {
    const limits& bounds = state.bounds();
    const auto is_over = [more](const std::atomic<std::size_t>* in_flight, std::size_t most) {
        const std::size_t already =
            in_flight == nullptr ? 0 : in_flight->load(std::memory_order_relaxed);  // only counted
        return already + more > most;
    };
    if (is_over(state.tasks_in_flight().get(), bounds.tasks_in_flight)) {
        return refuse_over(state, "limits.tasks_in_flight", bounds.tasks_in_flight);
    }
    if (is_over(client.work().counted_tasks(), bounds.connection_tasks_in_flight)) {
        return refuse_over(state, "limits.connection_tasks_in_flight", bounds.connection_tasks_in_flight);
    }
    const identity& who = *client.who();
    const std::size_t most = who.most_tasks() == 0 ? bounds.token_tasks_in_flight : who.most_tasks();
    if (!who.name().empty() && is_over(who.tasks_in_flight().get(), most)) {
        return refuse_over(state, "limits.token_tasks_in_flight", most);
    }
    return std::nullopt;
}

}  // namespace

std::optional<error> want_of_memory(server_state& state, connection& client) {
    if (memory_limit::is_high()) {
        return refuse_over(state, "limits.memory_bytes", state.bounds().memory_bytes);
    }
    if (state.memory().may_one_be_full() && state.memory().is_full(*client.work().share())) {
        return refuse_over(state, "limits.client_memory_bytes", state.bounds().client_memory_bytes);
    }
    return std::nullopt;
}

result<task_allowance> admit(server_state& state, connection& client, const plan::plan& source) {
    task_allowance allowance{
        {state.tasks_in_flight(), client.work().tasks_in_flight(), client.who()->tasks_in_flight()},
        tasks_of(source, state.bounds())};
    if (auto refused = want_of_tasks(state, client, 0)) {
        return *std::move(refused);
    }
    state.counts().add(event::tasks_started, allowance.tasks());
    return allowance;
}

std::optional<error> want_of_room(server_state& state, connection& client, const plan::plan& source) {
    return want_of_tasks(state, client, source.tasks());
}

}  // namespace gatherd::api::server
