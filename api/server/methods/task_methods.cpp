#include "api/server/methods/handlers.hpp"
#include "api/shortened.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/program.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/methods/admission.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/peer_address.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/tasks/created_task.hpp"
#include "api/server/tasks/unix_time.hpp"
#include "api/server/tasks/waiting_request.hpp"
#include "api/server/tasks/watched_program.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

// Of the message of a cancel: each task that is cancelled makes so many, one after the other, before it has ended.
constexpr std::size_t copies_of_a_message = 6;
constexpr std::size_t short_message = 1024;  // so long a one is always passed on

constexpr std::size_t waits_of_the_reserve = 8;  // of a client: its unanswered requests and the tasks of one more

using task_list = std::vector<std::shared_ptr<created_task>>;

[[noreturn]] void refuse_unknown(const std::string& id) {
    throw refused{{errc::no_such_task,
                   "No such task: '" + shortened(id) + "': it was never created, or its result was dropped",
                   std::make_shared<const value>(value{{"id", id}})}};
}

/// Whether a client may do with a task what `beyond` allows with those of others.
bool may_touch(const created_task& task, const connection& from, right beyond) {
    const identity& who = *from.who();
    return &task.owner() == &who || who.may(beyond);
}

/// The task of that id, if the client may do with it what `beyond` allows with those of others.
std::shared_ptr<created_task> find_one(const server_parts& server, const connection& from, const std::string& id,
                                       right beyond) {
    auto found = server.tasks.find(id);
    if (found == nullptr) {
        refuse_unknown(id);
    }
    if (!may_touch(*found, from, beyond)) {
        throw refused{{errc::not_authenticated, "Not allowed: the task was created with another token"}};
    }
    return found;
}

/// The tasks of these ids, each once.
task_list find_all(const server_parts& server, const connection& from, const std::vector<std::string>& ids,
                   right beyond) {
    task_list found;
    std::set<std::string_view> seen;  // not by a hash: a client chose the ids
    for (const std::string& id : ids) {
        if (seen.insert(id).second) {
            found.push_back(find_one(server, from, id, beyond));
        }
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
awaited read_awaited(const server_parts& server, const connection& client, const params& given, bool one_allowed) {
    const auto id = given.text("id");
    const auto ids = given.texts("ids");
    if (id.has_value() == ids.has_value()) {
        refuse_params("", one_allowed ? "exactly one of 'id' and 'ids' is needed" : "'ids' is needed");
    }
    const auto timeout = given.seconds("timeout");
    return {find_all(server, client, id ? std::vector{*id} : *ids, right::see_all), id.has_value(), timeout};
}

executor::return_when read_return_when(const params& given) {
    const auto text = given.text("return_when");
    if (!text || *text == "ALL_COMPLETED") {
        return executor::return_when::all_completed;
    }
    if (*text == "FIRST_COMPLETED") {
        return executor::return_when::first_completed;
    }
    if (*text == "FIRST_EXCEPTION") {
        return executor::return_when::first_exception;
    }
    given.refuse("return_when", "return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
}

/// Gives how many of them had not ended.
template <typename List>
std::size_t cancel_each(const List& list, const std::string& message) {
    return static_cast<std::size_t>(
        std::count_if(list.begin(), list.end(), [&message](const auto& each) { return each->cancel(message); }));
}

/// The tasks that a client may see, the oldest first: up to so many, of that state where one is named.
value list_tasks(const server_parts& server, const connection& client, const std::optional<std::string>& state,
                 std::size_t most) {
    value list = value::array();
    std::uint64_t last = 0;
    while (list.size() < most) {
        const auto some = server.tasks.some_after(last, items_a_turn);
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

/// Connections of one token have one share.
bool is_same_client(const connection& client, connection& other) {
    return other.work().share() == client.who()->share();
}

/// Whether a client may see the requests of that one.
bool may_see_requests(const connection& client, connection& other) {
    return client.who()->may(right::see_all) || is_same_client(client, other);
}

/// No id of a created task has one.
bool is_id_of_request(const std::string& id) {
    return id.find(':') != std::string::npos;
}

/// The request of that id that runs. One of another client is as unknown as one that never was: its id can be guessed,
/// and whether it is there is nobody else's business.
client_request find_seen_request(const server_parts& server, const connection& client, const std::string& id) {
    client_request found = find_request(server.connections, id);
    if (found.request == nullptr || !may_see_requests(client, *found.client)) {
        refuse_unknown(id);
    }
    return found;
}

constexpr std::size_t most_requests_listed = 10'000;
constexpr std::size_t bytes_a_status = 1024;  // of memory, about

/// Adds the requests that run, of those clients whose tasks this one may see.
void add_requests(value& list, const server_parts& server, const connection& client, std::size_t most) {
    std::size_t left = std::min(most, most_requests_listed);
    for (const auto& each : server.connections.all()) {
        const auto some = each->work().some_requests(left);
        if (some.empty() || !may_see_requests(client, *each)) {
            continue;
        }
        for (const auto& request : some) {
            const protocol::request_id& id = request->id();
            const std::string watched = watch_id(*each, *request);
            const auto program = request->program();
            list.push_back({{"id", watched.empty() ? value(nullptr) : value(watched)},
                            {"request", id.is_absent() ? value(nullptr) : value::parse(id.text())},
                            {"client", text_of(each->peer())},
                            {"state", request->activity()},
                            {"started", program == nullptr ? value(nullptr) : value(unix_time(program->began()))}});
            --left;
        }
    }
}

/// What `tasks` is to list.
struct wanted_tasks {
    std::optional<std::string> state{};
    std::size_t most = ~std::size_t{0};
    bool with_requests = false;
};

value list_wanted(const server_parts& server, const connection& client, const wanted_tasks& wanted) {
    memory_limit::check(std::min(wanted.most, server.tasks.size()) * bytes_a_status);  // so that no program ends for it
    value list = list_tasks(server, client, wanted.state, wanted.most);
    if (wanted.with_requests && (!wanted.state || *wanted.state == "running")) {
        add_requests(list, server, client, wanted.most - list.size());
    }
    return list;
}

/// The program of that id, a created task or a request that runs, if the client may see it.
watched_program watch_one(const server_parts& server, const connection& client, const std::string& id) {
    if (!is_id_of_request(id)) {
        return watched_program{find_one(server, client, id, right::see_all)};
    }
    return {id, *find_seen_request(server, client, id).request};
}

/// Cancels the request of that id, where the client may. Gives how many were reached.
std::size_t cancel_request(const server_parts& server, const connection& client, const std::string& id,
                           const std::string& message) {
    const client_request found = find_seen_request(server, client, id);
    if (!client.who()->may(right::cancel_any) && !is_same_client(client, *found.client)) {
        throw refused{{errc::not_authenticated, "Not allowed: it is a request of another client"}};
    }
    return found.request->cancel(message) ? 1 : 0;
}

/// Waiting takes memory. Where that is short, what has ended already is given, and a client may wait for few tasks:
/// perhaps for those that end for want of memory.
void start_waiting(const server_parts& server, reply& answer, awaited ends, waiting_request::options how) {
    const std::size_t waits = ends.tasks.size() + answer.to()->work().owed();
    if (waits > waits_of_the_reserve &&
        std::any_of(ends.tasks.begin(), ends.tasks.end(), [](const auto& each) { return each->end() == nullptr; })) {
        if (auto fault = want_of_memory(server.state, *answer.to())) {
            throw refused{*std::move(fault)};
        }
    }
    how.timeout = ends.timeout;
    std::make_shared<waiting_request>(server.state, std::move(answer), std::move(ends.tasks), how)->start();
}

}  // namespace

void await_tasks(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"id"}, {"ids", "return_exceptions", "timeout"}};
    const params read{given, expected};
    const bool exceptions = read.flag("return_exceptions");
    auto ends = read_awaited(server, *answer.to(), read, true);
    using form = waiting_request::form;
    const form shape = ends.is_one ? form::one : exceptions ? form::settled : form::list;
    start_waiting(server, answer, std::move(ends), {.answer = shape});
}

void wait(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"ids"}, {"return_when", "timeout"}};
    const params read{given, expected};
    const auto when = read_return_when(read);
    auto ends = read_awaited(server, *answer.to(), read, false);
    if (ends.tasks.empty()) {
        read.refuse("ids", "there is nothing to wait for");
    }
    start_waiting(server, answer, std::move(ends), {.answer = waiting_request::form::wait, .when = when});
}

void as_completed(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"ids"}, {"timeout"}};
    auto ends = read_awaited(server, *answer.to(), params{given, expected}, false);
    start_waiting(server, answer, std::move(ends), {.answer = waiting_request::form::streamed});
}

void cancel(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"id"}, {"ids", "request", "message"}};
    const params read{given, expected};
    const auto id = read.text("id");
    const auto ids = read.texts("ids");
    const std::string message = read.text("message").value_or("");
    const auto request = read["request"];
    if ((id ? 1 : 0) + (ids ? 1 : 0) + (request ? 1 : 0) != 1) {
        refuse_params("", "exactly one of 'id', 'ids' and 'request' is needed");
    }
    const std::size_t copies = copies_of_a_message * (ids ? ids->size() : 1);
    if (message.size() > short_message && memory_limit::is_high(message.size() * copies)) {
        throw refused{no_memory_for(answer.to()->message_memory())};
    }
    if (id && is_id_of_request(*id)) {
        return answer.result({{"cancelled", cancel_request(server, *answer.to(), *id, message)}});
    }
    if (!request) {
        const auto tasks = find_all(server, *answer.to(), id ? std::vector{*id} : *ids, right::cancel_any);
        return answer.result({{"cancelled", cancel_each(tasks, message)}});
    }
    const protocol::request_id named{*request};
    if (named.is_absent()) {
        read.refuse("request", "request is the id of a request: a string or a number");
    }
    const auto requests = answer.to()->work().requests(named);
    if (requests.size() <= items_a_turn) {
        return answer.result({{"cancelled", cancel_each(requests, message)}});
    }
    const auto share = answer.to()->work().share();
    server.state.bulk().submit(share, [requests, message, later = std::make_shared<reply>(std::move(answer))] {
        later->result({{"cancelled", cancel_each(requests, message)}});
    });
}

void status(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    constexpr std::size_t nodes_a_turn = 64;
    static const signature expected{{"id"}, {"nodes"}};
    const params read{given, expected};
    const std::string id = read.required_text("id");
    if (!read.flag("nodes")) {
        return answer.result(is_id_of_request(id) ? status_of(id, *find_seen_request(server, *answer.to(), id).request)
                                                  : find_one(server, *answer.to(), id, right::see_all)->status());
    }
    const auto client = answer.to();
    auto watched = watch_one(server, *client, id);
    const bool is_long = watched.nodes() > nodes_a_turn;
    client->answer_with(std::move(answer), is_long,
                        [watched = std::move(watched)](connection&) { return watched.describe(); });
}

void tasks(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{}, {"state", "limit", "running"}};
    const params read{given, expected};
    wanted_tasks wanted{.state = read.text("state"), .with_requests = read.flag("running")};
    const auto& state = wanted.state;
    const std::vector<std::string_view> states{"pending", "running", "done", "failed", "cancelled"};
    if (state && std::find(states.begin(), states.end(), *state) == states.end()) {
        read.refuse("state", "state is pending, running, done, failed or cancelled");
    }
    if (const auto limit = read["limit"]; limit && limit->kind() == protocol::json_kind::unsigned_integer) {
        wanted.most = limit->as_unsigned();
    } else if (limit) {
        if (limit->kind() != protocol::json_kind::integer || limit->as_integer() < 1) {
            read.refuse("limit", "limit is an integer of at least 1");
        }
        wanted.most = static_cast<std::size_t>(limit->as_integer());
    }
    const auto client = answer.to();
    client->answer_with(std::move(answer), server.tasks.size() > items_a_turn || wanted.with_requests,
                        [&server, wanted](connection& asking) { return list_wanted(server, asking, wanted); });
}

void forget(const server_parts& server, std::optional<protocol::json_view> given, reply& answer) {
    static const signature expected{{"id"}, {}};
    const params read{given, expected};
    const std::string id = read.required_text("id");
    static_cast<void>(find_one(server, *answer.to(), id, right::cancel_any));
    if (!server.tasks.forget(id)) {
        read.refuse("id", "the task is still running: cancel it first");
    }
    answer.result(true);
}

}  // namespace gatherd::api::server
