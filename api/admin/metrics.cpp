#include "api/admin/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "api/latency_histogram.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/methods/methods.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::admin {
namespace {

using prometheus::ClientMetric, prometheus::MetricFamily, prometheus::MetricType;
using label_list = std::vector<ClientMetric::Label>;

constexpr std::size_t most_functions = 1000;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>{time}.count();
}

/// Collects families, one after the other.
class family_list {
public:
    void begin(MetricType type, std::string name, std::string help) {
        all_.push_back({std::move(name), std::move(help), type, {}});
    }

    template <typename Number>
    void add(Number number, label_list labels = {}) {
        ClientMetric made;
        made.label = std::move(labels);
        (all_.back().type == MetricType::Counter ? made.counter.value : made.gauge.value) = static_cast<double>(number);
        all_.back().metric.push_back(std::move(made));
    }

    void add_times(const latency_histogram& times, label_list labels = {}) {
        ClientMetric made;
        made.label = std::move(labels);
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < times.counts.size(); ++i) {
            count += times.counts[i];
            const double bound =
                i < latency_bounds.size() ? seconds(latency_bounds[i]) : std::numeric_limits<double>::infinity();
            made.histogram.bucket.push_back({count, bound});
        }
        made.histogram.sample_count = count;
        made.histogram.sample_sum = seconds(times.sum);
        all_.back().metric.push_back(std::move(made));
    }

    void counter(const char* name, const char* help, std::uint64_t number) {
        begin(MetricType::Counter, name, help);
        add(number);
    }
    void gauge(const char* name, const char* help, double number) {
        begin(MetricType::Gauge, name, help);
        add(number);
    }

    /// Families without a series are left out.
    [[nodiscard]] std::string text() {
        std::erase_if(all_, [](const MetricFamily& each) { return each.metric.empty(); });
        return prometheus::TextSerializer{}.Serialize(all_);
    }

private:
    std::vector<MetricFamily> all_{};
};

void add_requests(family_list& all, server::service& daemon) {
    const auto& counts = daemon.state().counts();
    all.begin(MetricType::Counter, "gatherd_requests_total",
              "Requests answered, by method and by the code of the error; code 0 is a result.");
    auto methods = server::method_names();
    const std::size_t named = methods.size();
    methods.resize(server::counters::most_methods + 1, "unknown");  // no such method; what was no request
    server::counters::answer_counts unknown;
    for (std::size_t i = 0; i < methods.size(); ++i) {
        auto answers = counts.answers(i);
        if (i >= named) {
            unknown.results += answers.results;
            unknown.errors.resize(answers.errors.size());
            for (std::size_t j = 0; j < answers.errors.size(); ++j) {
                unknown.errors[j] = {answers.errors[j].first, unknown.errors[j].second + answers.errors[j].second};
            }
            if (i + 1 < methods.size()) {
                continue;
            }
            answers = unknown;
        }
        all.add(answers.results, {{"method", std::string{methods[i]}}, {"code", "0"}});
        for (const auto& [code, number] : answers.errors) {
            if (number > 0) {
                all.add(number,
                        {{"method", std::string{methods[i]}}, {"code", std::to_string(static_cast<int>(code))}});
            }
        }
    }
    all.begin(MetricType::Histogram, "gatherd_request_seconds", "From the reading of a request to its answer.");
    all.add_times(counts.request_times());
    all.begin(MetricType::Counter, "gatherd_refused_total", "How often each limit was met.");
    const value limits_met = counts.limits_met();
    for (const auto& [name, number] : limits_met.items()) {
        all.add(number.get<std::uint64_t>(), {{"limit", name}});
    }
}

void add_programs(family_list& all, server::service& daemon) {
    using server::event;
    const auto& counts = daemon.state().counts();
    all.counter("gatherd_programs_total", "Programs run: a run, gather or map.", counts.get(event::programs_run));
    all.counter("gatherd_programs_failed_total", "Programs that did not return a result.",
                counts.get(event::programs_failed));
    all.counter("gatherd_tasks_started_total", "Tasks of plans that were let in.", counts.get(event::tasks_started));
    all.begin(MetricType::Counter, "gatherd_tasks_ended_total",
              "Tasks of plans that have ended, by the end of their plan.");
    all.add(counts.get(event::tasks_done), {{"outcome", "done"}});
    all.add(counts.get(event::tasks_failed), {{"outcome", "failed"}});
    all.add(counts.get(event::tasks_cancelled), {{"outcome", "cancelled"}});
    all.gauge("gatherd_tasks_in_flight", "Tasks that have not ended.",
              static_cast<double>(daemon.state().tasks_in_flight()->load(std::memory_order_relaxed)));
    all.gauge("gatherd_created_tasks", "Created tasks that run, and results that are kept.",
              static_cast<double>(daemon.tasks().size()));
    all.gauge("gatherd_kept_results_bytes", "Size of the results of created tasks that are kept.",
              static_cast<double>(daemon.tasks().kept_bytes()));
    all.counter("gatherd_dropped_results_total", "Results that went before their time, for want of room.",
                daemon.tasks().dropped());
}

void add_connections(family_list& all, server::service& daemon) {
    using server::event;
    const auto& counts = daemon.state().counts();
    all.gauge("gatherd_connections", "Open connections.", static_cast<double>(daemon.connections().counted()));
    all.counter("gatherd_connections_accepted_total", "Connections accepted.", counts.get(event::connections_accepted));
    all.counter("gatherd_received_bytes_total", "Bytes read from clients.", counts.get(event::bytes_read));
    all.counter("gatherd_sent_bytes_total", "Bytes written to clients.", counts.get(event::bytes_written));
    all.counter("gatherd_tokens_refused_total", "Tokens shown that are none.", counts.get(event::tokens_refused));
}

void add_calls(family_list& all, server::service& daemon) {
    auto calls = daemon.state().workers().calls_by_name(most_functions);
    for (auto& [name, counted] : daemon.state().calls()->all()) {
        calls.push_back({std::move(name), counted.queued, counted.running, counted.returned, counted.failed,
                         counted.time_queued, counted.times_run});
    }
    const auto name_of = [](const workers::name_calls& each) { return each.name.empty() ? "(others)" : each.name; };
    all.gauge("gatherd_workers", "Connections that serve functions.",
              static_cast<double>(daemon.state().workers().size()));
    all.begin(MetricType::Counter, "gatherd_calls_total",
              "Calls that have ended, of functions that workers serve, that wait in a line or that may run long.");
    for (const auto& each : calls) {
        all.add(each.returned, {{"function", name_of(each)}, {"outcome", "ok"}});
        all.add(each.failed, {{"function", name_of(each)}, {"outcome", "failed"}});
    }
    all.begin(MetricType::Gauge, "gatherd_calls_queued", "Such calls that wait for their place.");
    for (const auto& each : calls) {
        all.add(each.queued, {{"function", name_of(each)}});
    }
    all.begin(MetricType::Gauge, "gatherd_calls_running", "Such calls that run.");
    for (const auto& each : calls) {
        all.add(each.running, {{"function", name_of(each)}});
    }
    all.begin(MetricType::Counter, "gatherd_calls_queued_seconds_total",
              "How long such calls that have had their place waited for it, together.");
    for (const auto& each : calls) {
        all.add(seconds(each.time_queued), {{"function", name_of(each)}});
    }
    all.begin(MetricType::Histogram, "gatherd_call_run_seconds", "From the begin of such a call to its end.");
    for (const auto& each : calls) {
        all.add_times(each.times_run, {{"function", name_of(each)}});
    }
    all.begin(MetricType::Histogram, "gatherd_call_queue_seconds",
              "How long calls have waited: for a worker, a thread of a pool, or in a line of their function.");
    all.add_times(daemon.state().workers().times_queued(), {{"lane", "workers"}});
    constexpr std::array lanes{std::pair{plan::call_lane::compute, "compute"},
                               std::pair{plan::call_lane::blocking, "blocking"},
                               std::pair{plan::call_lane::own, "own"}};
    for (const auto& [lane, name] : lanes) {
        all.add_times(daemon.state().calls()->times_queued(lane), {{"lane", name}});
    }
}

void add_pools(family_list& all, const std::vector<pools::pool::state>& pools) {
    all.begin(MetricType::Gauge, "gatherd_pool_processes", "Processes of pools, by what they do.");
    for (const auto& each : pools) {
        all.add(each.processes.starting, {{"pool", each.name}, {"state", "starting"}});
        all.add(each.processes.serving, {{"pool", each.name}, {"state", "serving"}});
        all.add(each.processes.ending, {{"pool", each.name}, {"state", "ending"}});
    }
    all.begin(MetricType::Counter, "gatherd_pool_restarts_total",
              "Processes of pools started in place of one that had failed, or whose time had come.");
    for (const auto& each : pools) {
        all.add(each.followed_failed, {{"pool", each.name}, {"reason", "failed"}});
        all.add(each.followed_replaced, {{"pool", each.name}, {"reason", "replaced"}});
    }
}

void add_threads(family_list& all, const executor::scheduler& threads) {
    struct number {
        const char* name;
        const char* help;
        std::uint64_t executor::worker_counters::*of;
    };
    constexpr std::array numbers{
        number{"gatherd_thread_runs_total", "Pieces of work run by a thread.", &executor::worker_counters::run},
        number{"gatherd_thread_steals_total", "Pieces of work taken from another thread.",
               &executor::worker_counters::stolen},
        number{"gatherd_thread_parks_total", "Times that a thread went to sleep.", &executor::worker_counters::parks},
    };
    const auto counts = threads.counters();
    for (const auto& each : numbers) {
        all.begin(MetricType::Counter, each.name, each.help);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            all.add(counts[i].*each.of, {{"thread", std::to_string(i)}});
        }
    }
}

/// When the process was started, in seconds of Unix time.
double start_time(server::service& daemon) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>{now}.count() - seconds(daemon.state().uptime());
}

/// The metrics that every client of Prometheus gives under these names.
void add_process(family_list& all, server::service& daemon) {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    all.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", static_cast<double>(size * page));
    all.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", static_cast<double>(resident * page));
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto cpu = [](const timeval& time) {
        constexpr double microseconds = 1e6;
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / microseconds;
    };
    all.begin(MetricType::Counter, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
    all.add(cpu(used.ru_utime) + cpu(used.ru_stime));
    std::error_code failed;
    std::size_t open = 0;
    for (std::filesystem::directory_iterator each{"/proc/self/fd", failed}, end; !failed && each != end;
         each.increment(failed)) {
        ++open;
    }
    all.gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(open));
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    all.gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(files.rlim_cur));
    all.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
              start_time(daemon));
}

}  // namespace

std::string metrics_text(server::service& daemon, const std::vector<pools::pool::state>& pools) {
    family_list all;
    all.begin(MetricType::Gauge, "gatherd_build_info", "1, with the version of the daemon.");
    all.add(1, {{"version", daemon.state().version()}});
    all.gauge("gatherd_draining", "1 while the daemon stops.", daemon.state().is_draining() ? 1 : 0);
    add_requests(all, daemon);
    add_programs(all, daemon);
    add_connections(all, daemon);
    add_calls(all, daemon);
    add_pools(all, pools);
    add_threads(all, daemon.state().runs_on());
    all.gauge("gatherd_memory_allocated_bytes", "What the process has allocated and limits.memory_bytes bounds.",
              static_cast<double>(executor::allocated_memory::exact_bytes()));
    all.gauge("gatherd_memory_limit_bytes", "limits.memory_bytes.",
              static_cast<double>(daemon.state().bounds().memory_bytes));
    add_process(all, daemon);
    return all.text();
}

}  // namespace gatherd::api::admin
