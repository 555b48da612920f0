#include "api/server/methods/methods.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "api/plan/check/plan_decoder.hpp"
#include "api/plan/model/nearest_name.hpp"
#include "api/server/auth/identity.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/methods/handlers.hpp"
#include "api/server/methods/held_request.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/net/connection.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

/// Who may call a method.
enum class access : std::uint8_t { anybody, known, submitter, admin };

/// Whether its answer may come much later: such requests count against limits.connection_requests. What reports and
/// cancels in a few kilobytes takes those from the reserve: it works where memory is short.
enum class answered : std::uint8_t { at_once, from_reserve, later };

struct method {
    std::string_view name;
    void (*call)(const server_parts&, std::optional<protocol::json_view>, reply&);
    access by;  // a submitter's starts work: it is refused while the service drains, or has no memory for it
    answered when = answered::at_once;
};

constexpr std::array methods{
    method{"run", run, access::submitter, answered::later},
    method{"gather", gather, access::submitter, answered::later},
    method{"map", map, access::submitter, answered::later},
    method{"create_task", create_task, access::submitter},
    method{"await", await_tasks, access::known, answered::later},
    method{"wait", wait, access::known, answered::later},
    method{"as_completed", as_completed, access::known, answered::later},
    method{"cancel", cancel, access::known, answered::from_reserve},
    method{"status", status, access::known, answered::from_reserve},
    method{"tasks", tasks, access::known},
    method{"forget", forget, access::known, answered::from_reserve},
    method{"functions", functions, access::known},
    method{"serve", serve, access::known},
    method{"workers", workers, access::known},
    method{"stats", stats, access::admin, answered::from_reserve},
    method{"info", info, access::anybody, answered::from_reserve},
    method{"ping", ping, access::anybody, answered::from_reserve},
    method{"auth", auth, access::anybody, answered::from_reserve},
};
static_assert(methods.size() < counters::most_methods);  // the last is for those that there are not

std::string names() {
    std::string all;
    for (const method& each : methods) {
        all += (all.empty() ? "" : ", ") + std::string{each.name};
    }
    return all;
}

[[noreturn]] void refuse_method(std::string_view name) {
    plan::nearest_name nearest{name};
    for (const method& each : methods) {
        nearest.consider(each.name);
    }
    const std::string hint = nearest.found().empty() ? "the methods are " + names() : nearest.question();
    throw refused{{errc::method_not_found, "Method not found: '" + shortened(name) + "'; " + hint}};
}

/// Throws `refused` where a client may not call a method.
void check_call(const server_parts& server, const method& m, connection& client) {
    if (m.by == access::anybody) {
        return;
    }
    const auto& who = client.who();
    if (who == nullptr || who->is_revoked()) {
        throw refused{{errc::not_authenticated, "Not authenticated: call auth with a token first"}};
    }
    if (!who->may_anything()) {
        throw refused{{errc::not_authenticated, "Not allowed: the token has no rights"}};
    }
    if (m.by == access::submitter && !who->may(right::submit)) {
        throw refused{{errc::not_authenticated, "Not allowed: the token has no right to submit"}};
    }
    if (m.by == access::admin && !who->may(right::admin)) {
        throw refused{{errc::not_authenticated, "Not allowed: the token has no right to admin"}};
    }
    if (m.by == access::submitter && server.state.is_draining()) {
        throw refused{{errc::shutting_down, "Shutting down: nothing new is started"}};
    }
    // The request itself is owed an answer already.
    if (m.when == answered::later && client.work().owed() > server.state.bounds().connection_requests) {
        server.state.counts().add_limit("limits.connection_requests");
        throw refused{overloaded("limits.connection_requests", server.state.bounds().connection_requests)};
    }
}

/// Calls it. Why it was refused, or nothing: it was answered, or will be.
std::optional<error> try_method(const server_parts& server, const method* called, const protocol::request& request,
                                reply& answer) {
    try {
        if (called == methods.end()) {
            refuse_method(request.method);
        }
        check_call(server, *called, *answer.to());
        const executor::memory_turn turn{
            called->when == answered::from_reserve ? nullptr : executor::allocated_memory::account()};
        called->call(server, request.params, answer);
    } catch (refused& fault) {
        return std::move(fault.reason);
    } catch (const memory_limit_exceeded&) {
        if (answer.to() != nullptr) {  // else whoever took the reply says so
            answer.error(no_memory_for(answer.to()->message_memory()));
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::string_view> method_names() {
    std::vector<std::string_view> all;
    for (const method& each : methods) {
        all.push_back(each.name);
    }
    return all;
}

bool call_method(const server_parts& server, const protocol::request& request, reply answer,
                 std::optional<std::chrono::steady_clock::time_point> waits_until) {
    const auto* const found =
        std::find_if(methods.begin(), methods.end(), [&](const method& m) { return m.name == request.method; });
    const auto index = static_cast<std::size_t>(found - methods.begin());
    server.state.counts().add_method(index);
    answer.log_as(found != methods.end() ? found->name : std::string_view{}, index, request.params);
    std::uint64_t seen = server.state.workers().arrivals();
    std::optional<error> fault = try_method(server, found, request, answer);
    // Once more for each pool at most: it may have served since the function was looked for.
    while (fault && plan::is_unknown_function(*fault) && server.state.workers().arrivals() != seen) {
        seen = server.state.workers().arrivals();
        fault = try_method(server, found, request, answer);
    }
    if (!fault) {
        return true;
    }
    if (request.params && held_request::may_wait(server, *fault, *answer.to(), waits_until)) {
        held_request::hold(server, request, std::move(answer), waits_until);
        return true;
    }
    answer.error(with_faults_of_pools(server, *fault));
    return false;
}

}  // namespace gatherd::api::server
