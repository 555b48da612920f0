#include "api/server/run_methods.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/plan_decoder.hpp"
#include "api/server/connection.hpp"
#include "api/server/created_task.hpp"
#include "api/server/instant_answer.hpp"
#include "api/server/overload.hpp"
#include "api/server/params.hpp"
#include "api/server/running_request.hpp"
#include "api/server/service.hpp"
#include "api/server/task_allowance.hpp"

namespace gatherd::api::server {
namespace {

using plan_ptr = std::unique_ptr<plan::plan>;

/// A request that has been understood, and may run if there is room for it.
struct understood {
    plan_ptr what;
    plan::program_options how{};
    reporting wishes{};
};

plan::plan_decoder decoder_of(service& of) {
    return {of.functions(), of.bounds().plan_tasks};
}

/// What all four methods share.
std::optional<error> read_common(const params& from, understood& into) {
    if (from.is_plain()) {
        return std::nullopt;
    }
    auto timeout = from.seconds("timeout");
    if (!timeout) {
        return timeout.reason();
    }
    auto seed = from.seed();
    if (!seed) {
        return seed.reason();
    }
    into.how = {std::move(*seed), *timeout};
    return std::nullopt;
}

/// What gather and map share beyond that.
std::optional<error> read_reporting(const params& from, understood& into) {
    if (from.is_plain()) {
        return std::nullopt;
    }
    const auto streams = from.flag("stream");
    if (!streams) {
        return streams.reason();
    }
    const auto progress = from.seconds("progress");
    if (!progress) {
        return progress.reason();
    }
    const auto exceptions = from.flag("return_exceptions");
    if (!exceptions) {
        return exceptions.reason();
    }
    into.wishes = {*streams, *exceptions, *progress, 0};
    return std::nullopt;
}

/// What a plan and its tasks may hold in memory, their results and the answer included: an estimate, made from what a
/// million tasks of each sort take.
std::size_t memory_of(const plan::plan& what, bool has_seed, std::size_t text_bytes) {
    constexpr std::size_t bytes_a_task = 1024;  // its node, its coroutine while it waits, its result
    constexpr std::size_t bytes_a_sleep = 400;  // where all share one coroutine; most of it for a settled result
    constexpr std::size_t bytes_a_call = 128;   // where nothing can wait: node and result
    constexpr std::size_t times_the_text = 3;   // literals as the plan keeps them, and as results
    const std::size_t sleepers = has_seed ? 0 : what.sleepers();
    return (what.tasks() - sleepers) * (what.root().is_instant ? bytes_a_call : bytes_a_task) +
           sleepers * bytes_a_sleep + text_bytes * times_the_text;
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
    const auto is_over = [more](const std::atomic<std::size_t>& in_flight, std::size_t most) {
        return in_flight.load(std::memory_order_relaxed) + more > most;  // only counted
    };
    if (is_over(*of.tasks_in_flight(), bounds.tasks_in_flight)) {
        return refuse_over(of, "limits.tasks_in_flight", bounds.tasks_in_flight);
    }
    if (is_over(*from.work().tasks_in_flight(), bounds.connection_tasks_in_flight)) {
        return refuse_over(of, "limits.connection_tasks_in_flight", bounds.connection_tasks_in_flight);
    }
    const identity& who = *from.who();
    const std::size_t most = who.most_tasks() == 0 ? bounds.token_tasks_in_flight : who.most_tasks();
    if (!who.name().empty() && is_over(*who.tasks_in_flight(), most)) {
        return refuse_over(of, "limits.token_tasks_in_flight", most);
    }
    return std::nullopt;
}

/// Room for the plan's tasks, or -32003.
result<task_allowance> admit(service& of, connection& from, const understood& request) {
    const plan::plan& what = *request.what;
    const std::size_t memory = memory_of(what, request.how.generator != nullptr, from.message_bytes());
    if (auto refused = want_of_memory(of, memory)) {
        return *std::move(refused);
    }
    task_allowance allowance{of.memory(),
                             {of.tasks_in_flight(), from.work().tasks_in_flight(), from.who()->tasks_in_flight()},
                             what.tasks(),
                             memory};
    if (auto refused = want_of_tasks(of, from, 0)) {
        return *std::move(refused);
    }
    of.counts().add(event::tasks_started, what.tasks());
    return allowance;
}

/// Answers on the spot, if there is room. Tasks that have ended before the next message is read are looked at, but not
/// entered.
void run_at_once(service& of, const plan::plan& what, reply& answer) {
    connection& from = *answer.to();
    auto refused = want_of_memory(of, memory_of(what, false, from.message_bytes()));
    if (!refused) {
        refused = want_of_tasks(of, from, what.tasks());
    }
    if (refused) {
        answer.error(*refused);
        return;
    }
    of.counts().add(event::tasks_started, what.tasks());
    answer_at_once(of, what, answer);
}

/// Whether writing a plan's result, and taking the plan apart, may take more than about a millisecond.
bool is_bulk(const connection& from, const plan::plan& what) {
    constexpr std::size_t many_tasks = 16384;
    constexpr std::size_t much_text = 256 * 1024;
    return what.tasks() > many_tasks || from.message_bytes() > much_text;
}

void run_understood(service& of, understood& request, reply& answer) {
    if (is_answered_at_once(*request.what, request.how) && !request.wishes.streams && !request.wishes.progress) {
        run_at_once(of, *request.what, answer);
        return;
    }
    auto allowance = admit(of, *answer.to(), request);
    if (!allowance) {
        answer.error(allowance.reason());
        return;
    }
    const bool is_bulky = is_bulk(*answer.to(), *request.what);
    const auto running =
        std::make_shared<running_request>(of, std::move(answer), request.wishes, std::move(*allowance), is_bulky);
    running->start(std::move(request.what), std::move(request.how));
}

result<understood> understand_run(service& of, const params& from) {
    understood request;
    if (auto fault = read_common(from, request)) {
        return *std::move(fault);
    }
    const auto task = from.required("task");
    if (!task) {
        return task.reason();
    }
    auto what = decoder_of(of).decode_task(*task, from.step("task"));
    if (!what) {
        return std::move(what).reason();
    }
    request.what = std::move(*what);
    return request;
}

result<understood> understand_gather(service& of, const params& from) {
    understood request;
    if (auto fault = read_common(from, request)) {
        return *std::move(fault);
    }
    if (auto fault = read_reporting(from, request)) {
        return *std::move(fault);
    }
    const auto tasks = from.required("tasks");
    if (!tasks) {
        return tasks.reason();
    }
    auto what = decoder_of(of).decode_gather(*tasks, from.step("tasks"), {from["return_exceptions"], from["limit"]});
    if (!what) {
        return std::move(what).reason();
    }
    request.wishes.total = tasks->size();
    request.what = std::move(*what);
    return request;
}

result<understood> understand_map(service& of, const params& from) {
    understood request;
    if (auto fault = read_common(from, request)) {
        return *std::move(fault);
    }
    if (auto fault = read_reporting(from, request)) {
        return *std::move(fault);
    }
    const auto call = from.required("call");
    if (!call) {
        return call.reason();
    }
    const auto over = from.required("over");
    if (!over) {
        return over.reason();
    }
    auto what = decoder_of(of).decode_map(*call, from.step("call"), *over, from.step("over"),
                                          {from["return_exceptions"], from["limit"]});
    if (!what) {
        return std::move(what).reason();
    }
    request.wishes.total = over->size();
    request.what = std::move(*what);
    return request;
}

/// Reads params by `expected` and hands them to `understand`; answers what is wrong, or runs what is right. From here
/// on the answer is handed on by reference: moving it costs as much as a small plan's run.
template <typename Understand>
void read_and_run(service& of, std::optional<json::json_view> from, const signature& expected, reply& answer,
                  const Understand& understand) {
    const auto read = params::read(from, expected);
    if (!read) {
        answer.error(read.reason());
        return;
    }
    auto request = understand(of, *read);
    if (!request) {
        answer.error(request.reason());
        return;
    }
    run_understood(of, *request, answer);
}

/// What create_task takes beyond a task.
result<created_task::options> read_task_options(const service& of, const params& from) {
    const auto name = from.text("name");
    if (!name) {
        return name.reason();
    }
    const auto detach = from.flag("detach");
    if (!detach) {
        return detach.reason();
    }
    const auto keep = from.seconds("keep");
    if (!keep) {
        return keep.reason();
    }
    created_task::options made;
    made.name = name->value_or("");
    made.is_detached = *detach;
    made.keep = keep->value_or(of.bounds().keep);
    return made;
}

}  // namespace

void run(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"task"}, {"timeout", "seed"}};
    read_and_run(of, from, expected, answer, understand_run);
}

void gather(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"tasks"}, {"return_exceptions", "limit", "timeout", "seed", "stream", "progress"}};
    read_and_run(of, from, expected, answer, understand_gather);
}

void map(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"call", "over"},
                                    {"return_exceptions", "limit", "timeout", "seed", "stream", "progress"}};
    read_and_run(of, from, expected, answer, understand_map);
}

void create_task(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"task"}, {"name", "timeout", "seed", "detach", "keep"}};
    const auto read = params::read(from, expected);
    if (!read) {
        answer.error(read.reason());
        return;
    }
    auto request = understand_run(of, *read);
    if (!request) {
        answer.error(request.reason());
        return;
    }
    auto options = read_task_options(of, *read);
    if (!options) {
        answer.error(options.reason());
        return;
    }
    const auto creator = answer.to();
    auto allowance = admit(of, *creator, *request);
    if (!allowance) {
        answer.error(allowance.reason());
        return;
    }
    const bool is_detached = options->is_detached;
    options->is_bulky = is_bulk(*creator, *request->what);
    options->owner = creator->who();
    options->is_silent = answer.is_notification();
    const auto task =
        std::make_shared<created_task>(of, task_table::new_id(), *std::move(options), creator, std::move(*allowance));
    of.tasks().add(task);
    if (!is_detached) {
        creator->add_task(task);
    }
    task->start(std::move(request->what), std::move(request->how));
    answer.result({{"id", task->id()}}, [task] { task->announce(); });
}

}  // namespace gatherd::api::server
