#include "api/server/methods/stats.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/process/resident_memory.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/service.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::server {
namespace {

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

}  // namespace

value describe_stats(service& daemon) {
    value all = daemon.counts().events();
    all["uptime"] = std::chrono::duration<double>{daemon.uptime()}.count();
    all["draining"] = daemon.is_draining();
    all["connections"] = daemon.connections();
    all["tasks_in_flight"] = daemon.tasks_in_flight()->load(std::memory_order_relaxed);
    all["created_tasks"] = daemon.tasks().size();
    all["results_kept"] = daemon.tasks().kept();
    all["results_kept_bytes"] = daemon.tasks().kept_bytes();
    all["results_dropped"] = daemon.tasks().dropped();
    all["requests_by_method"] = requests_by_method(daemon.counts());
    all["errors"] = daemon.counts().errors();
    all["limits"] = daemon.counts().limits_met();
    all["memory"] = {{"allocated_bytes", executor::allocated_memory::exact_bytes()},
                     {"resident_bytes", process::resident_bytes("self")}};
    all["calls"] = daemon.workers().describe_calls();
    all["threads"] = threads(daemon.runs_on());
    const auto* const bulk = daemon.made_bulk_scheduler();
    all["bulk_threads"] = bulk == nullptr ? value::array() : threads(*bulk);
    return all;
}

}  // namespace gatherd::api::server
