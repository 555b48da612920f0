#include "cli/commands/functions.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/client/client.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/commands/function_table.hpp"
#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "cli/standard_output.hpp"
#include "config/nearest_name.hpp"

namespace gatherd::cli {

namespace {

/// A name a line, for completion.
std::string names_of(const api::value& functions) {
    std::string lines;
    for (const auto& each : functions) {
        lines += each.value("name", "") + "\n";
    }
    return lines;
}

int functions(const destination& server, const std::string& name, bool as_json, bool names_only) {
    client daemon{server};
    const auto answer =
        daemon.ask({.method = "functions"}, {.until = std::chrono::steady_clock::now() + std::chrono::seconds{10}});
    if (answer.how == reply::end::silence) {
        throw connection_error{"no answer from " + server.name() + " within 10 s"};
    }
    if (answer.how == reply::end::error) {
        const auto report = report_failure(answer.error);
        say(report.text);
        return report.exit_status;
    }
    if (names_only) {
        return write_out(names_of(api::value::parse(answer.result)));
    }
    if (name.empty() && as_json) {
        return write_out(answer.result + "\n");
    }
    const auto list = api::value::parse(answer.result);
    if (name.empty()) {
        return write_out(function_table(list));
    }
    const auto page = function_page(list, name);
    if (page.empty()) {
        std::vector<std::string> names;
        for (const auto& each : list) {
            names.push_back(each.value("name", ""));
        }
        const auto near = config::nearest_name(name, names);
        throw usage_error{"no function is named '" + name + "'" +
                          (near.empty() ? std::string{} : "; did you mean " + std::string{near} + "?")};
    }
    const auto found = std::ranges::find_if(list, [&name](const auto& each) { return each["name"] == name; });
    return write_out(as_json ? found->dump() + "\n" : page);
}

}  // namespace

void add_functions(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("functions", "list the functions that plans may call");
    const auto connect = std::make_shared<connect_option>();
    const auto as_json = std::make_shared<bool>(false);
    const auto name = std::make_shared<std::string>();
    const auto names_only = std::make_shared<bool>(false);
    connect->add_with_local_to(*app);
    app->add_option("NAME", *name, "show this one alone, with its parameters, errors and an example");
    app->add_flag("--json", *as_json, "print the daemon's list as JSON");
    app->add_flag("--names", *names_only, "print their names only, one a line");
    app->footer(
        R"(Lane async runs on a worker and may wait, compute may take much CPU, blocking blocks a thread of its own.

Examples:
  gatherd functions
  gatherd functions sleep
  gatherd functions --json | jq -r '.[].name')");
    app->callback(
        [=, &chosen] { chosen = [=] { return functions(connect->server(), *name, *as_json, *names_only); }; });
}

}  // namespace gatherd::cli
