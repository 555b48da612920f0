#include "api/server/methods/handlers.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/memory_limit.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/methods/params.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::server {
namespace {

constexpr int protocol_version = 1;

std::string_view name_of(plan::thread_pool pool) {
    switch (pool) {
        case plan::thread_pool::compute:
            return "compute";
        case plan::thread_pool::blocking:
            return "blocking";
        case plan::thread_pool::elsewhere:
            return "worker";
        case plan::thread_pool::none:
            break;
    }
    return "async";
}

value example_of(const plan::function_example& shown) {
    value example = {{"task", value::parse(shown.task)}};
    if (shown.seed != 0) {
        example["seed"] = shown.seed;
    }
    if (!shown.result.empty()) {
        example["result"] = value::parse(shown.result);
    }
    return example;
}

value describe(const plan::function& f) {
    value params = value::array();
    for (const plan::parameter& each : f.parameters) {
        value p = {{"name", each.name}};
        if (each.variadic) {
            p["variadic"] = true;
        } else {
            p["required"] = each.is_required();
        }
        if (each.default_value) {
            p["default"] = *each.default_value;
        }
        for (const auto& [name, text] : {std::pair{"type", &each.type}, {"unit", &each.unit}, {"help", &each.help}}) {
            if (!text->empty()) {
                p[name] = *text;
            }
        }
        params.push_back(std::move(p));
    }
    if (f.takes == plan::args_form::unchecked) {
        params = nullptr;
    }
    value described = {
        {"name", f.name}, {"summary", f.summary}, {"params", std::move(params)}, {"lane", name_of(f.pool)}};
    described["errors"] = f.errors;
    if (!f.example.task.empty()) {
        described["example"] = example_of(f.example);
    }
    if (!f.needs.empty()) {
        described["needs"] = f.needs;
    }
    return described;
}

value requests_by_method(const counters& counted) {
    value all = value::object();
    std::size_t index = 0;
    for (const std::string_view name : method_names()) {
        all[std::string{name}] = counted.of_method(index++);
    }
    all["unknown"] = counted.of_method(index);
    return all;
}

/// What each worker has done, as executor/counters.hpp says.
value threads(const executor::scheduler& of) {
    value all = value::array();
    for (const executor::worker_counters& each : of.counters()) {
        all.push_back({{"run", each.run},
                       {"spawned", each.spawned},
                       {"stolen", each.stolen},
                       {"failed_steals", each.failed_steals},
                       {"parks", each.parks},
                       {"wakes", each.wakes},
                       {"injected", each.injected},
                       {"timers", each.timers},
                       {"queued", each.queued}});
    }
    return all;
}

/// The process's resident memory as the system counts it, or 0.
std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void check_no_params(std::optional<protocol::json_view> given) {
    static const signature none{};
    params{given, none};
}

}  // namespace

void functions(service& of, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    executor::memory_account listing{executor::memory_account::kind::early};
    const executor::memory_turn turn{&listing};
    const auto own = of.functions().all();
    const auto served = of.functions().all_served();
    value list = value::array();
    auto next = served.begin();
    for (const plan::function* each : own) {
        for (; next != served.end() && (*next)->name < each->name; ++next) {
            list.push_back(describe(**next));
        }
        list.push_back(describe(*each));
    }
    for (; next != served.end(); ++next) {
        list.push_back(describe(**next));
    }
    answer.result(list);
}

void stats(service& of, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    value all = of.counts().events();
    all["uptime"] = std::chrono::duration<double>{of.uptime()}.count();
    all["draining"] = of.is_draining();
    all["connections"] = of.connections();
    all["tasks_in_flight"] = of.tasks_in_flight()->load(std::memory_order_relaxed);
    all["created_tasks"] = of.tasks().size();
    all["results_kept"] = of.tasks().kept();
    all["results_kept_bytes"] = of.tasks().kept_bytes();
    all["results_dropped"] = of.tasks().dropped();
    all["requests_by_method"] = requests_by_method(of.counts());
    all["errors"] = of.counts().errors();
    all["limits"] = of.counts().limits_met();
    all["memory"] = {{"allocated_bytes", executor::allocated_memory::exact_bytes()},
                     {"resident_bytes", resident_bytes()}};
    all["calls"] = of.workers().describe_calls();
    all["threads"] = threads(of.runs_on());
    const auto* const bulk = of.made_bulk_scheduler();
    all["bulk_threads"] = bulk == nullptr ? value::array() : threads(*bulk);
    answer.result(all);
}

void info(service& of, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    answer.result({{"name", "gatherd"},
                   {"version", of.version()},
                   {"protocol", protocol_version},
                   {"threads", of.runs_on().workers()},
                   {"draining", of.is_draining()},
                   {"limits",
                    {{"message_bytes", of.bounds().message_bytes},
                     {"memory_bytes", of.bounds().memory_bytes},
                     {"client_memory_bytes", of.bounds().client_memory_bytes}}}});
}

void ping(service&, std::optional<protocol::json_view> from, reply& answer) {
    check_no_params(from);
    answer.result("pong");
}

void auth(service&, std::optional<protocol::json_view> from, reply& answer) {
    static const signature expected{{"token"}, {}};
    if (!answer.to()->show_token(params{from, expected}.required_text("token"))) {
        throw refused{{errc::not_authenticated, "Not authenticated: no such token"}};
    }
    answer.result(true);
}

}  // namespace gatherd::api::server
