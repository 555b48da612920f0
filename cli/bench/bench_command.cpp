#include "cli/bench/bench_command.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "cli/bench/load_run.hpp"
#include "cli/bench/report.hpp"
#include "cli/bench/workload.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/input_file.hpp"
#include "cli/client/program_run.hpp"
#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/standard_output.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli::bench {

namespace {

/// The command line as it was given.
struct bench_arguments {
    connect_option connect;
    std::string mix = "noop";
    std::string plan;
    std::size_t batch = 1;
    bool map = false;
    std::size_t connections = 1;
    std::size_t pipeline = 1;
    std::size_t processes = 1;
    double rate = 0;
    std::uint64_t requests = 0;
    std::string ramp = "0s";
    std::string warm_up;  // empty: 1s, and 0s where requests are counted
    std::string duration = "10s";
    std::string patience = "10s";
    bool any_result = false;
    bool json = false;
    std::string plot;
};

constexpr const char* footer =
    R"(Without --rate the loop is closed: each connection sends a request when an answer has come, and shows what the
server can do. With --rate it is open: request n is due at a time that nothing the server does can move, and its latency
counts from then, so that a server that stalls is seen to stall. A request that is due while its connection already has
--pipeline requests under way is sent late, and pays for it.

Every answer is checked: its id, and its result, which for noop, echo, add of integers and sleep is known, and for
others must be what the first such request gave; --any-result compares no results. Only right answers are counted.
CPU and memory of the server are told where it runs on this machine: its processes are those that hold the socket
which listens at that address. They need the same user, or root.
Exit status: 0 every answer was right, 1 some were not, 2 usage, 3 no connection, 130 interrupted by Ctrl-C.

Examples:
  gatherd bench --batch 1000 --connections 8 --pipeline 2
  gatherd bench --rate 50000 --connections 64 --pipeline 16 --duration 30s --plot latency.svg
  gatherd bench --mix 'noop=8,hash.sha256["x"]=2' --batch 100 --processes 2 --json
  gatherd bench --plan batch.json --requests 5)";

[[noreturn]] void refuse(const std::string& option, const std::string& why) {
    throw usage_error{option + ": " + why};
}

std::chrono::milliseconds time_of(const char* option, const std::string& text) {
    const auto time = config::parse_duration(text);
    if (!time) {
        refuse(option, "'" + text + "' is no time: write seconds, or \"250ms\", \"1.5s\", \"2m\"");
    }
    return *time;
}

load_options options_of(const bench_arguments& given) {
    load_options made{.processes = given.processes,
                      .connections = given.connections,
                      .pipeline = given.pipeline,
                      .rate = std::nullopt,
                      .times = {.ramp = time_of("--ramp", given.ramp),
                                .warm_up = time_of("--warm-up", !given.warm_up.empty() ? given.warm_up
                                                                : given.requests > 0   ? "0s"
                                                                                       : "1s"),
                                .duration = time_of("--duration", given.duration)},
                      .requests = std::nullopt,
                      .patience = time_of("--patience", given.patience),
                      .any_result = given.any_result};
    if (made.times.duration.count() == 0) {
        refuse("--duration", "is 0: nothing would be measured");
    }
    if (given.processes > given.connections) {
        refuse("--processes", "there must be a connection for each");
    }
    if (given.rate > 0) {
        made.rate = given.rate;
    }
    if (given.requests > 0) {
        made.requests = given.requests;
        made.times.duration = std::max<std::chrono::nanoseconds>(made.times.duration, std::chrono::hours{1});
    }
    return made;
}

/// The run on a terminal's last line, and nothing where there is no terminal.
class live_line {
public:
    explicit live_line(const phases& times, bool counts_requests) : times_{times}, has_end_{!counts_requests} {}
    ~live_line() { write(""); }
    live_line(const live_line&) = delete;
    live_line& operator=(const live_line&) = delete;

    void update(const load_progress& now) {
        constexpr std::chrono::milliseconds pause{200};
        if (!shown_ || now.elapsed - last_.elapsed < pause) {
            return;
        }
        const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
        const double rate = static_cast<double>(now.tasks - last_.tasks) / seconds(now.elapsed - last_.elapsed);
        last_ = now;
        std::array<char, 160> text{};
        std::snprintf(text.data(), text.size(), "%s  %.1f s%s  %.0f tasks/s  %llu failures",
                      now.elapsed < times_.ramp              ? "ramp"
                      : now.elapsed < times_.measured_from() ? "warm-up"
                                                             : "measuring",
                      seconds(now.elapsed), has_end_ ? (" of " + config::duration_text(in_milliseconds())).c_str() : "",
                      rate, static_cast<unsigned long long>(now.failures));
        write(text.data());
    }

private:
    [[nodiscard]] std::chrono::milliseconds in_milliseconds() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(times_.end());
    }
    void write(const char* text) {
        if (shown_) {
            std::fprintf(stderr, "\r\x1b[K%s", text);
        }
    }

    phases times_;
    bool has_end_;
    bool shown_ = has_terminal();
    load_progress last_{};
};

std::string workload_text(const bench_arguments& given) {
    if (!given.plan.empty()) {
        return given.plan;
    }
    return (given.map ? "map of " : "gather of ") + std::to_string(given.batch) + ": " + given.mix;
}

void write_plot(const std::string& file, const std::string& picture) {
    std::ofstream to{file, std::ios::binary};
    if (!(to << picture).flush()) {
        throw std::runtime_error{file + ": cannot be written: " + std::strerror(errno)};
    }
}

int bench(const bench_arguments& given) {
    const auto options = options_of(given);
    const auto shapes = given.plan.empty() ? mixed_workload(parse_mix(given.mix), given.batch,
                                                            given.map ? batch_form::map : batch_form::gather)
                                           : plan_workload(read_input(given.plan), given.plan);
    const auto server = given.connect.server();
    if (server.tls || server.is == config::address::kind::systemd) {
        throw usage_error{"--connect: the load tester speaks no TLS; name host:port or unix:/path"};
    }
    const auto outcome = [&] {
        live_line line{options.times, options.requests.has_value()};
        return run_load(server, options, shapes, [&line](const load_progress& now) { line.update(now); });
    }();
    const report_title title{.server = config::to_text(server), .workload = workload_text(given)};
    if (!given.plot.empty()) {
        write_plot(given.plot, report_plot(title, options, outcome));
    }
    const int written =
        write_out(given.json ? report_json(title, options, outcome) : report_text(title, options, outcome));
    if (outcome.interrupted) {
        return exit_status::cancelled_by_key;
    }
    return outcome.counted.failures() != 0 || outcome.counted.right == 0 ? exit_status::task_failed : written;
}

void add_options(CLI::App& app, bench_arguments& into) {
    into.connect.add_to(app);
    const auto count = [&app](const char* name, auto& to, double least, double most, const std::string& what) {
        app.add_option(name, to, what)->check(CLI::Range(least, most))->type_name("N");
    };
    const auto text = [&app](const char* name, std::string& to, const char* type, const std::string& what) {
        return app.add_option(name, to, what)->type_name(type);
    };
    auto* const mix =
        text("--mix", into.mix, "MIX",
             "functions to call, as noop or add[1,2]=3,echo[\"x\"]: arguments in brackets, and the weight "
             "of each (default noop)");
    text("--plan", into.plan, "FILE", "send what is in this file, as submit takes it; - is standard input")
        ->excludes(mix);
    count("--batch", into.batch, 1, 10'000'000, "tasks in a request (default 1)");
    app.add_flag("--map", into.map, "ask by map instead of gather");
    count("--connections", into.connections, 1, 1'000'000, "connections of all processes together (default 1)");
    count("--pipeline", into.pipeline, 1, 1'000'000, "requests of a connection at a time (default 1)");
    count("--processes", into.processes, 1, 1024, "processes that share the load (default 1)");
    count("--rate", into.rate, 0.001, 1e9, "open loop: so many requests a second in all");
    count("--requests", into.requests, 1, 1e15, "end after so many requests instead of a time");
    text("--ramp", into.ramp, "TIME", "first raise the rate, or the connections in use, evenly (default 0s)");
    text("--warm-up", into.warm_up, "TIME", "then run so long without measuring (default 1s, with --requests 0s)");
    text("--duration", into.duration, "TIME", "measure for so long (default 10s)");
    text("--patience", into.patience, "TIME",
         "after the end, how long to wait for the next answer that is owed (default 10s)");
    app.add_flag("--any-result", into.any_result, "results may differ: check ids and errors only");
    app.add_flag("--json", into.json, "print the report as JSON");
    text("--plot", into.plot, "FILE", "write an SVG picture: latency by quantile, and throughput over time");
}

}  // namespace

void add_bench(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("bench", "measure a daemon under load");
    const auto given = std::make_shared<bench_arguments>();
    add_options(*app, *given);
    app->footer(footer);
    app->callback([=, &chosen] { chosen = [given] { return bench(*given); }; });
}

}  // namespace gatherd::cli::bench
