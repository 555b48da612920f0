#include "cli/commands/task_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/client/batch_file.hpp"
#include "cli/client/connect_option.hpp"
#include "cli/client/input_file.hpp"
#include "cli/client/program_run.hpp"
#include "cli/client/request_options.hpp"
#include "cli/client/single_request.hpp"
#include "cli/command_words.hpp"
#include "cli/commands/task_table.hpp"
#include "cli/failures.hpp"
#include "cli/standard_output.hpp"

namespace gatherd::cli {

namespace {

using api::value;

std::string utf8_json(const value& json) {
    try {
        return json.dump();
    } catch (const value::type_error&) {
        throw usage_error{"an argument is not UTF-8: write it in UTF-8"};
    }
}

struct create_arguments {
    std::string plan;
    std::string name;
    std::string keep;
    bool as_json = false;
    connect_option connect;
    request_options request;
};

/// The params of create_task, without the bracket at the end.
std::string open_params(const std::string& plan) {
    const auto [text, name] = read_plan_input(unshielded(plan));
    auto made = read_batch(text, name, {});
    if (made.what.base == "/tasks") {
        constexpr std::string_view before = R"({"tasks":)";
        return R"({"task":{"gather":)" + made.what.params.substr(before.size());
    }
    if (made.what.method != "run") {
        throw usage_error{name + R"(: is a batch with options: write it as a plan, {"gather": [...]})"};
    }
    return made.what.params.substr(0, made.what.params.size() - 1);
}

int create(const create_arguments& arguments) {
    check_all({[&] { arguments.connect.check(); }, [&] { arguments.request.check(); },
               [&] { static_cast<void>(arguments.keep.empty() ? "" : seconds_json("--keep", arguments.keep)); }});
    auto params = open_params(arguments.plan) + R"(,"detach":true)";
    if (!arguments.name.empty()) {
        params += R"(,"name":)" + utf8_json(arguments.name);
    }
    if (!arguments.keep.empty()) {
        params += R"(,"keep":)" + seconds_json("--keep", arguments.keep);
    }
    params += arguments.request.members() + "}";
    const auto result = ask_once(arguments.connect.server(), {.method = "create_task", .params = params});
    if (arguments.as_json) {
        return write_out(result + "\n");
    }
    return write_out(value::parse(result).value("id", "") + "\n");
}

void add_create(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("create", "start a task that outlives this command, and print its id");
    const auto arguments = std::make_shared<create_arguments>();
    app->add_option("PLAN", arguments->plan, "JSON file, - for standard input, or the plan itself")
        ->required()
        ->type_name("");
    app->add_option("--name", arguments->name, "what `tasks` shows for it")->type_name("TEXT");
    app->add_option("--keep", arguments->keep, "how long its result is kept (default: the daemon's tasks.keep)")
        ->type_name("TIME");
    app->add_flag("--json", arguments->as_json, "print {\"id\": ...}");
    arguments->connect.add_to(*app);
    arguments->request.add_to(*app);
    app->footer(R"(The task is detached: it runs on when this command has ended. Its output is dropped.

Examples:
  id=$(gatherd create '{"call": "sleep", "args": [60, "done"]}' --name nap)
  gatherd await "$id")");
    app->callback([=, &chosen] { chosen = [arguments] { return create(*arguments); }; });
}

struct list_arguments {
    std::vector<std::string> ids;
    std::string state;
    std::uint64_t limit = 0;
    bool as_json = false;
    connect_option connect;
};

int tasks(const list_arguments& arguments) {
    value params = value::object();
    if (!arguments.state.empty()) {
        params["state"] = arguments.state;
    }
    if (arguments.limit != 0) {
        params["limit"] = arguments.limit;
    }
    const auto result = ask_once(arguments.connect.server(), {.method = "tasks", .params = utf8_json(params)});
    return write_out(arguments.as_json ? result + "\n" : task_table(value::parse(result)));
}

void add_tasks(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("tasks", "list the created tasks");
    const auto arguments = std::make_shared<list_arguments>();
    app->add_option("--state", arguments->state, "only those in this state")
        ->check(CLI::IsMember({"pending", "running", "done", "failed", "cancelled"}))
        ->type_name("pending|running|done|failed|cancelled");
    app->add_option("--limit", arguments->limit, "at most so many")->type_name("NUMBER");
    app->add_flag("--json", arguments->as_json, "print the daemon's list as JSON");
    arguments->connect.add_to(*app);
    app->footer(R"(Examples:
  gatherd tasks --state running
  gatherd tasks --json | jq -r '.[].id')");
    app->callback([=, &chosen] { chosen = [arguments] { return tasks(*arguments); }; });
}

int status(const list_arguments& arguments) {
    value list = value::array();
    for (const auto& each : arguments.ids) {
        const value params{{"id", each}};
        list.push_back(
            value::parse(ask_once(arguments.connect.server(), {.method = "status", .params = utf8_json(params)})));
    }
    return write_out(arguments.as_json ? utf8_json(list.size() == 1 ? list.front() : list) + "\n" : task_table(list));
}

void add_status(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("status", "show how far created tasks and running requests are");
    const auto arguments = std::make_shared<list_arguments>();
    app->add_option("ID", arguments->ids, "as `create`, `tasks` and `top` print it")->required()->type_name("");
    app->add_flag("--json", arguments->as_json, "print JSON: an object, or a list of several");
    arguments->connect.add_to(*app);
    app->footer(R"(Example:
  gatherd status "$id" --json | jq -r .state)");
    app->callback([=, &chosen] { chosen = [arguments] { return status(*arguments); }; });
}

/// {"id": ..} of one, {"ids": [..]} of several.
value ids_params(const std::vector<std::string>& ids) {
    return ids.size() == 1 ? value{{"id", ids.front()}} : value{{"ids", ids}};
}

struct await_arguments {
    std::vector<std::string> ids;
    bool return_exceptions = false;
    connect_option connect;
    time_limit limit;
    show_options show;
};

int await(const await_arguments& arguments) {
    check_all({[&] { arguments.connect.check(); }, [&] { arguments.limit.check(); }});
    auto params = ids_params(arguments.ids);
    if (arguments.return_exceptions) {
        params = {{"ids", arguments.ids}, {"return_exceptions", true}};
    }
    auto text = utf8_json(params);
    text.pop_back();
    text += arguments.limit.members() + "}";
    return run_program(arguments.connect.server(), {.method = "await", .params = text}, arguments.show,
                       arguments.limit.patience());
}

void add_await(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("await", "wait for created tasks and print their results");
    const auto arguments = std::make_shared<await_arguments>();
    app->add_option("ID", arguments->ids, "as `create`, `tasks` and `top` print it")->required()->type_name("");
    app->add_flag("--return-exceptions", arguments->return_exceptions,
                  "a list, in which each result is {\"value\": ...} or {\"error\": ...}");
    arguments->connect.add_to(*app);
    arguments->limit.add_to(*app, "wait so long at most");
    arguments->show.add_to(*app);
    app->footer(R"(One id gives its result, several give a list. Neither a timeout nor Ctrl-C cancels the tasks.
Exit status: as of submit.

Example:
  gatherd await "$id" --timeout 30s)");
    app->callback([=, &chosen] { chosen = [arguments] { return await(*arguments); }; });
}

struct cancel_arguments {
    std::vector<std::string> ids;
    std::string message;
    bool as_json = false;
    connect_option connect;
};

int cancel(const cancel_arguments& arguments) {
    auto params = ids_params(arguments.ids);
    if (!arguments.message.empty()) {
        params["message"] = arguments.message;
    }
    const auto result = ask_once(arguments.connect.server(), {.method = "cancel", .params = utf8_json(params)});
    if (arguments.as_json) {
        return write_out(result + "\n");
    }
    const auto count = value::parse(result).value("cancelled", std::uint64_t{0});
    return write_out(std::to_string(count) + " of " + std::to_string(arguments.ids.size()) + " cancelled\n");
}

void add_cancel(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("cancel", "cancel created tasks");
    const auto arguments = std::make_shared<cancel_arguments>();
    app->add_option("ID", arguments->ids, "as `create`, `tasks` and `top` print it")->required()->type_name("");
    app->add_option("--message", arguments->message, "message of their CancelledError")->type_name("TEXT");
    app->add_flag("--json", arguments->as_json, "print {\"cancelled\": n}");
    arguments->connect.add_to(*app);
    app->footer(R"(Tells how many had not ended yet, and does not wait for their end.

Example:
  gatherd tasks --state running --json | jq -r '.[].id' | xargs gatherd cancel)");
    app->callback([=, &chosen] { chosen = [arguments] { return cancel(*arguments); }; });
}

}  // namespace

void add_task_commands(CLI::App& root, command& chosen) {
    add_create(root, chosen);
    add_tasks(root, chosen);
    add_status(root, chosen);
    add_await(root, chosen);
    add_cancel(root, chosen);
}

}  // namespace gatherd::cli
