#include "cli/commands/request_command.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/client/connect_option.hpp"
#include "cli/client/input_file.hpp"
#include "cli/client/program_run.hpp"
#include "cli/client/request_options.hpp"
#include "cli/command_words.hpp"
#include "cli/failures.hpp"

namespace gatherd::cli {

namespace {

struct request_arguments {
    std::string method;
    std::string params;
    std::string timeout;
    connect_option connect;
    show_options show;
};

int send_request(const request_arguments& arguments) {
    std::optional<std::chrono::milliseconds> patience;
    if (!arguments.timeout.empty()) {
        patience = time_of("--timeout", arguments.timeout);
    }
    const auto given = unshielded(arguments.params);
    const auto params = given == "-" ? read_input("-") : given;
    const auto parsed = nlohmann::json::parse(params, nullptr, false);
    if (!params.empty() && !parsed.is_object() && !parsed.is_array()) {
        throw usage_error{"PARAMS must be a JSON object or array, as '{\"id\": \"...\"}'"};
    }
    const auto method = nlohmann::json(arguments.method).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return run_program(arguments.connect.server(), {.method = method.substr(1, method.size() - 2), .params = params},
                       arguments.show, patience);
}

}  // namespace

void add_request(CLI::App& root, command& chosen) {
    auto* const app = root.add_subcommand("request", "call any method of the protocol and print its result");
    const auto arguments = std::make_shared<request_arguments>();
    arguments->show.notifications = true;
    app->add_option("METHOD", arguments->method, "as docs/PROTOCOL.md has it")->required()->type_name("");
    app->add_option("PARAMS", arguments->params, "a JSON object or array; - reads it from standard input")
        ->type_name("");
    app->add_option("--timeout", arguments->timeout, "how long to wait for the answer (default: for ever)")
        ->type_name("TIME");
    arguments->connect.add_with_local_to(*app);
    arguments->show.add_to(*app);
    app->footer(
        R"(The result is the last line. Notifications come before it, a line each; lines that tasks print go to standard error.
Exit status: as of submit.

Examples:
  gatherd request stats --pretty
  gatherd request wait '{"ids": ["..."], "timeout": 5}'
  gatherd request gather '{"tasks": [{"call": "add", "args": [1, 2]}], "stream": true}')");
    app->callback([=, &chosen] { chosen = [arguments] { return send_request(*arguments); }; });
}

}  // namespace gatherd::cli
