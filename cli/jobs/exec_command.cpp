#include "cli/jobs/exec_command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <utility>

#include "cli/client/request_options.hpp"
#include "cli/command_words.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/exec_run.hpp"
#include "gatherd/executor/available_parallelism.hpp"

namespace gatherd::cli::jobs {

namespace {

constexpr std::uint64_t most_jobs = 10'000;

struct exec_arguments {
    std::string jobs = "100%";
    std::vector<std::string> files;
    bool ends_by_nul = false;
    bool by_line = false;
    bool ungrouped = false;
    bool has_shell = false;
    bool is_grouped = false;
    bool has_no_shell = false;
    bool has_no_notice = false;
    std::string delimiter;
    std::uint64_t count = 1;
    std::uint64_t most = 0;  // of -n; 0: not given
    std::string timeout;
    std::string delay;
    std::string halt = "never";
    exec_options run;
};

/// Descriptors below 3 are ours to hand on; a pipe must not get one.
void open_standard_streams() {
    for (int each = STDIN_FILENO; each <= STDERR_FILENO; ++each) {
        if (::fcntl(each, F_GETFD) < 0) {
            static_cast<void>(::open("/dev/null", each == STDIN_FILENO ? O_RDONLY : O_WRONLY));
        }
    }
}

std::string shell_of_user() {
    for (const char* const name : {"PARALLEL_SHELL", "SHELL"}) {
        if (const char* const shell = std::getenv(name); shell != nullptr && *shell != '\0') {
            return shell;
        }
    }
    return "/bin/sh";
}

/// A character, or one of the escapes that xargs knows.
char delimiter_of(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, char>, 5> escapes{
        {{"\\n", '\n'}, {"\\t", '\t'}, {"\\0", '\0'}, {"\\r", '\r'}, {"\\\\", '\\'}}};
    const auto* const found = std::ranges::find(escapes, text, &std::pair<std::string_view, char>::first);
    if (found != escapes.end()) {
        return found->second;
    }
    if (text.size() != 1) {
        throw usage_error{"--delimiter: '" + std::string{text} +
                          "' must be one character, or \\n, \\t, \\r, \\0 or \\\\"};
    }
    return text.front();
}

int exec(exec_arguments arguments, std::vector<std::string> words) {
    auto& run = arguments.run;
    open_standard_streams();
    if (!words.empty() && words.front().size() > 1 && words.front().starts_with('-')) {
        throw usage_error{"unknown option " + words.front() + "; a command that begins with a dash stands behind --"};
    }
    if (!words.empty()) {
        words.front() = unshielded(words.front());
    }
    run.arguments.lists = cut_lists(words);
    for (const auto& each : arguments.files) {
        run.arguments.lists.push_back({.values = {each}, .is_file = true});
    }
    const auto time = [](const char* option, const std::string& text) { return time_of(option, text); };
    check_all({[&] { run.jobs = jobs_of(arguments.jobs, executor::available_parallelism()); },
               [&] { run.halt = halt_rule{arguments.halt}; }, [&] { static_cast<void>(run.log.how()); },
               [&] {
                   if (!arguments.timeout.empty()) {
                       run.timeout = time("--timeout", arguments.timeout);
                   }
               },
               [&] {
                   if (!arguments.delay.empty()) {
                       run.delay = time("--delay", arguments.delay);
                   }
               },
               [&] {
                   if (run.replacement.empty()) {
                       throw usage_error{"-I: the text that stands for the argument is empty"};
                   }
               },
               [&] {
                   if (!arguments.delimiter.empty()) {
                       static_cast<void>(delimiter_of(arguments.delimiter));
                   }
               },
               [&] {
                   if (words.empty() && !arguments.has_shell) {
                       throw usage_error{"COMMAND is missing; with --shell each argument is a command"};
                   }
               },
               [&] {
                   if (arguments.ungrouped && (!run.results.empty() || run.has_tags || run.is_ordered)) {
                       throw usage_error{
                           "--ungroup: output goes past this command, so that -k, --tag and --results cannot be"};
                   }
               }});
    run.command = std::move(words);
    run.shell = arguments.has_shell ? shell_of_user() : "";
    run.arguments.separator = arguments.ends_by_nul         ? '\0'
                              : arguments.delimiter.empty() ? '\n'
                                                            : delimiter_of(arguments.delimiter);
    run.arguments.takes_none = arguments.count == 0;
    run.arguments.count = std::max<std::uint64_t>({arguments.count, arguments.most, 1});
    run.repeats_words = arguments.most == 0;
    run.groups = arguments.ungrouped ? exec_options::grouping::none
                 : arguments.by_line ? exec_options::grouping::line
                                     : exec_options::grouping::job;
    return run_exec(run);
}

constexpr const char* exec_footer =
    R"(COMMAND is run once for each line of standard input, or each value behind :::, with the value in place of {}. There is no
shell, unless --shell asks for one. Options stand before COMMAND.
  {} the argument  {.} without extension  {/} without folder  {//} its folder  {/.} without both  {#} number  {%} slot
  {2} {-1} {2/.} one of several     ::: A B values     ::: A B ::: C D every pair     ::: A B :::+ C D one with one
  :::: FILE lines of a file
Output of a job is printed together, when it has ended. Processes have our environment and folder, and an empty input.
Exit status, as GNU parallel's: 0 all is well, 1 to 100 so many jobs failed, 101 more, 255 anything else, 130 Ctrl-C; with
--halt that of the job, or so many as failed.

Examples:
  gatherd exec gzip -k {} ::: *.log
  find . -name '*.jpg' -print0 | gatherd exec -0 -j4 --bar convert {} {.}.png
  gatherd exec --shell --tag 'ping -c1 {} | tail -1' :::: hosts.txt
  gatherd exec --joblog done.log --resume -- ./render --frame {} ::: $(seq 1000))";

}  // namespace

std::vector<argument_list> cut_lists(std::vector<std::string>& words) {
    constexpr std::array<std::string_view, 4> marks{":::", ":::+", "::::", "::::+"};
    const auto is_mark = [&marks](const std::string& word) { return std::ranges::find(marks, word) != marks.end(); };
    std::vector<argument_list> lists;
    const auto first = std::ranges::find_if(words, is_mark);
    for (auto at = first; at != words.end();) {
        const auto end = std::find_if(at + 1, words.end(), is_mark);
        const bool is_file = at->starts_with("::::");
        const bool is_linked = at->ends_with('+') && !lists.empty();
        if (!is_file) {
            lists.push_back({.values = {at + 1, end}, .is_linked = is_linked});
        } else if (at + 1 == end) {
            throw usage_error{"behind " + *at + " must be the name of a file"};
        } else {
            for (auto file = at + 1; file != end; ++file) {
                lists.push_back({.values = {*file}, .is_file = true, .is_linked = is_linked});
            }
        }
        at = end;
    }
    words.erase(first, words.end());
    return lists;
}

std::uint64_t jobs_of(const std::string& text, std::uint64_t cpus) {
    std::string_view digits = text;
    const bool is_added = digits.starts_with('+');
    const bool is_taken_off = digits.starts_with('-');
    const bool is_part = digits.ends_with('%');
    digits.remove_prefix(is_added || is_taken_off ? 1 : 0);
    digits.remove_suffix(is_part && !digits.empty() ? 1 : 0);
    std::uint64_t number = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (fault != std::errc{} || end != digits.data() + digits.size() || number > most_jobs) {
        throw usage_error{"--jobs: '" + text + "' must be a number up to " + std::to_string(most_jobs) +
                          ", a percentage of the CPUs, or +N or -N of them"};
    }
    if (number == 0 && !is_added && !is_taken_off && !is_part) {
        return most_jobs;
    }
    constexpr std::uint64_t all = 100;
    number = is_part ? (number * cpus + all - 1) / all : number;
    const auto jobs = is_added ? cpus + number : is_taken_off ? cpus - std::min(cpus, number) : number;
    return std::clamp<std::uint64_t>(jobs, 1, most_jobs);
}

void mark_command(std::vector<std::string>& words, const CLI::App& root) {
    if (words.empty() || words.front() != "exec") {
        return;
    }
    const auto* const app = root.get_subcommand("exec");
    std::size_t at = 1;
    while (at < words.size() && words[at].size() > 1 && words[at].starts_with('-') && words[at] != "--") {
        const auto& word = words[at];
        const bool is_long = word.starts_with("--");
        const auto name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
        const auto* const option = app->get_option_no_throw(name);
        const bool has_value_behind = option != nullptr && option->get_items_expected_max() > 0 && word == name;
        at += has_value_behind ? 2 : 1;
    }
    if (at < words.size() && words[at] == "--") {
        words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (at < words.size()) {
        shield_word(words[at]);
    }
}

void add_exec(CLI::App& root, command& chosen) {
    auto* const app =
        root.add_subcommand("exec", "run a command for each argument, several at a time, as GNU parallel does");
    const auto arguments = std::make_shared<exec_arguments>();
    auto& run = arguments->run;
    app->prefix_command();
    app->add_option("-j,-P,--jobs,--max-procs", arguments->jobs,
                    "how many run at a time: N, 0 for many, N% of the CPUs, +N or -N (default: CPUs)")
        ->type_name("NUMBER");
    app->add_option("-a,--arg-file", arguments->files, "take arguments from the lines of a file; again: every pair")
        ->type_name("FILE")
        ->allow_extra_args(false);
    auto* const nul = app->add_flag("-0,--null", arguments->ends_by_nul, "arguments end with a NUL, not a line feed");
    app->add_option("-d,--delimiter", arguments->delimiter, "arguments end with that character: ',' or '\\t'")
        ->type_name("CHARACTER")
        ->excludes(nul);
    app->add_option("-I", run.replacement, "the text that stands for the argument, in place of {}")->type_name("TEXT");
    auto* const most = app->add_option("-n,--max-args", arguments->most,
                                       "so many arguments a job at most, with spaces between in a word with {}");
    most->type_name("NUMBER")->check(CLI::Range(1, 1'000'000));
    app->add_option("-N,--max-replace-args", arguments->count, "so many arguments a job; 0: one, which is not put in")
        ->type_name("NUMBER")
        ->excludes(most);
    app->add_option("-C,--colsep", run.arguments.columns,
                    "divide arguments into {1}, {2} ... where that regular expression is")
        ->type_name("REGEX");
    app->add_flag("-r,--no-run-if-empty", run.arguments.skips_empty, "leave out empty and blank arguments");
    app->add_flag("-k,--keep-order", run.is_ordered, "print in the order of the arguments");
    app->add_flag("--tag", run.has_tags, "begin each line with the arguments and a tab");
    auto* const lines =
        app->add_flag("--line-buffer,--linebuffer,--lb", arguments->by_line, "print lines as they come");
    app->add_flag("-u,--ungroup", arguments->ungrouped, "let processes write for themselves")->excludes(lines);
    app->add_flag("--group", arguments->is_grouped, "print the output of a job together (the default)");
    app->add_option("--results", run.results, "keep outputs in files below that folder, too, as GNU parallel does")
        ->type_name("DIR");
    auto* const shell = app->add_flag("--shell", arguments->has_shell,
                                      "run COMMAND by $PARALLEL_SHELL, $SHELL or /bin/sh; arguments are quoted");
    app->add_flag("-q,--quote", arguments->has_no_shell, "run COMMAND as it is, without a shell (the default)")
        ->excludes(shell);
    app->add_flag("-t,--verbose", run.shows_commands, "print each command on standard error before its output");
    app->add_flag("--will-cite", arguments->has_no_notice, "nothing; for scripts that were GNU parallel's");
    app->add_flag("--dry-run,--dryrun", run.is_dry, "print commands, and run none");
    app->add_option("--retries", run.tries, "how often a job is tried in all (default 1)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1'000'000));
    app->add_option("--timeout", arguments->timeout, "end a job after so long: SIGTERM, and SIGKILL 2 s later")
        ->type_name("TIME");
    app->add_option("--delay", arguments->delay, "wait so long between two starts")->type_name("TIME");
    app->add_option("--halt", arguments->halt,
                    "when to stop before the end: never (default), now,fail=1, soon,fail=5% ...")
        ->type_name("WHEN");
    app->add_flag("--bar", run.shows_bar, "show how far it is, how fast, and when it will be done");
    app->add_option("--joblog", run.log.file, "write a line for each job that has ended, in GNU parallel's columns")
        ->type_name("FILE");
    app->add_flag("--resume", run.log.resumes, "leave out jobs that are in the job log");
    app->add_flag("--resume-failed", run.log.resumes_failed, "the same, but run those that failed again");
    app->footer(exec_footer);
    app->callback([=, &chosen] {
        chosen = [arguments, words = app->remaining()] {
            try {
                return exec(*arguments, words);
            } catch (const usage_error& wrong) {
                throw refusal_error{wrong.what(), exec_usage_status};
            }
        };
    });
}

}  // namespace gatherd::cli::jobs
