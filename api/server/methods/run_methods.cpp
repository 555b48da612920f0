#include "api/server/methods/handlers.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/plan_decoder.hpp"
#include "api/server/limits/admission.hpp"
#include "api/server/limits/task_allowance.hpp"
#include "api/server/methods/instant_answer.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/methods/running_request.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"
#include "api/server/tasks/created_task.hpp"

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

/// Answers on the spot, if there is room. Tasks that have ended before the next message is read are looked at, but not
/// entered.
void run_at_once(service& of, const plan::plan& what, reply& answer) {
    if (const auto refused = want_of_room(of, *answer.to(), what)) {
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
    auto allowance = admit(of, *answer.to(), *request.what, request.how.generator != nullptr);
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
    auto allowance = admit(of, *creator, *request->what, request->how.generator != nullptr);
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
