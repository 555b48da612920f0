#include "api/server/methods/stats.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/process/resident_memory.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/methods/methods.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t most_failures = 100;

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

/// Of the functions that workers serve, the most called; and of all others whose calls are counted.
value calls(server_state& state, std::size_t most_served) {
    const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>{time}.count(); };
    value all = state.workers().describe_calls(most_served);
    for (const auto& [name, counted] : state.calls()->all()) {
        all[name] = {{"workers", 0},
                     {"queued", counted.queued},
                     {"running", counted.running},
                     {"ok", counted.returned},
                     {"failed", counted.failed},
                     {"time_queued", seconds(counted.time_queued)},
                     {"time_run", seconds(counted.times_run.sum)}};
    }
    return all;
}

}  // namespace

value describe_stats(const server_parts& server, std::size_t most_functions) {
    value all = server.state.counts().events();
    all["uptime"] = std::chrono::duration<double>{server.state.uptime()}.count();
    all["draining"] = server.state.is_draining();
    all["connections"] = server.connections.counted();
    all["tasks_in_flight"] = server.state.tasks_in_flight()->load(std::memory_order_relaxed);
    all["created_tasks"] = server.tasks.size();
    all["results_kept"] = server.tasks.kept();
    all["results_kept_bytes"] = server.tasks.kept_bytes();
    all["results_dropped"] = server.tasks.dropped();
    all["requests_by_method"] = requests_by_method(server.state.counts());
    all["errors"] = server.state.counts().errors();
    all["limits"] = server.state.counts().limits_met();
    all["memory"] = {{"allocated_bytes", executor::allocated_memory::exact_bytes()},
                     {"resident_bytes", process::resident_bytes("self")}};
    all["calls"] = calls(server.state, most_functions);
    all["failures"] = server.state.failures().most_frequent(most_failures);
    all["threads"] = threads(server.state.runs_on());
    const auto* const bulk = server.state.made_bulk_scheduler();
    all["bulk_threads"] = bulk == nullptr ? value::array() : threads(*bulk);
    return all;
}

}  // namespace gatherd::api::server
