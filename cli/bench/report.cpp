#include "cli/bench/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/bench/printf_text.hpp"

namespace gatherd::cli::bench {

namespace {

using json = nlohmann::ordered_json;

constexpr std::array<std::pair<const char*, double>, 6> quantiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}}};

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

double rate(std::uint64_t count, std::chrono::nanoseconds time) {
    return time.count() == 0 ? 0 : static_cast<double>(count) / seconds(time);
}

/// "1 234 567": digits in threes.
std::string grouped(double number) {
    auto digits = printf_text("%.0f", number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), " ");
    }
    return digits;
}

std::string bytes_text(std::uint64_t bytes) {
    return printf_text("%.1f MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

std::string line(const char* name, const std::string& what) {
    return printf_text("  %-12s ", name) + what + "\n";
}

std::string latency_text(const histogram& of) {
    std::string text;
    for (const auto& [name, part] : quantiles) {
        text += std::string{text.empty() ? "" : "   "} + name + " " + time_text(of.quantile(part));
    }
    return text;
}

json latency_json(const histogram& of) {
    json made{{"count", of.count()}, {"mean", seconds(of.mean())}};
    for (const auto& [name, part] : quantiles) {
        made[name] = seconds(of.quantile(part));
    }
    return made;
}

double cpu_cores(const server_record& of, std::chrono::nanoseconds measured) {
    return measured.count() == 0 ? 0 : seconds(of.ended.cpu - of.begun.cpu) / seconds(measured);
}

std::int64_t bytes_each(std::uint64_t before, std::uint64_t after, std::size_t connections) {
    return (static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before)) /
           static_cast<std::int64_t>(connections);
}

json usage_json(const usage& of) {
    return {{"cpu", seconds(of.cpu)}, {"resident", of.resident_bytes}, {"private", of.private_bytes}};
}

json server_json(const server_record& of, std::chrono::nanoseconds measured, std::size_t connections) {
    return {
        {"processes", of.processes},
        {"cpu", seconds(of.ended.cpu - of.begun.cpu)},
        {"cores", cpu_cores(of, measured)},
        {"cpu_whole_run", seconds(of.finished.cpu - of.connected.cpu)},
        {"peak_resident", of.peak_resident_bytes},
        {"peak_private", of.peak_private_bytes},
        {"private_each_idle_connection", bytes_each(of.before.private_bytes, of.connected.private_bytes, connections)},
        {"private_each_used_connection", bytes_each(of.before.private_bytes, of.finished.private_bytes, connections)},
        {"before", usage_json(of.before)},
        {"connected", usage_json(of.connected)},
        {"finished", usage_json(of.finished)}};
}

json failures_json(const tally& of) {
    json codes = json::object();
    for (const auto& each : of.errors) {
        if (each.times != 0) {
            codes[std::to_string(each.code)] = each.times;
        }
    }
    return {{"errors", std::move(codes)},  {"wrong", of.wrong},   {"unasked", of.unasked},
            {"unanswered", of.unanswered}, {"unsent", of.unsent}, {"lost_connections", of.lost_connections},
            {"first", of.complaint.data()}};
}

std::string failures_text(const tally& of) {
    std::string text;
    const auto add = [&text](std::uint64_t times, const std::string& what) {
        if (times != 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(times) + " " + what;
        }
    };
    for (const auto& each : of.errors) {
        add(each.times, "errors " + std::to_string(each.code));
    }
    add(of.wrong, "wrong results");
    add(of.unasked, "answers that nobody asked for");
    add(of.unanswered, "unanswered");
    add(of.unsent, "due but never sent");
    add(of.lost_connections, "connections lost");
    return text.empty() ? "none; every answer was right" : text;
}

std::string loop_text(const load_options& options) {
    auto text = std::to_string(options.connections) + " connections, " + std::to_string(options.pipeline) +
                " requests each at a time";
    if (options.rate) {
        text += ", open loop of " + grouped(*options.rate) + " requests/s";
    }
    if (options.processes > 1) {
        text += ", " + std::to_string(options.processes) + " processes";
    }
    return text;
}

}  // namespace

std::string time_text(std::chrono::nanoseconds time) {
    auto value = static_cast<double>(time.count());
    const char* unit = "ns";
    for (const char* larger : {"us", "ms", "s"}) {
        if (value < 999.5) {
            break;
        }
        value /= 1000;
        unit = larger;
    }
    return printf_text(value >= 99.95 ? "%.0f %s" : value >= 9.995 ? "%.1f %s" : "%.2f %s", value, unit);
}

std::string report_text(const report_title& title, const load_options& options, const load_outcome& outcome) {
    const tally& counted = outcome.counted;
    std::string text = title.workload + " at " + title.server + "\n" + line("load", loop_text(options));
    text += line("measured",
                 printf_text("%.2f s after %.2f s", seconds(outcome.measured), seconds(options.times.measured_from())) +
                     (outcome.interrupted ? "; interrupted" : ""));
    text += line("tasks/s", grouped(rate(counted.tasks, outcome.measured)));
    text += line("batches/s", grouped(rate(counted.requests, outcome.measured)));
    text += line("latency", latency_text(counted.latency));
    if (options.rate) {
        text += line("sent late by", latency_text(counted.lateness));
    }
    text += line("failures", failures_text(counted));
    if (counted.complaint[0] != '\0') {
        text += line("the first", counted.complaint.data());
    }
    if (outcome.server) {
        const auto& server = *outcome.server;
        text += line("server", printf_text("%.2f cores, ", cpu_cores(server, outcome.measured)) + "at most " +
                                   bytes_text(server.peak_resident_bytes) + ", of which " +
                                   bytes_text(server.peak_private_bytes) + " its own");
        text += line("", grouped(static_cast<double>(bytes_each(server.before.private_bytes,
                                                                server.connected.private_bytes, options.connections))) +
                             " bytes an idle connection");
    }
    return text;
}

std::string report_json(const report_title& title, const load_options& options, const load_outcome& outcome) {
    const tally& counted = outcome.counted;
    json series = json::array();
    const auto& counts = counted.tasks_by_time.counts();
    const auto end = std::find_if(counts.rbegin(), counts.rend(), [](auto each) { return each != 0; }).base();
    for (auto each = counts.begin(); each != end; ++each) {
        series.push_back(rate(*each, counted.tasks_by_time.interval()));
    }
    json made{{"workload", title.workload},
              {"server_address", title.server},
              {"processes", options.processes},
              {"connections", options.connections},
              {"pipeline", options.pipeline},
              {"rate", options.rate ? json(*options.rate) : json(nullptr)},
              {"measured", seconds(outcome.measured)},
              {"until_last_answer", seconds(counted.last_answer)},
              {"interrupted", outcome.interrupted},
              {"tasks", counted.tasks},
              {"batches", counted.requests},
              {"tasks_a_second", rate(counted.tasks, outcome.measured)},
              {"batches_a_second", rate(counted.requests, outcome.measured)},
              {"latency", latency_json(counted.latency)},
              {"sent_late_by", options.rate ? latency_json(counted.lateness) : json(nullptr)},
              {"right", counted.right},
              {"failures", failures_json(counted)},
              {"server",
               outcome.server ? server_json(*outcome.server, outcome.measured, options.connections) : json(nullptr)},
              {"over_time",
               {{"interval", seconds(counted.tasks_by_time.interval())}, {"tasks_a_second", std::move(series)}}}};
    return made.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace gatherd::cli::bench
