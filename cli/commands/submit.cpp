#include "cli/commands/submit.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/client/batch_file.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/input_file.hpp"
#include "cli/client/program_run.hpp"
#include "cli/client/request_options.hpp"
#include "cli/command_words.hpp"
#include "cli/exit_status.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

struct submit_arguments {
    std::vector<std::string> plans;
    connect_option connect;
    request_options request;
    show_options show;
    bool return_exceptions = false;
    bool no_progress = false;
    bool streams = false;
    bool partial = false;
    std::uint64_t jobs = 0;
};

/// Of several plans the first that did not go well decides.
int submit(const submit_arguments& arguments) {
    check_all({[&] { arguments.connect.check(); }, [&] { arguments.request.check(); }});
    const auto server = arguments.connect.server();
    const submit_options added{.members = arguments.request.members(),
                               .return_exceptions = arguments.return_exceptions,
                               .progress = (has_terminal() && !arguments.no_progress) || arguments.partial,
                               .jobs = arguments.jobs == 0 ? std::nullopt : std::optional{arguments.jobs},
                               .streams = arguments.streams || arguments.partial};
    std::vector<submission> all;
    for (const auto& each : arguments.plans) {
        const auto [text, name] = read_plan_input(unshielded(each));
        all.push_back(read_batch(text, name, added));
    }
    int first_fault = exit_status::fine;
    for (const auto& made : all) {
        auto show = arguments.show;
        show.progress = has_terminal() && !arguments.no_progress;
        show.streams = made.streams;
        show.partial = arguments.partial;
        show.lists_errors = made.lists_errors;
        show.fail_on_error = show.fail_on_error && made.lists_errors;
        const int status = run_program(server, made.what, show, arguments.request.patience(made.timeout));
        first_fault = first_fault == exit_status::fine ? status : first_fault;
        if (status == exit_status::cancelled_by_key || status == exit_status::cancelled_by_term) {
            return status;
        }
    }
    return first_fault;
}

constexpr const char* plan_help = R"(PLAN, or the file, holds one of
  a plan                    {"call": "sleep", "args": [0.1, "done"]}
  an array of plans         [{"call": "add", "args": [1, 2]}, {"value": 3}]; they are gathered
  a batch with its options  {"tasks": [...], "return_exceptions": true, "limit": 10}
  a map                     {"call": "add", "over": [[1, 2], [3, 4]]}
  a plan a line             they are gathered
Several files are submitted one after the other; the first that fails decides the exit status, and the others still run.
--stream prints a line for each task of a batch when it ends, {"index": 0, "value": ...} or {"index": 0, "error": ...}.
--partial prints, on a timeout or Ctrl-C, the list with what has ended, and {"pending": true} for the rest.
The result goes to standard output as JSON; what tasks print, the progress bar and errors go to standard error.
Ctrl-C cancels the request and waits for its end; a second Ctrl-C leaves at once.
Exit status: 0 fine, 1 a task failed, 2 usage or the plan was refused, 3 no connection, 4 timed out,
5 overloaded, over a limit or shutting down, 130 cancelled by Ctrl-C. With return_exceptions failures are part of
the result and the status is 0; --fail-on-error makes it 1.

Examples:
  gatherd submit batch.json
  gatherd submit --timeout 2s --return-exceptions batch.json > results.json
  echo '[{"call": "sleep", "args": [0.2, "a"]}, {"call": "sleep", "args": [0.1, "b"]}]' | gatherd submit -)";

constexpr const char* run_footer =
    R"(PLAN is what `submit` takes. The plan runs in this process and ends with it, as a program of Python does; no daemon is
needed. Limits and threads are those of `serve`, by the environment (GATHERD_THREADS=1) or the file that GATHERD_CONFIG names.
Exit status: as of submit.

Examples:
  gatherd run plan.json
  gatherd run '{"gather": [{"call": "sleep", "args": [0.2, "a"]}, {"call": "sleep", "args": [0.1, "b"]}]}')";

/// The options that both ways of running a plan have.
std::shared_ptr<submit_arguments> add_plan_options(CLI::App& app) {
    const auto arguments = std::make_shared<submit_arguments>();
    app.add_option("PLAN", arguments->plans, "JSON files, - for standard input, or the plan itself")
        ->required()
        ->type_name("");
    arguments->request.add_to(app);
    app.add_flag("--return-exceptions", arguments->return_exceptions,
                 "a failing task does not end the batch: each result is {\"value\": ...} or {\"error\": ...}");
    app.add_flag("--fail-on-error", arguments->show.fail_on_error,
                 "with return_exceptions: exit status 1 if a task failed");
    app.add_option("-j,--jobs", arguments->jobs, "of a batch: how many of its tasks run at a time")
        ->type_name("NUMBER")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53));
    auto* const streams = app.add_flag("--stream", arguments->streams, "of a batch: print each result when it comes");
    app.add_flag("--partial", arguments->partial, "of a batch: when it is cut off, print what there is")
        ->excludes(streams);
    app.add_flag("--no-progress", arguments->no_progress, "no progress bar, even on a terminal");
    arguments->show.add_to(app);
    return arguments;
}

}  // namespace

void add_submit(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("submit", "run a plan or a batch of tasks and print the results");
    const auto arguments = add_plan_options(*app);
    arguments->connect.add_with_local_to(*app);
    app->footer(plan_help);
    app->callback([=, &chosen] { chosen = [arguments] { return submit(*arguments); }; });
}

void add_run(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("run", "run a plan in this process, without a daemon");
    const auto arguments = add_plan_options(*app);
    arguments->connect.add_local_to(*app);
    app->footer(run_footer);
    app->callback([=, &chosen] { chosen = [arguments] { return submit(*arguments); }; });
}

}  // namespace gatherd::cli
