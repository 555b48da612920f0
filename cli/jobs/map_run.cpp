#include "cli/jobs/map_run.hpp"

#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/error.hpp"
#include "cli/client/request_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/failure_report.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/json_cut.hpp"
#include "cli/jobs/line_reader.hpp"
#include "cli/jobs/paced_output.hpp"
#include "cli/jobs/rate_line.hpp"
#include "cli/progress_bar.hpp"
#include "cli/standard_output.hpp"
#include "config/quantity.hpp"

namespace gatherd::cli::jobs {

namespace {

using std::chrono::steady_clock, std::chrono::system_clock, std::chrono::milliseconds;

constexpr std::size_t longest_line = std::size_t{8} << 20;
constexpr std::size_t most_bytes_in_flight = std::size_t{16} << 20;
constexpr std::size_t most_bytes_held = std::size_t{16} << 20;  // of results that wait for one before them
constexpr std::size_t most_slots = 65'536;
constexpr std::size_t largest_batch = 256;
constexpr milliseconds quick{2};  // a batch that is answered sooner may be followed by a larger one
constexpr milliseconds slow{20};  // one that takes longer, by lines alone
constexpr milliseconds bar_interval{100};
constexpr std::chrono::seconds last_write{1};  // after a signal, for what has been finished to be written

/// A line on its way.
struct item {
    std::uint64_t number;   // of the line, from 1
    std::uint64_t order;    // of its result, from 0
    std::string arguments;  // JSON
};

struct batch {
    std::vector<item> items;
    std::size_t bytes = 0;
    steady_clock::time_point began = steady_clock::now();
    system_clock::time_point began_at = system_clock::now();
};

/// Why a line cannot be called with.
struct bad_line {
    std::string reason;
};

/// Arguments of a line, as JSON.
class argument_maker {
public:
    explicit argument_maker(const map_options& options) : options_{options} {}

    /// Throws bad_line.
    std::string operator()(std::string_view line) {
        switch (options_.lines) {
            case map_options::form::text:
                return from_texts(line, false);
            case map_options::form::tsv:
                return from_texts(line, true);
            case map_options::form::json:
                break;
        }
        return from_json(line);
    }

private:
    [[nodiscard]] std::string from_texts(std::string_view line, bool has_columns) const {
        auto list = "[" + options_.leading;
        for (bool is_last = false; !is_last;) {
            const auto tab = has_columns ? line.find('\t') : std::string_view::npos;
            is_last = tab == std::string_view::npos;
            list += list.size() > 1 ? "," : "";
            if (!append_text(list, line.substr(0, tab))) {
                throw bad_line{"is no UTF-8"};
            }
            line.remove_prefix(is_last ? line.size() : tab + 1);
        }
        return list + "]";
    }

    [[nodiscard]] std::string from_json(std::string_view line) {
        const auto parsed = parser_.parse(line.data(), line.size());
        if (parsed.error() != simdjson::SUCCESS) {
            throw bad_line{std::string{"is no JSON: "} + simdjson::error_message(parsed.error())};
        }
        constexpr std::string_view blanks = " \t\r\n";
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        line.remove_suffix(line.size() - std::min(line.find_last_not_of(blanks) + 1, line.size()));
        const bool is_object = parsed.is_object();
        const bool is_array = parsed.is_array();
        if (is_object && !options_.leading.empty()) {
            throw bad_line{"has arguments by name, which cannot follow those behind FUNCTION"};
        }
        const auto inner = is_object || is_array ? line.substr(1, line.size() - 2) : line;
        if (inner.find_first_not_of(blanks) == std::string_view::npos) {
            return is_object ? "{}" : "[" + options_.leading + "]";
        }
        auto made = is_object ? "{" : "[" + options_.leading + (options_.leading.empty() ? "" : ",");
        return made.append(inner) + (is_object ? "}" : "]");
    }

    const map_options& options_;
    simdjson::dom::parser parser_{};
};

class map_run {
public:
    map_run(client& daemon, const map_options& options)
        : options_{options},
          arguments_{options},
          log_{options.log},
          pipeline_{daemon,
                    {.on_line = [this](std::string_view line) { take_message(line); },
                     .on_lost = [this](std::string why) { lose(std::move(why)); }}},
          input_{pipeline_.context(), STDIN_FILENO, longest_line, options.separator},
          output_{pipeline_.context(), STDOUT_FILENO},
          signals_{pipeline_.context(), SIGINT, SIGTERM},
          timer_{pipeline_.context()},
          bar_timer_{pipeline_.context()},
          silence_timer_{pipeline_.context()},
          bar_{options.shows_bar},
          largest_batch_{is_exact() ? 1 : std::clamp<std::size_t>(options.jobs / 4, 1, largest_batch)} {}

    int run() {
        signals_.async_wait([this](asio::error_code failed, int number) {
            if (!failed) {
                interrupted_by_ = number;
                stop_at_once();
            }
        });
        output_.on_room([this] { go_on(); });
        if (options_.shows_bar) {
            draw_bar();
        }
        if (options_.patience) {
            await_silence();
        }
        pump();
        pipeline_.context().run();
        bar_.clear();
        input_.close();
        return end_status();
    }

private:
    /// A line a request: where to stop, or times of lines, must not be those of others.
    [[nodiscard]] bool is_exact() const { return !options_.halt.is_never() || log_.is_open(); }

    [[nodiscard]] bool may_start() const {
        return !is_stopping_ && !is_waiting_ && lines_in_flight_ < options_.jobs &&
               bytes_in_flight_ < most_bytes_in_flight && slots_.size() < most_slots && bytes_held_ < most_bytes_held &&
               !output_.is_full();
    }

    void pump() {
        while (may_start() && start_some()) {
        }
        if (!is_over_ && may_start() && !input_.is_at_end() && !input_.is_reading()) {
            input_.read_more([this] { pump(); });
        }
        if (in_flight_.empty() && (is_stopping_ || (input_.is_at_end() && again_.empty() && !is_waiting_))) {
            finish();
        }
    }

    /// The next request; false: no line is there.
    bool start_some() {
        batch next;
        if (!again_.empty()) {
            next.bytes += again_.front().arguments.size();
            next.items.push_back(std::move(again_.front()));
            again_.pop_front();
        }
        const auto most = next.items.empty() ? std::min<std::size_t>(batch_size_, options_.jobs - lines_in_flight_) : 1;
        while (next.items.size() < most && next.bytes < most_bytes_in_flight / 4 && !is_stopping_) {
            const auto line = input_.next();
            if (!line) {
                break;
            }
            if (auto made = item_of(*line)) {
                next.bytes += made->arguments.size();
                next.items.push_back(std::move(*made));
            }
        }
        if (next.items.empty()) {
            return false;
        }
        send(std::move(next));
        return true;
    }

    std::optional<item> item_of(const line_reader::line& line) {
        ++lines_;
        const bool is_blank = options_.lines == map_options::form::json && !line.is_too_long &&
                              line.text.find_first_not_of(" \t\r") == std::string_view::npos;
        if (is_blank || log_.has(lines_)) {
            return std::nullopt;
        }
        item made{.number = lines_, .order = next_order_++, .arguments = {}};
        if (options_.is_ordered) {
            slots_.emplace_back();
        }
        ++counts_.started;
        try {
            if (line.is_too_long) {
                throw bad_line{"is longer than " + std::to_string(longest_line >> 20U) + " MiB"};
            }
            made.arguments = arguments_(line.text);
            return made;
        } catch (const bad_line& bad) {
            fail(made, R"({"type":"ValueError","message":)" + nlohmann::json("the line " + bad.reason).dump() + "}",
                 bad.reason, {});
            return std::nullopt;
        }
    }

    void send(batch next) {
        const auto id = ++last_id_;
        const bool is_map = !options_.timeout && options_.tries == 1;
        request_.assign(R"({"id":)").append(std::to_string(id));
        request_ += R"(,"method":"run","params":{"task":{"return_exceptions":true,)";
        request_ += is_map ? R"("map":)" + function_ + R"(,"literal":true,"over":[)" : R"("gather":[)";
        for (const auto& each : next.items) {
            request_ += &each == next.items.data() ? "" : ",";
            if (is_map) {
                request_ += each.arguments;
            } else {
                request_.append(before_arguments_).append(each.arguments).append(behind_arguments_);
            }
        }
        request_.append("]}").append(trace_).append("}}\n");
        lines_in_flight_ += next.items.size();
        bytes_in_flight_ += next.bytes;
        in_flight_.emplace(id, std::move(next));
        pipeline_.send(request_);
        silent_steps_ = 0;
    }

    /// `[{"value":1},..]}` of an answer is by far most of what comes, and is not parsed.
    void take_message(std::string_view line) {
        silent_steps_ = 0;
        constexpr std::string_view before_id = R"({"jsonrpc":"2.0","id":)";
        constexpr std::string_view before_result = R"(,"result":[)";
        if (is_over_) {
            return;
        }
        if (line.starts_with(before_id)) {
            auto rest = line.substr(before_id.size());
            std::uint64_t id = 0;
            const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
            rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
            if (fault == std::errc{} && rest.starts_with(before_result)) {
                rest.remove_prefix(before_result.size());
                take_results(id, rest);
                return;
            }
        }
        take_other(line);
    }

    void take_other(std::string_view line) {
        const auto message = parse_server_message(line);
        if (!message) {
            lose("what answers is no gatherd");
        } else if (message->is_notification()) {
            const auto text = message->params.find("text");
            if (message->method == "output" && text != message->params.end() && text->is_string()) {
                bar_.write_line(text->get_ref<const std::string&>());
            }
        } else if (!message->error.is_null()) {
            take_error(message->id, message->error);
        } else {
            lose("what answers is no gatherd");
        }
    }

    [[nodiscard]] std::optional<batch> taken(std::uint64_t id) {
        const auto found = in_flight_.find(id);
        if (found == in_flight_.end()) {
            return std::nullopt;
        }
        auto done = std::move(found->second);
        in_flight_.erase(found);
        lines_in_flight_ -= done.items.size();
        bytes_in_flight_ -= done.bytes;
        return done;
    }

    void take_results(std::uint64_t id, std::string_view results) {
        const auto done = taken(id);
        if (!done) {
            return;
        }
        const auto took = steady_clock::now() - done->began;
        if (took < quick && done->items.size() >= batch_size_) {
            batch_size_ = std::min(batch_size_ * 2, largest_batch_);
        } else if (took > slow) {
            batch_size_ = 1;
        }
        for (const auto& each : done->items) {
            const auto result = cut_value(results);
            constexpr std::string_view before_value = R"({"value":)";
            constexpr std::string_view before_error = R"({"error":)";
            if (result.starts_with(before_value)) {
                succeed(each, result.substr(before_value.size(), result.size() - before_value.size() - 1), *done);
            } else if (result.starts_with(before_error)) {
                const auto error = result.substr(before_error.size(), result.size() - before_error.size() - 1);
                fail(each, std::string{error}, reason_of(error), *done);
            } else {
                lose("what answers is no gatherd");
                return;
            }
            if (is_over_) {
                return;
            }
        }
        go_on();
    }

    static std::string reason_of(std::string_view error) {
        const auto raised = api::value::parse(error, nullptr, false);
        const auto member = [&raised](const char* name) {
            const auto found = raised.find(name);
            return raised.is_object() && found != raised.end() && found->is_string() ? found->get<std::string>()
                                                                                     : std::string{};
        };
        const auto message = member("message");
        return member("type") + (message.empty() ? "" : ": " + message);
    }

    void take_error(std::optional<std::uint64_t> id, const api::value& error) {
        auto done = id ? taken(*id) : std::nullopt;
        const auto report =
            report_failure(error, options_.timeout || options_.tries > 1 ? "/task/gather/0" : "/task/over/0");
        const auto code = error.value("code", 0);
        const auto is = [code](api::errc which) { return code == static_cast<int>(which); };
        if (!done || is(api::errc::not_authenticated) || is(api::errc::shutting_down) || is(api::errc::cancelled)) {
            give_up(report.text, report.exit_status);
        } else if (is(api::errc::overloaded)) {
            try_later(std::move(done->items), error);
        } else if (done->items.size() > 1) {
            // One of them is at fault: by themselves the others are not.
            std::ranges::move(done->items, std::back_inserter(again_));
            batch_size_ = 1;
        } else if (is(api::errc::invalid_params) &&
                   (path_of(error).ends_with("/call") || path_of(error) == "/task/map")) {
            give_up(report.text, report.exit_status);
        } else {
            const auto type = is(api::errc::invalid_params) ? "TypeError" : "RuntimeError";
            fail(done->items.front(), api::value{{"type", type}, {"message", report.text}}.dump(), report.text, *done);
        }
        go_on();
    }

    static std::string path_of(const api::value& error) {
        const auto data = error.find("data");
        return data != error.end() && data->is_object() && data->contains("path") && (*data)["path"].is_string()
                   ? (*data)["path"].get<std::string>()
                   : std::string{};
    }

    /// The daemon is overloaded, and says for how long.
    void try_later(std::vector<item> items, const api::value& error) {
        std::ranges::move(items, std::back_inserter(again_));
        batch_size_ = 1;
        if (is_waiting_) {
            return;
        }
        is_waiting_ = true;
        double seconds = 0.1;
        if (const auto data = error.find("data"); data != error.end() && data->is_object()) {
            const auto after = data->find("retry_after");
            seconds = after != data->end() && after->is_number() ? after->get<double>() : seconds;
        }
        constexpr double longest = 10;
        constexpr double shortest = 0.01;
        timer_.expires_after(milliseconds{static_cast<int>(std::clamp(seconds, shortest, longest) * 1000)});
        timer_.async_wait([this](asio::error_code stopped) {
            if (!stopped) {
                is_waiting_ = false;
                go_on();
            }
        });
    }

    void succeed(const item& done, std::string_view result, const batch& with) {
        note(done, 0, with, result.size());
        options_.is_raw ? show(done.order, plain_text(result)) : show(done.order, result);
        count(true);
    }

    void fail(const item& done, const std::string& error, const std::string& reason, const std::optional<batch>& with) {
        bar_.write_line("gatherd: line " + std::to_string(done.number) + ": " + reason);
        note(done, 1, with ? *with : batch{}, 0);
        show(done.order, options_.shows_errors ? error : "null");
        count(false);
    }

    void note(const item& done, int status, const batch& with, std::size_t bytes) {
        if (log_.is_open()) {
            log_.add({.number = done.number,
                      .began = with.began_at,
                      .took = steady_clock::now() - with.began,
                      .received = bytes,
                      .exit_value = status,
                      .command = options_.function + " " + done.arguments});
        }
    }

    void count(bool is_good) {
        ++counts_.done;
        counts_.failed += is_good ? 0 : 1;
        if (input_.is_at_end()) {
            counts_.total = counts_.started;
        }
        const auto then = options_.halt.after(counts_.done, counts_.failed, counts_.total);
        if (then != halt_rule::action::none && !is_halted_) {
            is_halted_ = is_stopping_ = true;
            halt_status_ = is_good ? 0 : exit_status::task_failed;
            if (then == halt_rule::action::now) {
                stop_at_once();
            }
        }
    }

    void show(std::uint64_t order, std::string_view text) {
        if (!options_.is_ordered) {
            write(text);
        } else if (order == first_order_) {
            write(text);
            slots_.pop_front();
            ++first_order_;
            while (!slots_.empty() && slots_.front()) {
                bytes_held_ -= slots_.front()->size();
                write(*slots_.front());
                slots_.pop_front();
                ++first_order_;
            }
        } else {
            bytes_held_ += text.size();
            slots_[order - first_order_] = text;
        }
    }

    void write(std::string_view text) {
        if (has_terminal_output_) {
            bar_.clear();
        }
        output_.write(text);
        output_.write(std::string_view{&options_.separator, 1});
        if (output_.is_full()) {
            pipeline_.hold_up(true);
        }
    }

    /// After whatever may have made room.
    void go_on() {
        if (output_.is_closed() && !is_over_) {
            stop_at_once();
        }
        if (is_over_) {
            if (output_.held() == 0) {
                pipeline_.context().stop();
            }
            return;
        }
        silent_steps_ = 0;
        pipeline_.hold_up(output_.is_full());
        pump();
    }

    void stop_at_once() {
        is_stopping_ = true;
        finish();
    }

    void give_up(std::string why, int status) {
        fault_ = std::move(why);
        fault_status_ = status;
        stop_at_once();
    }

    void lose(std::string why) {
        if (!is_over_) {
            give_up(std::move(why), exit_status::no_connection);
        }
    }

    /// Nothing more is started or taken in; what has been finished is written.
    void finish() {
        if (is_over_) {
            return;
        }
        is_over_ = true;
        for (auto& each : slots_) {
            if (each) {
                write(*each);
            }
        }
        slots_.clear();
        if (interrupted_by_ != 0) {
            timer_.expires_after(last_write);
            timer_.async_wait([this](asio::error_code) { pipeline_.context().stop(); });
        }
        if (output_.held() == 0) {
            pipeline_.context().stop();
        }
    }

    /// A daemon that hangs must not keep the command. The time passes in steps, so that a command that was stopped
    /// itself looks at what has come before it gives up.
    void await_silence() {
        constexpr int most_steps = 10;
        silence_timer_.expires_after(*options_.patience / most_steps);
        silence_timer_.async_wait([this](asio::error_code stopped) {
            if (stopped || is_over_) {
                return;
            }
            silent_steps_ = in_flight_.empty() || output_.is_full() ? 0 : silent_steps_ + 1;
            if (silent_steps_ > most_steps) {
                give_up("timed out: no answer from the daemon within " + config::duration_text(*options_.patience) +
                            ", the timeout and the grace of all tries",
                        exit_status::timed_out);
            } else {
                await_silence();
            }
        });
    }

    void draw_bar() {
        counts_.part = input_.part_taken();
        bar_.show([this](std::size_t width) { return rate_line(counts_, steady_clock::now() - began_, width); });
        bar_timer_.expires_after(bar_interval);
        bar_timer_.async_wait([this](asio::error_code stopped) {
            if (!stopped) {
                draw_bar();
            }
        });
    }

    int end_status() {
        const auto unfinished = counts_.started - counts_.done;
        if (interrupted_by_ != 0) {
            say("interrupted; " + std::to_string(counts_.done) + " lines are done, " + std::to_string(unfinished) +
                " were cut off");
            return interrupted_by_ == SIGINT ? exit_status::cancelled_by_key : exit_status::cancelled_by_term;
        }
        if (!fault_.empty()) {
            say(fault_);
            return fault_status_;
        }
        if (output_.is_closed() && output_.failure() != EPIPE) {
            say(std::string{"cannot write to standard output: "} + std::strerror(output_.failure()));
            return exit_status::task_failed;
        }
        if (input_.failure() != 0) {
            say(std::string{"cannot read standard input: "} + std::strerror(input_.failure()));
            return exit_status::usage;
        }
        const auto status = options_.halt.exit_status(halt_status(), counts_.started, counts_.failed);
        return status == 0 ? exit_status::fine : exit_status::task_failed;
    }

    [[nodiscard]] std::optional<int> halt_status() const {
        return is_halted_ ? std::optional{halt_status_} : std::nullopt;
    }

    const map_options& options_;
    argument_maker arguments_;
    job_log log_;
    client::pipeline pipeline_;
    line_reader input_;
    paced_output output_;
    asio::signal_set signals_;
    asio::steady_timer timer_;  // of an overloaded daemon, then of the last write
    asio::steady_timer bar_timer_;
    asio::steady_timer silence_timer_;
    progress_bar bar_;
    const bool has_terminal_output_ = isatty(STDOUT_FILENO) == 1;
    const std::string function_ = api::value(options_.function).dump();
    const std::string before_arguments_ = opening();
    const std::string behind_arguments_ = closing();
    const std::string trace_ = trace_member();
    const steady_clock::time_point began_ = steady_clock::now();

    std::string request_{};  // kept for its memory
    std::uint64_t last_id_ = 1;
    std::unordered_map<std::uint64_t, batch> in_flight_{};
    std::size_t lines_in_flight_ = 0;
    std::size_t bytes_in_flight_ = 0;
    std::deque<item> again_{};  // to be sent by themselves
    const std::size_t largest_batch_;
    std::size_t batch_size_ = 1;

    std::uint64_t lines_ = 0;
    std::uint64_t next_order_ = 0;
    std::uint64_t first_order_ = 0;                   // of the slots
    std::deque<std::optional<std::string>> slots_{};  // of lines whose results are not written yet
    std::size_t bytes_held_ = 0;
    job_counts counts_{};

    int silent_steps_ = 0;      // since something came, or was sent
    bool is_waiting_ = false;   // for an overloaded daemon
    bool is_stopping_ = false;  // no line is started
    bool is_halted_ = false;
    bool is_over_ = false;
    int halt_status_ = 0;
    int interrupted_by_ = 0;
    std::string fault_{};
    int fault_status_ = 0;

    [[nodiscard]] std::string opening() const {
        return (options_.tries > 1 ? R"({"retry":)" : std::string{}) +
               (options_.timeout ? R"({"wait_for":)" : std::string{}) + R"({"call":)" + function_ +
               R"(,"literal":true,"args":)";
    }

    [[nodiscard]] std::string closing() const {
        return "}" + (options_.timeout ? R"(,"timeout":)" + *options_.timeout + "}" : std::string{}) +
               (options_.tries > 1 ? R"(,"attempts":)" + std::to_string(options_.tries) + "}" : std::string{});
    }
};

}  // namespace

int run_map(client& daemon, const map_options& options) {
    return map_run{daemon, options}.run();
}

}  // namespace gatherd::cli::jobs
