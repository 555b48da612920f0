#include "cli/commands/ping.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>

#include "cli/client/client.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/request_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "cli/standard_output.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli {

namespace {

int ping(destination server, const std::string& timeout) {
    const auto patience = time_of("--timeout", timeout);
    if (patience.count() == 0) {
        throw usage_error{"--timeout: 0 is no time to wait: write seconds, or \"250ms\", \"1.5s\", \"2m\""};
    }
    server.connect_timeout = patience;
    client daemon{server};
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = daemon.ask({.method = "ping"}, {.until = begun + patience});
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    if (answer.how == reply::end::silence) {
        throw connection_error{"no answer from " + server.name() + " within " + config::duration_text(patience)};
    }
    if (answer.how == reply::end::error) {
        const auto report = report_failure(answer.error);
        say(report.text);
        return report.exit_status;
    }
    std::array<char, 64> line{};
    std::snprintf(line.data(), line.size(), "pong in %.1f ms\n", took.count());
    return write_out(line.data());
}

}  // namespace

void add_ping(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("ping", "ask the daemon whether it is there; for health checks");
    const auto connect = std::make_shared<connect_option>();
    const auto timeout = std::make_shared<std::string>("2s");
    connect->add_to(*app);
    app->add_option("--timeout", *timeout, "how long to wait for the connection and for the answer (default 2s)")
        ->type_name("TIME");
    app->footer(R"(Exit status: 0 it answered, 3 it did not.

Examples:
  gatherd ping
  gatherd ping --connect [::1]:7117 --timeout 500ms)");
    app->callback([=, &chosen] { chosen = [=] { return ping(connect->server(), *timeout); }; });
}

}  // namespace gatherd::cli
