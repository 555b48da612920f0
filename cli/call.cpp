#include "cli/call.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/call_arguments.hpp"
#include "cli/connect_option.hpp"
#include "cli/failures.hpp"
#include "cli/program_run.hpp"
#include "cli/request_options.hpp"

namespace gatherd::cli {

namespace {

struct call_arguments {
    std::string function;
    std::vector<std::string> words;
    bool named = false;
    connect_option connect;
    request_options request;
    show_options show;
};

// Stands before a word that the parser would take apart or for an option. It begins no JSON and no sensible text.
constexpr char shield = '\x01';

int call(const call_arguments& arguments) {
    check_all({[&] { static_cast<void>(arguments.connect.server()); }, [&] { arguments.request.check(); }});
    const auto timeout = arguments.request.timeout();
    const auto seed = arguments.request.seed();
    const auto unshielded = [](std::string word) { return word.erase(0, word.starts_with(shield) ? 1 : 0); };
    auto words = arguments.words;
    std::ranges::transform(words, words.begin(), unshielded);
    const auto params = R"({"task":)" + call_plan(unshielded(arguments.function), words, arguments.named) +
                        (timeout ? R"(,"timeout":)" + *timeout : "") + (seed ? R"(,"seed":)" + *seed : "") + "}";
    return run_program(arguments.connect.server(), {.method = "run", .params = params, .base = "/task"}, arguments.show,
                       arguments.request.patience());
}

constexpr const char* footer =
    R"(An argument that is JSON is taken as JSON (3, true, null, [1,2], "3"), any other as text.
With --named each argument is NAME=VALUE. Behind -- everything is an argument, also what begins with a dash.
The result goes to standard output as JSON, what the function prints to standard error.
Exit status: as of submit.

Examples:
  gatherd call add 1 2 3
  gatherd call hash.sha256 "some text" --raw
  gatherd call random.randint --named a=1 b=6
  gatherd call sleep 10 --timeout 500ms
  gatherd call echo -- --not-an-option)";

}  // namespace

void shield_arguments(std::vector<std::string>& words) {
    if (words.empty() || words.front() != "call") {
        return;
    }
    const auto mark = std::ranges::find(words, "--");
    for (auto each = words.begin(); each != words.end(); ++each) {
        if (each > mark || (each->starts_with('[') && each->ends_with(']')) || each->starts_with(shield)) {
            each->insert(0, 1, shield);
        }
    }
    if (mark != words.end()) {
        words.erase(mark);
    }
}

void add_call(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("call", "call one function and print its result");
    const auto arguments = std::make_shared<call_arguments>();
    app->add_option("FUNCTION", arguments->function, "its name, as `gatherd functions` shows it")
        ->required()
        ->type_name("");
    app->add_option("ARGS", arguments->words, "its arguments")->type_name("");
    app->add_flag("--named", arguments->named, "arguments are NAME=VALUE");
    arguments->connect.add_to(*app);
    arguments->request.add_to(*app);
    arguments->show.add_to(*app);
    app->footer(footer);
    app->callback([=, &chosen] { chosen = [arguments] { return call(*arguments); }; });
}

}  // namespace gatherd::cli
