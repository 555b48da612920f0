/// \file
/// The binary `gatherd`: finds the subcommand, runs it, and turns what goes wrong into a line and an exit status.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "cli/bench/bench_command.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/command_words.hpp"
#include "cli/commands/call.hpp"
#include "cli/commands/functions.hpp"
#include "cli/commands/help_commands.hpp"
#include "cli/commands/ping.hpp"
#include "cli/commands/request_command.hpp"
#include "cli/commands/submit.hpp"
#include "cli/commands/task_commands.hpp"
#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/exec_command.hpp"
#include "cli/jobs/map_command.hpp"
#include "cli/parse_failure.hpp"
#include "cli/serve/check.hpp"
#include "cli/serve/config_commands.hpp"
#include "cli/serve/counting_allocator.hpp"
#include "cli/serve/local_daemon.hpp"
#include "cli/serve/serve_command.hpp"
#include "cli/standard_output.hpp"
#include "cli/top/top_command.hpp"
#include "cli/version.hpp"

namespace {

using namespace gatherd::cli;

constexpr const char* footer =
    R"(Exit status: 0 fine, 1 a task failed, 2 usage or the plan was refused, 3 no connection, 4 timed out,
5 overloaded, over a limit or shutting down, 6 no token or one without the right, 130 cancelled by Ctrl-C.

Examples:
  gatherd serve                      run the daemon on 127.0.0.1:7117
  gatherd call add 1 2               call one function
  gatherd submit batch.json          run a batch of tasks
  gatherd bench --batch 1000         measure a daemon under load
  gatherd top                        watch what a daemon does
  gatherd help submit                what else a subcommand can do
Options that name the daemon may also stand before the subcommand: gatherd --connect unix:/run/g.sock call noop)";

/// Says each line of a message that may have several, one fault a line.
void say_lines(const std::string& text) {
    for (std::size_t from = 0; from < text.size();) {
        const auto end = std::min(text.find('\n', from), text.size());
        say(text.substr(from, end - from));
        from = end + 1;
    }
}

int run(std::vector<std::string> words) {
    CLI::App app{"asyncio.gather as a service", "gatherd"};
    app.set_version_flag("-V,--version", "gatherd " + std::string{version()});
    app.footer(footer);
    app.require_subcommand(0, 1);
    command chosen;
    add_serve(app, chosen);
    add_submit(app, chosen);
    add_run(app, chosen);
    add_call(app, chosen);
    jobs::add_map(app, chosen);
    jobs::add_exec(app, chosen);
    add_task_commands(app, chosen);
    add_request(app, chosen);
    add_functions(app, chosen);
    add_ping(app, chosen);
    add_top(app, chosen);
    bench::add_bench(app, chosen);
    add_config_commands(app, chosen, check_start);
    add_help_commands(app, chosen);
    move_global_options(words, connect_option::globals());
    rewrite_help(words, app);
    jobs::mark_command(words, app);
    try {
        shield_words(words);
        std::ranges::reverse(words);  // the parser takes them from the back
        app.parse(std::move(words));
    } catch (const CLI::ParseError& failure) {
        if (dynamic_cast<const CLI::CallForHelp*>(&failure) != nullptr) {
            return write_out(fitted_help(app.help()));
        }
        if (failure.get_exit_code() == 0) {  // --version
            return app.exit(failure);
        }
        const auto text = parse_failure_text(app, failure);
        if (app.got_subcommand("exec")) {
            throw refusal_error{text, jobs::exec_usage_status};
        }
        throw usage_error{text};
    }
    if (!chosen) {
        throw usage_error{"which subcommand? see gatherd --help"};
    }
    return chosen();
}

/// A standard stream that is closed stays one that cannot be used, and is not what is opened next.
void keep_standard_descriptors() {
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(each, F_GETFD) == -1) {
            static_cast<void>(
                open("/dev/null", each == STDIN_FILENO ? O_WRONLY : O_RDONLY));  // the lowest that is free
        }
    }
}

/// The exit status.
int run_and_report(int count, char** words) {
    try {
        return run({words + std::min(count, 1), words + count});
    } catch (const usage_error& wrong) {
        say_lines(wrong.what());
        return exit_status::usage;
    } catch (const connection_error& lost) {
        say_lines(lost.what());
        return exit_status::no_connection;
    } catch (const refusal_error& refused) {
        say_lines(refused.what());
        return refused.exit_status;
    } catch (const timeout_error& late) {
        say_lines(late.what());
        return exit_status::timed_out;
    } catch (const std::exception& failure) {
        say_lines(failure.what());
        return exit_status::task_failed;
    }
}

}  // namespace

int main(int count, char** words) {
    keep_standard_descriptors();
    gatherd::cli::begin_counting_memory();
    // A reader that goes away is an error of the write, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    const int status = run_and_report(count, words);
    if (local_daemon::is_left_behind()) {
        std::fflush(stdout);
        std::_Exit(status);
    }
    return status;
}
