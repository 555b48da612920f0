#include "cli/client/program_run.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "api/error.hpp"
#include "cli/client/client.hpp"
#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/progress_bar.hpp"
#include "cli/standard_output.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli {

namespace {

using api::value;

std::uint64_t count_at(const value& params, const char* name) {
    const auto member = params.find(name);
    return member != params.end() && member->is_number_unsigned() ? member->get<std::uint64_t>() : 0;
}

/// Results that come one by one, and the list that they make.
class partial_list {
public:
    void take(const value& completed) {
        const auto index = count_at(completed, "index");
        const char* const member = completed.contains("error") ? "error" : "value";
        if (completed.contains(member)) {
            const auto& outcome = completed[member];
            const bool is_error = *member == 'e';
            const bool is_cancelled = is_error && outcome.is_object() && outcome.value("type", "") == "CancelledError";
            entries_[index] = {is_error, is_cancelled, outcome.dump()};
            total_ = std::max(total_, index + 1);
        }
    }
    void take_total(std::uint64_t total) { total_ = std::max(total_, total); }

    /// As the daemon would have answered.
    [[nodiscard]] std::string whole(bool lists_errors) const { return text(lists_errors, false); }

    /// With {"pending":true} for each that has not ended by itself: it never began, or was cancelled with the batch.
    [[nodiscard]] std::string rest_marked() const { return text(true, true); }

private:
    struct entry {
        bool is_error = false;
        bool is_cancelled = false;
        std::string json{};
    };

    [[nodiscard]] std::string text(bool lists_errors, bool was_cut_off) const {
        std::string list = "[";
        for (std::uint64_t index = 0; index < total_; ++index) {
            list += index == 0 ? "" : ",";
            const auto found = entries_.find(index);
            if (found == entries_.end() || (was_cut_off && found->second.is_cancelled)) {
                list += R"({"pending":true})";
            } else if (lists_errors) {
                list.append(found->second.is_error ? R"({"error":)" : R"({"value":)").append(found->second.json) += "}";
            } else {
                list += found->second.json;
            }
        }
        return list + "]";
    }

    std::unordered_map<std::uint64_t, entry> entries_{};
    std::uint64_t total_ = 0;
};

void take_notification(const server_message& message, const show_options& show, progress_bar& bar,
                       partial_list& results) {
    if (message.method == "output") {
        const auto text = message.params.find("text");
        if (text != message.params.end() && text->is_string()) {
            bar.write_line(text->get_ref<const std::string&>());
        }
    } else if (message.method == "completed" && show.partial) {
        results.take(message.params);
    } else if (message.method == "completed" && show.streams) {
        auto result = message.params;
        result.erase("request");
        bar.clear();
        static_cast<void>(write_out(result.dump() + "\n"));
    } else if (message.method == "progress") {
        results.take_total(count_at(message.params, "total"));
        bar.update(
            {count_at(message.params, "total"), count_at(message.params, "done"), count_at(message.params, "failed")});
    } else if (show.notifications) {
        bar.clear();
        static_cast<void>(write_out(message.text + "\n"));
    }
}

std::string shown(const std::string& result, const show_options& show) {
    if (!show.pretty && !show.raw) {
        return result + "\n";
    }
    const auto parsed = value::parse(result);
    if (show.raw && parsed.is_string()) {
        return parsed.get<std::string>() + "\n";
    }
    return (show.pretty ? parsed.dump(2) : result) + "\n";
}

std::ptrdiff_t failures_in(const std::string& result) {
    const auto list = value::parse(result);
    if (list.is_object()) {  // counts, of results that came one by one
        return static_cast<std::ptrdiff_t>(count_at(list, "failed"));
    }
    return std::ranges::count_if(list, [](const value& each) { return each.is_object() && each.contains("error"); });
}

int show_result(const std::string& result, const show_options& show) {
    const int written = show.streams && !show.partial ? exit_status::fine : write_out(shown(result, show));
    const auto failures = show.fail_on_error ? failures_in(result) : 0;
    if (failures > 0) {
        say(std::to_string(failures) + (failures == 1 ? " task failed" : " tasks failed"));
        return exit_status::task_failed;
    }
    return written;
}

/// Whether the answer leaves results that are worth showing: its time is over, or it was cancelled.
bool is_cut_off(const reply& answer) {
    if (answer.how != reply::end::error) {
        return answer.how != reply::end::result;
    }
    const auto code = answer.error.find("code");
    return code != answer.error.end() &&
           (*code == static_cast<int>(api::errc::cancelled) || *code == static_cast<int>(api::errc::timed_out));
}

int interrupted_status(int signal) {
    return signal == SIGTERM ? exit_status::cancelled_by_term : exit_status::cancelled_by_key;
}

int show_error(const reply& answer, const std::string& base) {
    const auto code = answer.error.find("code");
    const bool ours =
        answer.interrupted_by != 0 && code != answer.error.end() && *code == static_cast<int>(api::errc::cancelled);
    const auto report = report_failure(answer.error, base);
    say(ours ? "cancelled" : report.text);
    return ours ? interrupted_status(answer.interrupted_by) : report.exit_status;
}

std::string took(std::chrono::steady_clock::duration time) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "took %.3f s", std::chrono::duration<double>(time).count());
    return text.data();
}

}  // namespace

void show_options::add_to(CLI::App& app) {
    app.add_flag("--pretty", pretty, "print the result over several indented lines");
    app.add_flag("--raw", raw, "print a result that is a text without its quotes");
    app.add_flag("--time", time, "say on standard error how long it took");
}

bool has_terminal() {
    const char* const kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread
    return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && *kind != '\0' && std::string_view{kind} != "dumb";
}

int run_program(const destination& server, const request& program, const show_options& show,
                std::optional<std::chrono::milliseconds> patience) {
    const auto begun = std::chrono::steady_clock::now();
    const auto until = patience ? std::optional{begun + *patience} : std::nullopt;
    client daemon{server, until};
    progress_bar bar{show.progress};
    partial_list results;
    ask_options options;
    options.on_notification = [&](const server_message& message) { take_notification(message, show, bar, results); };
    options.on_interrupt = [&bar] {
        bar.write_line("gatherd: cancelling the request; once more leaves without waiting for it");
    };
    if (show.progress) {
        options.on_tick = [&bar] { bar.tick(); };
    }
    options.until = until;
    const auto answer = daemon.ask(program, options);
    const auto time = std::chrono::steady_clock::now() - begun;
    bar.clear();
    int status = exit_status::fine;
    if (show.partial && is_cut_off(answer)) {
        static_cast<void>(write_out(shown(results.rest_marked(), show)));
    }
    switch (answer.how) {
        case reply::end::result:
            status = show_result(show.partial ? results.whole(show.lists_errors) : answer.result, show);
            break;
        case reply::end::error:
            status = show_error(answer, program.base);
            break;
        case reply::end::silence:
            say("timed out: no answer from " + server.name() + " within " + config::duration_text(*patience) +
                ", the timeout and the grace");
            status = exit_status::timed_out;
            break;
        case reply::end::abandoned:
            say("left before the answer: the daemon ends the request when it finds the connection closed");
            status = interrupted_status(answer.interrupted_by);
            break;
    }
    if (show.time) {
        say(took(time));
    }
    return status;
}

}  // namespace gatherd::cli
