#include "api/server/methods/handlers.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/server/methods/params.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/service.hpp"
#include "api/server/tasks/created_task.hpp"
#include "api/server/tasks/waiting_request.hpp"

namespace gatherd::api::server {
namespace {

using task_list = std::vector<std::shared_ptr<created_task>>;

error no_such_task(const std::string& id) {
    constexpr std::size_t shown = 80;
    return {errc::no_such_task,
            "No such task: '" + id.substr(0, shown) + "': it was never created, or its result was dropped",
            std::make_shared<const value>(value{{"id", id}})};
}

/// Whether a client may do with a task what `beyond` allows with those of others.
bool may_touch(const created_task& task, const connection& from, right beyond) {
    const identity& who = *from.who();
    return &task.owner() == &who || who.may(beyond);
}

result<std::shared_ptr<created_task>> find_one(service& of, const connection& from, const std::string& id,
                                               right beyond = right::see_all) {
    auto found = of.tasks().find(id);
    if (found == nullptr) {
        return no_such_task(id);
    }
    if (!may_touch(*found, from, beyond)) {
        return error{errc::not_authenticated, "Not allowed: the task was created with another token"};
    }
    return found;
}

/// The tasks of these ids, each once, or -32007 for the first that is unknown.
result<task_list> find_all(service& of, const connection& from, const std::vector<std::string>& ids,
                           right beyond = right::see_all) {
    task_list found;
    std::unordered_set<std::string> seen;
    for (const std::string& id : ids) {
        if (!seen.insert(id).second) {
            continue;
        }
        auto one = find_one(of, from, id, beyond);
        if (!one) {
            return one.reason();
        }
        found.push_back(std::move(*one));
    }
    return found;
}

/// What await, wait and as_completed share: whose ends, and for how long.
struct awaited {
    task_list tasks;
    bool is_one = false;
    std::optional<std::chrono::nanoseconds> timeout{};
};

/// Exactly one of `id` (where `one_allowed`) and `ids`.
result<awaited> read_awaited(service& of, const connection& client, const params& from, bool one_allowed) {
    const auto id = from.text("id");
    if (!id) {
        return id.reason();
    }
    const auto ids = from.texts("ids");
    if (!ids) {
        return ids.reason();
    }
    if (id->has_value() == ids->has_value()) {
        return invalid_params("", one_allowed ? "exactly one of 'id' and 'ids' is needed" : "'ids' is needed");
    }
    const auto timeout = from.seconds("timeout");
    if (!timeout) {
        return timeout.reason();
    }
    auto tasks = id->has_value() ? find_all(of, client, {**id}) : find_all(of, client, **ids);
    if (!tasks) {
        return std::move(tasks).reason();
    }
    return awaited{std::move(*tasks), id->has_value(), *timeout};
}

result<executor::return_when> read_return_when(const params& from) {
    const auto text = from.text("return_when");
    if (!text || !text->has_value() || **text == "ALL_COMPLETED") {
        return text ? result{executor::return_when::all_completed} : result<executor::return_when>{text.reason()};
    }
    if (**text == "FIRST_COMPLETED") {
        return executor::return_when::first_completed;
    }
    if (**text == "FIRST_EXCEPTION") {
        return executor::return_when::first_exception;
    }
    return from.refuse("return_when", "return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
}

/// Gives how many of them had not ended.
template <typename List>
std::size_t cancel_each(const List& list, const std::string& message) {
    return static_cast<std::size_t>(
        std::count_if(list.begin(), list.end(), [&message](const auto& each) { return each->cancel(message); }));
}

/// The tasks that a client may see, the oldest first: up to so many, of that state where one is named.
value list_tasks(service& of, const connection& client, const std::optional<std::string>& state, std::size_t most) {
    value list = value::array();
    std::uint64_t last = 0;
    while (list.size() < most) {
        const auto some = of.tasks().some_after(last, items_a_turn);
        if (some.empty()) {
            break;
        }
        last = some.back().number;
        for (const auto& each : some) {
            if (list.size() == most || !may_touch(*each.task, client, right::see_all)) {
                continue;
            }
            value one = each.task->status();
            if (!state || one["state"] == *state) {
                list.push_back(std::move(one));
            }
        }
    }
    return list;
}

void start_waiting(service& of, reply answer, awaited what, waiting_request::options how) {
    how.timeout = what.timeout;
    std::make_shared<waiting_request>(of, std::move(answer), std::move(what.tasks), how)->start();
}

}  // namespace

void await_tasks(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"id"}, {"ids", "return_exceptions", "timeout"}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto exceptions = read->flag("return_exceptions");
    if (!exceptions) {
        return answer.error(exceptions.reason());
    }
    auto what = read_awaited(of, *answer.to(), *read, true);
    if (!what) {
        return answer.error(what.reason());
    }
    using form = waiting_request::form;
    const form shape = what->is_one ? form::one : *exceptions ? form::settled : form::list;
    start_waiting(of, std::move(answer), std::move(*what), {.answer = shape});
}

void wait(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"ids"}, {"return_when", "timeout"}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto when = read_return_when(*read);
    if (!when) {
        return answer.error(when.reason());
    }
    auto what = read_awaited(of, *answer.to(), *read, false);
    if (!what) {
        return answer.error(what.reason());
    }
    if (what->tasks.empty()) {
        return answer.error(read->refuse("ids", "there is nothing to wait for"));
    }
    start_waiting(of, std::move(answer), std::move(*what), {.answer = waiting_request::form::wait, .when = *when});
}

void as_completed(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"ids"}, {"timeout"}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    auto what = read_awaited(of, *answer.to(), *read, false);
    if (!what) {
        return answer.error(what.reason());
    }
    start_waiting(of, std::move(answer), std::move(*what), {.answer = waiting_request::form::streamed});
}

void cancel(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"id"}, {"ids", "request", "message"}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto id = read->text("id");
    const auto ids = read->texts("ids");
    const auto message = read->text("message");
    const auto request = (*read)["request"];
    for (const auto* fault :
         {id ? nullptr : &id.reason(), ids ? nullptr : &ids.reason(), message ? nullptr : &message.reason()}) {
        if (fault != nullptr) {
            return answer.error(*fault);
        }
    }
    if ((id->has_value() ? 1 : 0) + (ids->has_value() ? 1 : 0) + (request ? 1 : 0) != 1) {
        return answer.error(invalid_params("", "exactly one of 'id', 'ids' and 'request' is needed"));
    }
    std::size_t reached = 0;
    if (request) {
        const auto found = answer.to()->work().requests(*request);
        if (found.size() > items_a_turn) {
            of.bulk().submit([found, text = message->value_or(""), later = std::make_shared<reply>(std::move(answer))] {
                later->result({{"cancelled", cancel_each(found, text)}});
            });
            return;
        }
        reached = cancel_each(found, message->value_or(""));
    } else {
        const connection& client = *answer.to();
        const auto tasks = id->has_value() ? find_all(of, client, {**id}, right::cancel_any)
                                           : find_all(of, client, **ids, right::cancel_any);
        if (!tasks) {
            return answer.error(tasks.reason());
        }
        reached = cancel_each(*tasks, message->value_or(""));
    }
    answer.result({{"cancelled", reached}});
}

void status(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"id"}, {}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto id = read->text("id");
    if (!id || !id->has_value()) {
        return answer.error(id ? invalid_params("", "the param 'id' is missing") : id.reason());
    }
    const auto task = find_one(of, *answer.to(), **id);
    if (!task) {
        return answer.error(task.reason());
    }
    answer.result((*task)->status());
}

void tasks(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{}, {"state", "limit"}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto state = read->text("state");
    if (!state) {
        return answer.error(state.reason());
    }
    const std::vector<std::string_view> states{"pending", "running", "done", "failed", "cancelled"};
    if (state->has_value() && std::find(states.begin(), states.end(), **state) == states.end()) {
        return answer.error(read->refuse("state", "state is pending, running, done, failed or cancelled"));
    }
    std::size_t most = ~std::size_t{0};
    if (const auto limit = (*read)["limit"]) {
        if (limit->kind() != json::json_kind::integer || limit->as_integer() < 1) {
            return answer.error(read->refuse("limit", "limit is an integer of at least 1"));
        }
        most = static_cast<std::size_t>(limit->as_integer());
    }
    if (of.tasks().size() <= items_a_turn) {
        return answer.result(list_tasks(of, *answer.to(), *state, most));
    }
    of.bulk().submit([&of, wanted = *state, most, later = std::make_shared<reply>(std::move(answer))] {
        later->result(list_tasks(of, *later->to(), wanted, most));
    });
}

void forget(service& of, std::optional<json::json_view> from, reply answer) {
    static const signature expected{{"id"}, {}};
    const auto read = params::read(from, expected);
    if (!read) {
        return answer.error(read.reason());
    }
    const auto id = read->text("id");
    if (!id || !id->has_value()) {
        return answer.error(id ? invalid_params("", "the param 'id' is missing") : id.reason());
    }
    const auto task = find_one(of, *answer.to(), **id, right::cancel_any);
    if (!task) {
        return answer.error(task.reason());
    }
    if (!of.tasks().forget(**id)) {
        return answer.error(read->refuse("id", "the task is still running: cancel it first"));
    }
    answer.result(true);
}

}  // namespace gatherd::api::server
