/// \file
/// process.run: its arguments, what of them is allowed, and its result.
#include "api/functions/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/functions/place_line.hpp"
#include "api/functions/rooted_path.hpp"
#include "api/functions/system_error.hpp"
#include "api/process/process_spawner.hpp"
#include "api/process/process_watch.hpp"
#include "api/regular_file.hpp"
#include "api/shortened.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/use_task.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;
using process::process_request, process::process_spawner, process::process_watch;

constexpr std::string_view process_run = "process.run";
constexpr std::size_t most_output = std::size_t{256} << 20;
constexpr std::string_view all_of_them = "*";

enum parameter_index : std::size_t { argv, input, env, cwd, timeout, check, max_output, binary };

argument argument_at(arguments given, parameter_index index) {
    constexpr std::array<std::string_view, 8> names{"argv",    "stdin", "env",        "cwd",
                                                    "timeout", "check", "max_output", "binary"};
    return {process_run, names.at(index), given[index]};
}

/// What of a call is not the process's own.
struct run_options {
    std::optional<std::chrono::nanoseconds> timeout;
    bool check;
    std::size_t max_output;
    bool is_binary;
    double timeout_seconds;
};

run_options options_from(arguments given) {
    run_options options{.timeout = std::nullopt,
                        .check = argument_at(given, check).flag(),
                        .max_output = argument_at(given, max_output).count(0, most_output),
                        .is_binary = argument_at(given, binary).flag(),
                        .timeout_seconds = 0};
    if (const argument limit = argument_at(given, timeout); !limit.is_null()) {
        constexpr double longest = 1e9;  // some thirty years: a deadline reckoned from it cannot overflow
        options.timeout_seconds = limit.seconds();
        options.timeout =
            std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(options.timeout_seconds, longest) * 1e9)};
    }
    return options;
}

std::string in_quotes(std::string_view text) {
    return "'" + shortened(text) + "'";
}

std::string signal_name(int number) {
    const char* const name = sigabbrev_np(number);
    return "SIG" + (name != nullptr ? std::string{name} : std::to_string(number));
}

/// The last line that is not blank, for a message.
std::string last_line(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) {
        return {};
    }
    text = text.substr(0, end + 1);
    constexpr std::size_t most = 200;
    return shortened(text.substr(text.find_last_of('\n') + 1), most);
}

std::string with_last_line(std::string message, std::string_view errors) {
    const std::string line = last_line(errors);
    return line.empty() ? message : message + ": " + line;
}

/// The canonical path of a file, or what is nearest to it.
std::filesystem::path canonical(const std::string& path) {
    std::error_code failed;
    auto found = std::filesystem::weakly_canonical(path, failed);
    return failed ? std::filesystem::path{path} : found;
}

/// process.run with its settings, and all its calls have in common.
class process_family {
public:
    explicit process_family(const process_settings& settings)
        : settings_{settings},
          line_{settings.running},
          spawner_{settings.starting},
          roots_{settings.roots, settings.is_anywhere} {
        for (const auto& [name, folder] : settings_.roots) {
            folders_.emplace_back(name, canonical(folder));
        }
        for (const std::string& each : settings_.allow) {
            const std::string path = each == all_of_them ? std::string{} : path_of(each);
            if (const auto* const root = path.empty() ? nullptr : root_around(path)) {
                throw std::invalid_argument{"process.allow: " + path + " lies below the root '" + root->first +
                                            "' of file.roots, where clients may write"};
            }
        }
        for (char** each = environ; *each != nullptr; ++each) {
            const std::string_view variable{*each};
            const std::string_view name = variable.substr(0, variable.find('='));
            if (name == "PATH" || name == "HOME" || name == "LANG" || name.starts_with("LC_")) {
                environment_.emplace_back(variable);
            }
        }
    }

    /// The wait for a place, in a frame that is as small as it can be: a plan may have a million of these.
    executor::task<value> run(call_context& context, arguments given) {
        place_line::place here{line_, context.client().share};
        if (!here.is_granted()) {
            check_call(given);
            co_await here.granted();
        }
        context.call_began();
        co_return co_await run_now(context, given);
    }

private:
    void check_call(arguments given) const {
        static_cast<void>(request_from(given));
        static_cast<void>(options_from(given));
    }

    executor::task<value> run_now(call_context& context, arguments given) {
        const run_options options = options_from(given);
        const auto began = process_watch::clock::now();
        auto started = co_await start(request_from(given));
        const auto watch = std::make_shared<process_watch>(executor::this_io(), std::move(started), options.max_output,
                                                           context.account(), began);
        watch->start(options.timeout);
        std::exception_ptr cancelled;
        try {
            co_await watch->has_ended();
        } catch (const executor::cancelled_error&) {
            cancelled = std::current_exception();
            watch->stop();
        }
        if (cancelled != nullptr) {
            co_await wait_to_the_end(watch);
            std::rethrow_exception(cancelled);
        }
        co_return result_of(*watch, given, options);
    }

    executor::task<process::started_process> start(process::process_request request) {
        const std::string program = request.argv.front();
        try {
            co_return co_await spawner_.start(std::move(request));
        } catch (const std::system_error& failed) {
            throw system_failure(failed.code().value(), "process.run: " + program);
        }
    }

    /// A second cancellation ends this wait, and the process at once.
    static executor::task<void> wait_to_the_end(std::shared_ptr<process_watch> watch) {
        try {
            co_await watch->has_ended();
        } catch (const executor::cancelled_error&) {
            watch->kill();
            throw;
        }
    }

    static value result_of(process_watch& watch, arguments given, const run_options& options) {
        const auto [code, status] = watch.ending();
        const auto text = [&options](process_watch::stream& source) {
            if (source.was_longer && !options.is_binary) {
                source.kept.resize(whole_characters(source.kept));
            }
            return bytes_value(std::move(source.kept), options.is_binary);
        };
        const auto name = [given] { return in_quotes(given[argv][0].get_ref<const std::string&>()); };
        const bool has_exited = code == CLD_EXITED;
        if (watch.is_timed_out() || (options.check && !(has_exited && status == 0))) {
            const std::string errors = text_from(std::move(watch.errors().kept));
            if (watch.is_timed_out()) {
                std::string seconds = value(options.timeout_seconds).dump();
                throw executor::timeout_error{
                    with_last_line("process.run: " + name() + " did not end within " + seconds + " s", errors)};
            }
            const std::string end =
                has_exited ? "ended with status " + std::to_string(status) : "was killed by " + signal_name(status);
            throw raised{"CalledProcessError", with_last_line("process.run: " + name() + " " + end, errors)};
        }
        const bool truncated = watch.output().was_longer || watch.errors().was_longer;
        return {{"status", has_exited ? value(status) : value(nullptr)},
                {"signal", has_exited ? value(nullptr) : value(signal_name(status))},
                {"stdout", text(watch.output())},
                {"stderr", text(watch.errors())},
                {"truncated", truncated},
                {"elapsed", watch.elapsed().count()}};
    }

    process_request request_from(arguments given) const {
        process_request request;
        request.argv = argument_at(given, argv).texts();
        if (request.argv.empty() || request.argv.front().empty()) {
            throw raised{"ValueError", "process.run(): argv must begin with the name of a program"};
        }
        request.program = allowed_program(request.argv.front());
        if (const argument bytes = argument_at(given, input); !bytes.is_null()) {
            request.input = bytes.bytes(argument_at(given, binary).flag());
        }
        request.environment = environment_from(argument_at(given, env));
        if (const argument folder = argument_at(given, cwd); !folder.is_null()) {
            request.folder = roots_.open(process_run, below_its_root(folder.plain_text()), O_PATH | O_DIRECTORY);
        }
        request.max_memory = settings_.max_memory;
        request.max_cpu = settings_.max_cpu;
        if (settings_.open_files) {
            request.open_files = *settings_.open_files;
        }
        return request;
    }

    /// A folder as functions of files name it; it may also be given by its absolute path.
    [[nodiscard]] std::string below_its_root(const std::string& given) const {
        for (const auto& [name, path] : folders_) {
            const std::string& prefix = path.native();
            if (given.starts_with(prefix) && (given.size() == prefix.size() || given[prefix.size()] == '/')) {
                return name + given.substr(prefix.size());
            }
        }
        return given;
    }

    [[nodiscard]] bool allows(std::string_view program) const {
        return std::ranges::any_of(
            settings_.allow, [program](const std::string& each) { return each == program || each == all_of_them; });
    }

    /// The path of a program, if it may be run.
    [[nodiscard]] std::string allowed_program(const std::string& program) const {
        if (!allows(program)) {
            throw raised{"PermissionError", settings_.allow.empty()
                                                ? "process.run: no program is allowed; set process.allow"
                                                : "process.run: " + in_quotes(program) + " is not in process.allow"};
        }
        if (!settings_.is_anywhere && !program.starts_with('/') && program.find('/') != std::string::npos) {
            throw raised{"ValueError", "process.run(): argv must begin with a program's name or absolute path, not " +
                                           in_quotes(program)};
        }
        std::string path = path_of(program);
        if (path.empty()) {
            throw raised{"FileNotFoundError", "process.run: no program " + in_quotes(program) + " in process.path"};
        }
        if (const auto* const root = root_around(path)) {
            throw raised{"PermissionError", "process.run: " + in_quotes(path) + " lies below the root '" + root->first +
                                                "' of file.roots, where clients may write"};
        }
        return path;
    }

    /// Where a program is: an absolute path itself, a name's first one in process.path, or empty.
    [[nodiscard]] std::string path_of(const std::string& program) const {
        if (program.find('/') != std::string::npos) {
            return program;
        }
        std::string_view rest = settings_.path;
        while (!rest.empty()) {
            const std::string_view folder = rest.substr(0, rest.find(':'));
            rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
            std::string path = std::string{folder} + "/" + program;
            if (folder.starts_with('/') && is_program(path)) {
                return path;
            }
        }
        return {};
    }

    using named_folder = std::pair<std::string, std::filesystem::path>;

    [[nodiscard]] const named_folder* root_around(const std::string& path) const {
        if (folders_.empty()) {
            return nullptr;
        }
        const auto real = canonical(path);
        const auto found = std::ranges::find_if(folders_, [&real](const named_folder& each) {
            return std::mismatch(each.second.begin(), each.second.end(), real.begin(), real.end()).first ==
                   each.second.end();
        });
        return found == folders_.end() ? nullptr : &*found;
    }

    [[nodiscard]] std::vector<std::string> environment_from(const argument& variables) const {
        if (variables.is_null()) {
            return environment_;
        }
        if (!variables.given.is_object()) {
            variables.refuse_type("an object of texts");
        }
        std::vector<std::string> all;
        for (const auto& [name, text] : variables.given.items()) {
            if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos) {
                throw raised{"ValueError", "process.run(): env has a variable with the name " + in_quotes(name)};
            }
            const bool may_be_set = std::ranges::any_of(settings_.env, [&wanted = name](const std::string& each) {
                return each == wanted || each == all_of_them;
            });
            if (!may_be_set) {
                throw raised{"PermissionError",
                             "process.run: the variable " + in_quotes(name) + " is not in process.env"};
            }
            all.push_back(name + "=" + argument{process_run, "env's " + name, text}.plain_text());
        }
        return all;
    }

    const process_settings settings_;
    place_line line_;
    process_spawner spawner_;
    const rooted_paths roots_;
    std::vector<named_folder> folders_{};     // of roots, canonical
    std::vector<std::string> environment_{};  // where a call gives none
};

}  // namespace

void add_process(plan::registry& functions, const process_settings& settings) {
    const auto family = std::make_shared<process_family>(settings);
    functions.add(
        {.name = std::string{process_run},
         .summary = "Runs a program of the daemon's machine, without a shell, and returns its status and output.",
         .parameters = {{.name = "argv", .type = "list of texts", .help = "the program and its arguments"},
                        option("stdin", nullptr, "text or null", "what it reads from its standard input"),
                        option("env", nullptr, "object of texts or null",
                               "its whole environment; null: the daemon's PATH, HOME, LANG and LC_*"),
                        option("cwd", nullptr, "text or null", "the folder to run in, below a root of file.roots"),
                        option("timeout", nullptr, "number or null", "how long it may run", "seconds"),
                        option("check", false, "boolean", "whether a status other than 0 raises"),
                        option("max_output", std::uint64_t{1} << 20U, "integer",
                               "how much of each stream is kept; the rest is dropped", "bytes"),
                        option("binary", false, "boolean", "whether stdin, stdout and stderr are base64")},
         .body = plan::coroutine_body{[family](call_context& context, arguments given) {
             return family->run(context, given);
         }},
         .errors = {"PermissionError", "FileNotFoundError", "TimeoutError", "CalledProcessError", "OSError",
                    "TypeError", "ValueError"},
         .example = {R"({"call": "process.run", "args": [["echo", "hello"]]})", ""},
         .needs = "process.allow",
         .has_line = true});
}

}  // namespace gatherd::api::functions
