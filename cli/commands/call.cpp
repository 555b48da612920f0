#include "cli/commands/call.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/client/call_arguments.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/program_run.hpp"
#include "cli/client/request_options.hpp"
#include "cli/command_words.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

using named_values = std::vector<std::pair<std::string, std::string>>;

struct call_arguments {
    std::string function;
    std::vector<std::string> words;
    bool named = false;
    named_values texts;
    named_values values;
    connect_option connect;
    request_options request;
    show_options show;
};

int call(const call_arguments& arguments) {
    check_all({[&] { arguments.connect.check(); }, [&] { arguments.request.check(); }});
    call_words given{.function = unshielded(arguments.function), .named = arguments.named};
    for (const auto& each : arguments.words) {
        given.words.push_back(unshielded(each));
    }
    for (const auto& [name, text] : arguments.texts) {
        given.texts.emplace_back(unshielded(name), unshielded(text));
    }
    for (const auto& [name, text] : arguments.values) {
        given.values.emplace_back(unshielded(name), unshielded(text));
    }
    const auto params = R"({"task":)" + call_plan(given) + arguments.request.members() + "}";
    return run_program(arguments.connect.server(), {.method = "run", .params = params, .base = "/task"}, arguments.show,
                       arguments.request.patience());
}

constexpr const char* footer =
    R"(An argument that is JSON is taken as JSON (3, true, null, [1,2], "3"), any other as text.
With --named each argument is NAME=VALUE; --arg NAME TEXT and --argjson NAME JSON name one each, as jq's do. Behind -- everything is an argument, also what begins with a dash.
The result goes to standard output as JSON, what the function prints to standard error.
Exit status: as of submit.

Examples:
  gatherd call add 1 2 3
  gatherd call hash.sha256 "some text" --raw
  gatherd call random.randint --named a=1 b=6
  gatherd call sleep --argjson delay 0.1 --arg result 42
  gatherd call sleep 10 --timeout 500ms
  gatherd call echo -- --not-an-option)";

}  // namespace

void add_call(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("call", "call one function and print its result");
    const auto arguments = std::make_shared<call_arguments>();
    app->add_option("FUNCTION", arguments->function, "its name, as `gatherd functions` shows it")
        ->required()
        ->type_name("");
    app->add_option("ARGS", arguments->words, "its arguments")->type_name("");
    app->add_flag("--named", arguments->named, "arguments are NAME=VALUE");
    app->add_option("--arg", arguments->texts, "a named argument that is a text, whatever it looks like")
        ->type_name("NAME TEXT")
        ->allow_extra_args(false);
    app->add_option("--argjson", arguments->values, "a named argument that is JSON")
        ->type_name("NAME JSON")
        ->allow_extra_args(false);
    arguments->connect.add_with_local_to(*app);
    arguments->request.add_to(*app);
    arguments->show.add_to(*app);
    app->footer(footer);
    app->callback([=, &chosen] { chosen = [arguments] { return call(*arguments); }; });
}

}  // namespace gatherd::cli
