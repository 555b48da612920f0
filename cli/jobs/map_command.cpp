#include "cli/jobs/map_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/client/call_arguments.hpp"
#include "cli/client/client.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/request_options.hpp"
#include "cli/command_words.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/map_run.hpp"

namespace gatherd::cli::jobs {

namespace {

struct map_arguments {
    std::string function;
    std::vector<std::string> leading;
    bool has_json = false;
    bool has_tsv = false;
    bool ends_by_nul = false;
    bool is_unordered = false;
    std::string errors = "null";
    std::string timeout;
    std::string grace;
    std::string halt = "never";
    connect_option connect;
    map_options run{.jobs = 256};
};

/// How long all tries of a call may take until its answer comes. No time that a clock cannot count.
std::chrono::milliseconds patience_of(std::chrono::milliseconds timeout, std::uint64_t tries,
                                      std::chrono::milliseconds grace) {
    constexpr std::chrono::milliseconds longest = std::chrono::hours{24 * 365};
    const auto count = static_cast<std::int64_t>(tries);
    const auto bounded = [most = longest / count](std::chrono::milliseconds time) {
        return std::clamp<std::chrono::milliseconds>(time, std::chrono::milliseconds{0}, most);
    };
    return (bounded(timeout) + bounded(grace)) * count;
}

int map(map_arguments arguments) {
    auto& run = arguments.run;
    check_all({[&] { arguments.connect.check(); }, [&] { run.halt = halt_rule{arguments.halt}; },
               [&] { static_cast<void>(run.log.how()); },
               [&] {
                   if (!arguments.timeout.empty()) {
                       run.timeout = seconds_json("--timeout", arguments.timeout);
                       run.patience = patience_of(time_of("--timeout", arguments.timeout), run.tries,
                                                  time_of("--grace", arguments.grace));
                   }
               }});
    run.function = unshielded(arguments.function);
    static_cast<void>(text_json(run.function));
    for (const auto& each : arguments.leading) {
        run.leading += (run.leading.empty() ? "" : ",") + argument_json(unshielded(each));
    }
    run.lines = arguments.has_json  ? map_options::form::json
                : arguments.has_tsv ? map_options::form::tsv
                                    : map_options::form::text;
    run.separator = arguments.ends_by_nul ? '\0' : '\n';
    run.is_ordered = !arguments.is_unordered;
    run.shows_errors = arguments.errors == "json";
    client daemon{arguments.connect.server()};
    return run_map(daemon, run);
}

constexpr const char* map_footer =
    R"(Each line of standard input is one text, the last argument of a call; words behind FUNCTION are the first ones, as in call.
Results go to standard output, one a line as JSON, in the order of the lines. Input is a stream: lines are called with as they
come, and no more of them are read than may run.
A line that fails gives null, a line on standard error, and exit status 1 at the end.
--halt WHEN,WHAT=N stops before the end: WHEN is soon (what runs may end) or now (it is cancelled), WHAT is fail, success or
done, N a number or a percentage of all lines, which counts once the input has ended.
Exit status: 0 all is well, 1 a line failed, others as of submit.

Examples:
  gatherd map hash.sha256 < words.txt
  seq 1000 | gatherd map --local --json add 1
  printf 'a\tb\n' | gatherd map --local --tsv add '">"'
  gatherd map --timeout 5s --retries 3 --joblog done.log --resume http.get < urls.txt)";

}  // namespace

void add_map(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("map", "call a function for each line of standard input");
    const auto arguments = std::make_shared<map_arguments>();
    auto& run = arguments->run;
    app->add_option("FUNCTION", arguments->function, "its name, as `gatherd functions` shows it")
        ->required()
        ->type_name("");
    app->add_option("ARGS", arguments->leading, "first arguments of every call")->type_name("");
    auto* const json =
        app->add_flag("--json", arguments->has_json,
                      "a line is JSON: an array is all arguments, an object those by name, others are one");
    app->add_flag("--tsv", arguments->has_tsv, "a line is texts with tabs between, an argument each")->excludes(json);
    app->add_flag("-0,--null", arguments->ends_by_nul, "lines end with a NUL, those that are written, too");
    app->add_option("-j,--jobs", run.jobs, "how many calls run at a time (default 256)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 100'000));
    app->add_flag("--unordered", arguments->is_unordered, "results as they come");
    app->add_flag("--raw", run.is_raw, "a text without its quotes");
    app->add_option("--errors", arguments->errors,
                    "in place of a result that failed: null (default) or its ERROR as json")
        ->check(CLI::IsMember({"null", "json"}))
        ->type_name("null|json");
    app->add_option("--timeout", arguments->timeout, "of a call, or of each try: seconds, or as 250ms, 1.5s, 1m30s")
        ->type_name("TIME");
    add_grace_option(*app, arguments->grace);
    app->add_option("--retries", run.tries, "how often a line is tried in all (default 1)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1'000'000));
    app->add_option("--halt", arguments->halt,
                    "when to stop before the end: never (default), now,fail=1, soon,fail=5% ...")
        ->type_name("WHEN");
    app->add_flag("--bar", run.shows_bar, "show how far it is, how fast, and when it will be done");
    app->add_option("--joblog", run.log.file, "write a line for each call that has ended, in GNU parallel's columns")
        ->type_name("FILE");
    app->add_flag("--resume", run.log.resumes, "leave out lines that are in the job log");
    app->add_flag("--resume-failed", run.log.resumes_failed, "the same, but try those that failed again");
    arguments->connect.add_with_local_to(*app);
    app->footer(map_footer);
    app->callback([=, &chosen] { chosen = [arguments] { return map(*arguments); }; });
}

}  // namespace gatherd::cli::jobs
