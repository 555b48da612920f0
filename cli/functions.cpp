#include "cli/functions.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/client.hpp"
#include "cli/connect_option.hpp"
#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "cli/function_table.hpp"
#include "cli/standard_output.hpp"

namespace gatherd::cli {

namespace {

int functions(const destination& server, bool as_json) {
    client daemon{server};
    const auto answer = daemon.ask({.method = "functions"}, {.patience = std::chrono::seconds{10}});
    if (answer.how == reply::end::silence) {
        throw connection_error{"no answer from " + config::to_text(server) + " within 10 s"};
    }
    if (answer.how == reply::end::error) {
        const auto report = report_failure(answer.error);
        say(report.text);
        return report.exit_status;
    }
    return write_out(as_json ? answer.result + "\n" : function_table(api::value::parse(answer.result)));
}

}  // namespace

void add_functions(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("functions", "list the functions that plans may call");
    const auto connect = std::make_shared<connect_option>();
    const auto as_json = std::make_shared<bool>(false);
    connect->add_to(*app);
    app->add_flag("--json", *as_json, "print the daemon's list as JSON");
    app->footer(
        R"(Lane async runs on a worker and may wait, compute may take much CPU, blocking blocks a thread of its own.

Examples:
  gatherd functions
  gatherd functions --json | jq -r '.[].name')");
    app->callback([=, &chosen] { chosen = [=] { return functions(connect->server(), *as_json); }; });
}

}  // namespace gatherd::cli
