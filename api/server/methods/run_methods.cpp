#include "api/server/methods/handlers.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/check/plan_decoder.hpp"
#include "api/server/limits/task_allowance.hpp"
#include "api/server/methods/admission.hpp"
#include "api/server/methods/instant_answer.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/methods/running_request.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/tasks/created_task.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

using plan_ptr = std::unique_ptr<plan::plan>;

/// A request that has been understood, and may run if there is room for it.
struct understood {
    plan_ptr source;
    plan::program_options run_options{};
    reporting wishes{};
    std::size_t plan_bytes = 0;  ///< of memory
};

/// Checks plans for one client.
plan::plan_decoder decoder_for(server_state& state, const reply& answer) {
    const auto& who = answer.to()->who();
    return {state.functions(), state.bounds().plan_tasks, who == nullptr ? nullptr : who->functions()};
}

/// For whom a connection's programs run: all connections of a token are one client, without tokens each is one.
plan::caller caller_at(server_state& state, connection& client, const params& given) {
    const auto& who = client.who();
    const bool is_anybody = who == nullptr || who->name().empty();
    const bool is_local = client.peer() == peer_address{};
    return {client.work().share().get(), client.process(),
            is_anybody && !is_local && !state.bounds().open_functions ? "auth.open_functions" : nullptr,
            given.trace_or(client.trace())};
}

/// What all four methods share.
plan::program_options read_options(const params& given) {
    if (given.is_plain()) {
        return {};
    }
    const auto timeout = given.seconds("timeout");
    return {.generator = given.seed(), .timeout = timeout};
}

/// What gather and map share beyond that.
reporting read_reporting(const params& given, const connection& client) {
    if (given.is_plain()) {
        return {};
    }
    const bool streams = given.flag("stream");
    const auto progress = given.seconds("progress");
    if (client.is_http() && (streams || progress)) {
        given.refuse(streams ? "stream" : "progress", "over HTTP there is the answer and nothing before it");
    }
    return {streams, given.flag("return_exceptions"), progress, 0};
}

/// Answers on the spot, if there is room. Tasks that have ended before the next message is read are looked at, but not
/// entered.
void run_at_once(server_state& state, const plan::plan& source, reply& answer) {
    if (auto fault = want_of_room(state, *answer.to(), source)) {
        throw refused{*std::move(fault)};
    }
    state.counts().add(event::tasks_started, source.tasks());
    answer_at_once(state, source, answer);
}

/// Whether writing a plan's result, and taking the plan apart, may take more than about a millisecond.
bool is_bulk(const connection& client, const plan::plan& source) {
    constexpr std::size_t many_tasks = 16384;
    constexpr std::size_t much_text = std::size_t{1} << 20;
    return source.expected_tasks() > many_tasks || client.message_bytes() > much_text;
}

/// Half of the places on the blocking pool, so that a client never has all of the threads while others wait.
std::shared_ptr<executor::semaphore> blocking_places(server_state& state, connection& client) {
    return client.work().share()->blocking_places(std::max<std::size_t>(1, state.blocking_threads() / 2));
}

/// What is longer runs as a program, so that its message and what decoded it are gone before there is a result.
constexpr std::size_t most_text_at_once = std::size_t{1} << 20;

void run_understood(server_state& state, understood& request, const params& given, reply& answer) {
    if (answer.to()->message_bytes() <= most_text_at_once &&
        is_answered_at_once(*request.source, request.run_options) && !request.wishes.streams &&
        !request.wishes.progress) {
        run_at_once(state, *request.source, answer);
        return;
    }
    connection& client = *answer.to();
    auto allowance = value_or_refuse(admit(state, client, *request.source));
    request.run_options.client = caller_at(state, client, given);
    const bool is_bulky = is_bulk(client, *request.source);
    const auto running =
        std::make_shared<running_request>(state, std::move(answer), request.wishes, std::move(allowance), is_bulky);
    request.run_options.blocking_places = blocking_places(state, client);
    request.run_options.records = state.records();
    request.run_options.calls = state.calls();
    running->start(std::move(request.source), std::move(request.run_options), request.plan_bytes);
}

understood understand_run(server_state& state, const params& given, const reply& answer) {
    understood request;
    request.run_options = read_options(given);
    request.source =
        value_or_refuse(decoder_for(state, answer).decode_task(given.required("task"), given.step("task")));
    return request;
}

/// What gather and map have in common: all but their plan.
understood understand_options(const params& given, const reply& answer) {
    understood request;
    request.run_options = read_options(given);
    request.wishes = read_reporting(given, *answer.to());
    return request;
}

understood understand_gather(server_state& state, const params& given, const reply& answer) {
    auto request = understand_options(given, answer);
    const auto tasks = given.required("tasks");
    request.source =
        value_or_refuse(decoder_for(state, answer)
                            .decode_gather(tasks, given.step("tasks"), {given["return_exceptions"], given["limit"]}));
    request.wishes.total = tasks.size();
    return request;
}

understood understand_map(server_state& state, const params& given, const reply& answer) {
    auto request = understand_options(given, answer);
    const auto task = given["task"];
    if (task && given["call"]) {
        given.refuse("task", "a map is of a call or of a task, not of both");
    }
    const char* const own = task ? "task" : "call";
    const auto over = given.required("over");
    request.source = value_or_refuse(
        decoder_for(state, answer)
            .decode_map({given.required(own), given.step(own), over, given.step("over"), task.has_value(), given["as"]},
                        {given["return_exceptions"], given["limit"]}));
    request.wishes.total = over.is_array() ? over.size() : 0;  // of a list that is not there yet the program will tell
    return request;
}

/// Calls `understand` in the memory that there is, and tells how much the plan has allocated.
template <typename Understand>
understood understand_within_memory(server_state& state, const params& given, const reply& answer,
                                    const Understand& understand) {
    if (auto fault = want_of_memory(state, *answer.to())) {
        throw refused{*std::move(fault)};
    }
    executor::memory_account reading{executor::memory_account::kind::early};
    understood request = [&] {
        const executor::memory_turn turn{&reading};
        return understand(state, given, answer);
    }();
    request.plan_bytes = reading.bytes();
    return request;
}

/// What create_task takes beyond a task.
created_task::options read_task_options(server_state& state, const params& given) {
    created_task::options made;
    made.name = given.text("name").value_or("");
    if (const std::size_t most = state.bounds().id_bytes; made.name.size() > most) {
        given.refuse("name", "a name has at most " + std::to_string(most) +
                                 " bytes (limits.id_bytes), as an id; this one has " +
                                 std::to_string(made.name.size()));
    }
    made.is_detached = given.flag("detach");
    made.keep = given.seconds("keep").value_or(state.bounds().keep);
    return made;
}

}  // namespace

// The answer is handed on by reference: moving it costs as much as a small plan's run.

void run(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"task"}, {"timeout", "seed"}};
    const params read{given, expected};
    auto request = understand_within_memory(server.state, read, answer, understand_run);
    run_understood(server.state, request, read, answer);
}

void gather(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"tasks"}, {"return_exceptions", "limit", "timeout", "seed", "stream", "progress"}};
    const params read{given, expected};
    auto request = understand_within_memory(server.state, read, answer, understand_gather);
    run_understood(server.state, request, read, answer);
}

void map(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{
        {"call", "over"}, {"return_exceptions", "limit", "timeout", "seed", "stream", "progress", "task", "as"}};
    const params read{given, expected};
    auto request = understand_within_memory(server.state, read, answer, understand_map);
    run_understood(server.state, request, read, answer);
}

void create_task(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"task"}, {"name", "timeout", "seed", "detach", "keep"}};
    const params read{given, expected};
    auto request = understand_within_memory(server.state, read, answer, understand_run);
    auto options = read_task_options(server.state, read);
    const auto creator = answer.to();
    auto allowance = value_or_refuse(admit(server.state, *creator, *request.source));
    request.run_options.client = caller_at(server.state, *creator, read);
    options.is_detached = options.is_detached || creator->is_http();  // else it would end with this message
    const bool is_detached = options.is_detached;
    options.is_bulky = is_bulk(*creator, *request.source);
    options.owner = creator->who();
    options.share = creator->work().share();
    options.is_silent = answer.is_notification();
    const auto task = std::make_shared<created_task>(server.state, server.tasks, task_table::new_id(),
                                                     std::move(options), creator, std::move(allowance));
    server.tasks.add(task);
    if (!is_detached) {
        creator->add_task(task);
    }
    request.run_options.blocking_places = blocking_places(server.state, *creator);
    request.run_options.records = server.state.records();
    request.run_options.calls = server.state.calls();
    task->start(std::move(request.source), std::move(request.run_options), request.plan_bytes);
    answer.result({{"id", task->id()}}, [task] { task->announce(); });
}

}  // namespace gatherd::api::server
