#include "cli/jobs/exec_run.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/child_process.hpp"
#include "cli/jobs/command_template.hpp"
#include "cli/jobs/paced_output.hpp"
#include "cli/jobs/rate_line.hpp"
#include "cli/jobs/spool.hpp"
#include "cli/progress_bar.hpp"
#include "cli/standard_output.hpp"

namespace gatherd::cli::jobs {

namespace {

using std::chrono::steady_clock, std::chrono::system_clock;

constexpr std::size_t memory_for_output = std::size_t{8} << 20;
constexpr std::uint64_t most_output_held = std::uint64_t{1} << 30;  // of jobs that wait to be printed: more start later
constexpr std::size_t most_jobs_held = 20'000;
constexpr std::size_t longest_partial_line = std::size_t{1} << 20;
constexpr std::chrono::seconds before_kill{2};
constexpr std::chrono::milliseconds before_kill_at_end{500};
constexpr std::chrono::milliseconds interval_of_bar{100};
constexpr int cannot_execute = 126;
constexpr int no_such_command = 127;
constexpr int signal_base = 128;
constexpr int other_fault = 255;

enum stream_index : std::size_t { out, err };

/// Where an argument's results are, as GNU parallel names folders.
std::string folder_name(const std::string& argument) {
    std::string name;
    for (const char each : argument) {
        switch (each) {
            case '/':
                name += "\\_";
                break;
            case '\\':
                name += "\\\\";
                break;
            case '\t':
                name += "\\t";
                break;
            default:
                name += each;
        }
    }
    return name;
}

/// A file of --results.
class result_file {
public:
    explicit result_file(const std::string& path)
        : path_{path}, descriptor_{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)} {
        if (descriptor_ < 0) {
            refuse_write();
        }
    }
    ~result_file() { ::close(descriptor_); }
    result_file(const result_file&) = delete;
    result_file& operator=(const result_file&) = delete;

    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto count = ::write(descriptor_, bytes.data(), bytes.size());
            if (count < 0 && errno != EINTR) {
                refuse_write();
            }
            bytes.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
        }
    }

private:
    [[noreturn]] void refuse_write() const {
        throw usage_error{"--results: cannot write '" + path_ + "': " + std::strerror(errno)};
    }

    std::string path_;
    int descriptor_;
};

/// One of a process's two outputs.
struct output_stream {
    explicit output_stream(asio::io_context& context) : pipe{context} {}

    asio::posix::stream_descriptor pipe;  // our end, while it is open
    spool::stream held{};                 // to be printed
    std::string partial{};                // of a line, where lines are printed as they come
    std::unique_ptr<result_file> file{};
    std::uint64_t bytes = 0;
    bool is_at_line_start = true;  // of what was printed; for tags
};

struct job {
    explicit job(asio::io_context& context) : handle{context}, timer{context}, streams{output_stream{context}, output_stream{context}} {}

    job_values values{};
    std::string line{};
    std::string tag{};
    std::uint64_t tries = 0;
    std::unique_ptr<child_process> process{};
    asio::posix::stream_descriptor handle;  // of the process's end
    asio::steady_timer timer;
    std::array<output_stream, 2> streams;
    steady_clock::time_point began{};
    system_clock::time_point began_at{};
    bool is_timed_out = false;
    bool is_killed = false;  // SIGKILL follows SIGTERM
    bool has_ended = false;
};

using job_ptr = std::shared_ptr<job>;

class exec_run {
public:
    explicit exec_run(const exec_options& options)
        : options_{options},
          template_{options.command, options.shell, options.arguments.count > 1},
          log_{options.log},
          source_{context_, options.arguments},
          output_{context_, STDOUT_FILENO, true},
          errors_{context_, STDERR_FILENO, true},
          signals_{context_, SIGINT, SIGTERM},
          timer_{context_},
          delay_timer_{context_},
          bar_timer_{context_},
          bar_{options.shows_bar},
          nothing_{::open("/dev/null", O_RDONLY | O_CLOEXEC)} {
        if (nothing_ < 0) {
            throw usage_error{std::string{"cannot open /dev/null: "} + std::strerror(errno)};
        }
        for (std::uint64_t slot = 1; slot <= options.jobs; ++slot) {
            slots_.insert(slot);
        }
        counts_.total = source_.total();
    }

    ~exec_run() { ::close(nothing_); }
    exec_run(const exec_run&) = delete;
    exec_run& operator=(const exec_run&) = delete;

    int run() {
        signals_.async_wait([this](asio::error_code failed, int number) {
            if (!failed) {
                interrupted_by_ = number;
                stop_at_once();
            }
        });
        output_.on_room([this] { print(); });
        errors_.on_room([this] { print(); });
        if (options_.shows_bar) {
            draw_bar();
        }
        pump();
        context_.run();
        source_.close();
        bar_.clear();
        return end_status();
    }

private:
    [[nodiscard]] bool may_start() const {
        return !is_stopping_ && !is_delayed_ && !is_short_ && !slots_.empty() && !output_.is_full() && !errors_.is_full() &&
               spool_.held() < most_output_held && finished_.size() + waiting_.size() < most_jobs_held;
    }

    void pump() {
        while (may_start() && start_one()) {
        }
        if (may_start() && !source_.is_at_end() && !source_.is_reading()) {
            source_.read_more([this] { pump(); });
        }
        if (source_.is_at_end() && !counts_.total) {
            counts_.total = counts_.started;
            check_halt(0, false);
        }
        end_if_done();
    }

    [[nodiscard]] bool is_done() const {
        return running_.empty() && again_.empty() && (is_stopping_ || source_.is_at_end());
    }

    void end_if_done() {
        const bool is_printed =
            finished_.empty() && waiting_.empty() && output_.held() == 0 && errors_.held() == 0;
        if (is_done() && is_printed) {
            context_.stop();
        }
    }

    /// False: there is nothing to start for now.
    bool start_one() {
        if (!again_.empty()) {
            const auto next = again_.front();
            again_.pop_front();
            start(next);
            return true;
        }
        auto arguments = source_.next();
        if (!arguments) {
            return false;
        }
        const auto number = ++last_number_;
        if (log_.has(number)) {
            if (options_.is_ordered) {
                skipped_.insert(number);
            }
            return true;
        }
        const auto next = std::make_shared<job>(context_);
        next->values.arguments = std::move(*arguments);
        next->values.number = number;
        for (const auto& each : next->values.arguments) {
            next->tag += (&each == next->values.arguments.data() ? "" : " ") + each;
        }
        next->tag += "\t";
        ++counts_.started;
        start(next);
        return true;
    }

    void start(const job_ptr& next) {
        next->values.slot = *slots_.begin();
        next->line = template_.line(next->values);
        ++next->tries;
        next->began = steady_clock::now();
        next->began_at = system_clock::now();
        if (options_.is_dry) {
            spool_.add(next->streams[out].held, next->line + "\n");
            finish(next, {}, true);
            return;
        }
        try {
            spawn(next);
        } catch (const std::system_error& failed) {
            const int reason = failed.code().value();
            const bool may_pass = reason == EAGAIN || reason == EMFILE || reason == ENFILE || reason == ENOMEM;
            if (may_pass && !running_.empty()) {
                --next->tries;
                again_.push_front(next);
                is_short_ = true;  // until another has ended
                return;
            }
            take(next, err, "gatherd: " + template_.argv(next->values).front() + ": " + failed.code().message() + "\n");
            finish(next, {.status = reason == ENOENT ? no_such_command : cannot_execute}, true);
            return;
        }
        slots_.erase(next->values.slot);
        running_.emplace(next->values.number, next);
        await_end(next);
        if (options_.timeout) {
            next->timer.expires_after(*options_.timeout);
            next->timer.async_wait([this, next](asio::error_code stopped) {
                if (!stopped) {
                    next->is_timed_out = true;
                    say("job " + std::to_string(next->values.number) + " was killed because its time was over: " + next->line);
                    end_process(next, before_kill);
                }
            });
        }
        if (options_.delay.count() > 0) {
            is_delayed_ = true;
            delay_timer_.expires_after(options_.delay);
            delay_timer_.async_wait([this](asio::error_code stopped) {
                if (!stopped) {
                    is_delayed_ = false;
                    pump();
                }
            });
        }
    }

    void spawn(const job_ptr& next) {
        const auto argv = template_.argv(next->values);
        if (argv.empty()) {
            throw std::system_error{ENOENT, std::system_category()};
        }
        for (const auto& each : argv) {
            if (each.find('\0') != std::string::npos) {
                throw std::system_error{EINVAL, std::system_category(), "a NUL in an argument"};
            }
        }
        open_results(next);
        auto number = "PARALLEL_SEQ=" + std::to_string(next->values.number);
        auto slot = "PARALLEL_JOBSLOT=" + std::to_string(next->values.slot);
        environment_[0] = number.data();
        environment_[1] = slot.data();
        if (options_.groups == exec_options::grouping::none) {
            next->process = std::make_unique<child_process>(argv, environment_, nothing_, STDOUT_FILENO, STDERR_FILENO);
            return;
        }
        std::array<int, 2> ends{-1, -1};  // that are the child's
        const auto close_ends = [&ends] {
            for (const int each : ends) {
                if (each >= 0) {
                    ::close(each);
                }
            }
        };
        try {
            for (const auto which : {out, err}) {
                std::array<int, 2> both{};
                if (pipe2(both.data(), O_CLOEXEC) != 0) {
                    throw std::system_error{errno, std::system_category()};
                }
                ends.at(which) = both[1];
                ::fcntl(both[0], F_SETFL, O_NONBLOCK);
                next->streams.at(which).pipe.assign(both[0]);
            }
            next->process = std::make_unique<child_process>(argv, environment_, nothing_, ends[out], ends[err]);
        } catch (...) {
            close_ends();
            for (auto& each : next->streams) {
                each.pipe.close();
            }
            throw;
        }
        close_ends();
        for (const auto which : {out, err}) {
            await_output(next, which);
        }
    }

    void open_results(const job_ptr& next) const {
        if (options_.results.empty()) {
            return;
        }
        auto folder = options_.results;
        for (std::size_t i = 0; i < next->values.arguments.size(); ++i) {
            folder += "/" + std::to_string(i + 1) + "/" + folder_name(next->values.arguments[i]);
        }
        std::error_code failed;
        std::filesystem::create_directories(folder, failed);
        if (failed) {
            throw usage_error{"--results: cannot make the folder '" + folder + "': " + failed.message()};
        }
        next->streams[out].file = std::make_unique<result_file>(folder + "/stdout");
        next->streams[err].file = std::make_unique<result_file>(folder + "/stderr");
        result_file{folder + "/seq"}.write(std::to_string(next->values.number));
    }

    void await_end(const job_ptr& running) {
        running->handle.assign(running->process->take_handle());
        running->handle.async_wait(asio::posix::stream_descriptor::wait_read, [this, running](asio::error_code stopped) {
            if (!stopped) {
                running->handle.close();
                guarded([&] { take_end(running); });
            }
        });
    }

    void await_output(const job_ptr& running, stream_index which) {
        auto& pipe = running->streams.at(which).pipe;
        pipe.async_wait(asio::posix::stream_descriptor::wait_read, [this, running, which](asio::error_code stopped) {
            if (stopped) {
                return;
            }
            guarded([&] {
                if (read_some(running, which) && !is_held_up(running)) {
                    await_output(running, which);
                } else if (running->streams.at(which).pipe.is_open()) {
                    held_up_.emplace_back(running, which);
                }
            });
        });
    }

    /// Where its lines are printed as they come, a process waits for whoever reads them.
    [[nodiscard]] bool is_held_up(const job_ptr& running) const {
        return is_live(*running) && (output_.is_full() || errors_.is_full());
    }

    /// Reads what is there, up to a bound; false: the pipe has ended, and is closed.
    bool read_some(const job_ptr& running, stream_index which) {
        auto& pipe = running->streams.at(which).pipe;
        constexpr int most_rounds = 4;
        for (int round = 0; round < most_rounds; ++round) {
            const auto count = ::read(pipe.native_handle(), buffer_.data(), buffer_.size());
            if (count > 0) {
                take(running, which, {buffer_.data(), static_cast<std::size_t>(count)});
                if (static_cast<std::size_t>(count) < buffer_.size()) {
                    return true;
                }
            } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
                pipe.close();
                return false;
            } else if (errno == EAGAIN) {
                return true;
            }
        }
        return true;
    }

    void take(const job_ptr& running, stream_index which, std::string_view bytes) {
        auto& stream = running->streams.at(which);
        stream.bytes += bytes.size();
        if (stream.file != nullptr) {
            stream.file->write(bytes);
        }
        if (!is_live(*running)) {
            spool_.add(stream.held, bytes);
            return;
        }
        if (options_.is_ordered) {  // it is the only one that is printed
            print_text(*running, which, bytes);
            return;
        }
        const auto end = bytes.rfind('\n');
        if (end != std::string_view::npos) {
            stream.partial.append(bytes.substr(0, end + 1));
            print_text(*running, which, std::exchange(stream.partial, {}));
            bytes.remove_prefix(end + 1);
        }
        stream.partial.append(bytes);
        if (stream.partial.size() > longest_partial_line) {
            print_text(*running, which, std::exchange(stream.partial, {}));
        }
    }

    /// Whether what it writes is printed at once.
    [[nodiscard]] bool is_live(const job& which) const {
        return options_.groups == exec_options::grouping::line &&
               (!options_.is_ordered || (which.values.number == next_printed() && which.streams[out].held.is_empty() &&
                                         which.streams[err].held.is_empty()));
    }

    void take_end(const job_ptr& ended) {
        const auto end = ended->process->reap();
        for (const auto which : {out, err}) {
            auto& pipe = ended->streams.at(which).pipe;
            if (pipe.is_open()) {
                read_rest(ended, which);
            }
            if (pipe.is_open()) {
                pipe.close();
            }
            auto& stream = ended->streams.at(which);
            if (!stream.partial.empty()) {
                print_text(*ended, which, std::exchange(stream.partial, {}));
            }
        }
        std::erase_if(held_up_, [&ended](const auto& each) { return each.first == ended; });
        ended->process.reset();
        ended->timer.cancel();
        slots_.insert(ended->values.slot);
        running_.erase(ended->values.number);
        is_short_ = false;
        if (!is_over_) {
            const bool has_failed = end.status != 0 || end.signal != 0;
            if (has_failed && ended->tries < options_.tries && !is_stopping_) {
                for (auto& each : ended->streams) {
                    spool_.drop(each.held);
                    each.bytes = 0;
                }
                ended->is_timed_out = ended->is_killed = false;
                again_.push_back(ended);
            } else {
                finish(ended, end, false);
            }
        }
        pump();
    }

    /// What the process itself has written; others may hold the pipe and go on.
    void read_rest(const job_ptr& ended, stream_index which) {
        auto& pipe = ended->streams.at(which).pipe;
        const int capacity = ::fcntl(pipe.native_handle(), F_GETPIPE_SZ);
        for (std::int64_t left = std::max(capacity, 65'536); left > 0;) {
            const auto count = ::read(pipe.native_handle(), buffer_.data(), buffer_.size());
            if (count <= 0 && errno != EINTR) {
                return;
            }
            if (count > 0) {
                take(ended, which, {buffer_.data(), static_cast<std::size_t>(count)});
                left -= count;
            }
        }
    }

    void finish(const job_ptr& ended, child_end end, bool was_not_run) {
        ended->has_ended = true;
        const int status = end.signal != 0 ? signal_base + end.signal : end.status;
        ++counts_.done;
        counts_.failed += status != 0 ? 1 : 0;
        if (log_.is_open() && !options_.is_dry) {
            log_.add({.number = ended->values.number,
                      .began = ended->began_at,
                      .took = was_not_run ? std::chrono::duration<double>{0} : steady_clock::now() - ended->began,
                      .received = ended->streams[out].bytes,
                      .exit_value = ended->is_timed_out ? -1 : end.status,
                      .signal = end.signal,
                      .command = ended->line});
        }
        for (auto& each : ended->streams) {
            each.file.reset();
        }
        if (options_.is_ordered) {
            waiting_.emplace(ended->values.number, ended);
        } else {
            finished_.push_back(ended);
        }
        check_halt(status, true);
        print();
    }

    void check_halt(int status, bool is_told) {
        const auto then = options_.halt.after(counts_.done, counts_.failed, counts_.total);
        if (then == halt_rule::action::none || halt_status_) {
            return;
        }
        if (is_told) {
            halt_status_ = status;
            say("stopping after a job that ended with status " + std::to_string(status) +
                (then == halt_rule::action::soon && !running_.empty()
                     ? "; waiting for " + std::to_string(running_.size()) + " that run"
                     : std::string{}));
        } else {
            halt_status_ = 1;
        }
        is_stopping_ = true;
        if (then == halt_rule::action::now) {
            cut_off();
        }
    }

    [[nodiscard]] std::uint64_t next_printed() const { return printed_ + 1; }

    void skip_printed() {
        while (!skipped_.empty() && *skipped_.begin() == next_printed()) {
            skipped_.erase(skipped_.begin());
            ++printed_;
        }
    }

    /// Prints what may be printed now, as far as it is taken.
    void print() {
        guarded([this] {
            print_some();
            if ((output_.is_closed() || errors_.is_closed()) && !is_over_) {
                stop_at_once();
            }
            if (!output_.is_full() && !errors_.is_full()) {
                for (const auto& [running, which] : std::exchange(held_up_, {})) {
                    await_output(running, which);
                }
            }
            if (!is_pumping_) {
                is_pumping_ = true;
                pump();
                is_pumping_ = false;
            }
        });
    }

    void print_some() {
        while (!output_.is_full() && !errors_.is_full()) {
            skip_printed();
            if (finished_.empty() && options_.is_ordered) {
                // When all has ended, what was cut off leaves gaps.
                const auto next = is_over_ && running_.empty() ? waiting_.begin() : waiting_.find(next_printed());
                if (next != waiting_.end()) {
                    finished_.push_back(next->second);
                    waiting_.erase(next);
                } else if (options_.groups == exec_options::grouping::line) {
                    print_held_of_first();
                    return;
                }
            }
            if (finished_.empty()) {
                return;
            }
            const auto first = finished_.front();
            const auto which = !first->streams[out].held.is_empty() ? out : err;
            if (first->streams.at(which).held.is_empty()) {
                finished_.pop_front();
                ++printed_;
                continue;
            }
            print_text(*first, which, spool_.take(first->streams.at(which).held));
        }
    }

    /// The first one that runs has lines from when others were before it.
    void print_held_of_first() {
        const auto first = running_.find(next_printed());
        if (first == running_.end()) {
            return;
        }
        for (const auto which : {out, err}) {
            auto& held = first->second->streams.at(which).held;
            while (!held.is_empty() && !output_.is_full() && !errors_.is_full()) {
                print_text(*first->second, which, spool_.take(held));
            }
        }
    }

    void print_text(job& of, stream_index which, std::string_view text) {
        auto& into = which == out ? output_ : errors_;
        if (has_terminal_) {
            bar_.clear();
        }
        if (!options_.has_tags) {
            into.write(text);
            return;
        }
        auto& is_at_start = of.streams.at(which).is_at_line_start;
        while (!text.empty()) {
            if (is_at_start) {
                into.write(of.tag);
            }
            const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
            into.write(line);
            is_at_start = line.ends_with('\n');
            text.remove_prefix(line.size());
        }
    }

    void end_process(const job_ptr& running, steady_clock::duration patience) {
        if (running->process == nullptr || running->is_killed) {
            return;
        }
        running->is_killed = true;
        running->process->signal_group(SIGTERM);
        running->timer.expires_after(patience);
        running->timer.async_wait([running](asio::error_code stopped) {
            if (!stopped && running->process != nullptr) {
                running->process->signal_group(SIGKILL);
            }
        });
    }

    /// What runs is ended, and not told of.
    void cut_off() {
        again_.clear();
        is_over_ = true;
        for (const auto& [number, running] : running_) {
            running->is_killed = false;
            end_process(running, before_kill_at_end);
        }
    }

    /// A signal, or nobody reads any more.
    void stop_at_once() {
        is_stopping_ = true;
        cut_off();
        timer_.expires_after(before_kill_at_end * 2);
        timer_.async_wait([this](asio::error_code) { context_.stop(); });
        print();
    }

    /// Errors of files end the run, with what runs.
    template <typename Step>
    void guarded(const Step& step) {
        try {
            step();
        } catch (const usage_error& failed) {
            if (fault_.empty()) {
                fault_ = failed.what();
                stop_at_once();
            }
        }
    }

    void draw_bar() {
        counts_.part = source_.part_taken();
        bar_.show([this](std::size_t width) { return rate_line(counts_, steady_clock::now() - began_, width); });
        bar_timer_.expires_after(interval_of_bar);
        bar_timer_.async_wait([this](asio::error_code stopped) {
            if (!stopped) {
                draw_bar();
            }
        });
    }

    int end_status() {
        for (const auto& [number, running] : running_) {
            running->process.reset();  // killed, if it still runs
        }
        if (!fault_.empty()) {
            say(fault_);
            return other_fault;
        }
        if (interrupted_by_ != 0) {
            return signal_base + interrupted_by_;
        }
        for (const int reason : {output_.failure(), errors_.failure()}) {
            if (reason != 0 && reason != EPIPE) {
                say(std::string{"cannot write: "} + std::strerror(reason));
                return other_fault;
            }
        }
        if (source_.failure() != 0) {
            say(std::string{"cannot read the arguments: "} + std::strerror(source_.failure()));
            return other_fault;
        }
        return options_.halt.exit_status(halt_status_, halt_status_ && counts_.total ? *counts_.total : counts_.started,
                                         counts_.failed);
    }

    const exec_options& options_;
    const command_template template_;
    job_log log_;
    asio::io_context context_{1};
    argument_source source_;
    paced_output output_;
    paced_output errors_;
    asio::signal_set signals_;
    asio::steady_timer timer_;
    asio::steady_timer delay_timer_;
    asio::steady_timer bar_timer_;
    progress_bar bar_;
    spool spool_{memory_for_output};
    const int nothing_;  // /dev/null
    const bool has_terminal_ = isatty(STDOUT_FILENO) == 1;
    const steady_clock::time_point began_ = steady_clock::now();
    std::vector<char*> environment_ = inherited();
    std::string buffer_ = std::string(std::size_t{64} << 10, '\0');

    std::set<std::uint64_t> slots_{};  // that are free
    std::map<std::uint64_t, job_ptr> running_{};
    std::deque<job_ptr> again_{};                                   // to be tried again
    std::deque<job_ptr> finished_{};                                // to be printed, in this order
    std::map<std::uint64_t, job_ptr> waiting_{};                    // ended, behind others that have not
    std::set<std::uint64_t> skipped_{};                             // since the log has them, and not yet passed by
    std::vector<std::pair<job_ptr, stream_index>> held_up_{};       // not read from until there is room
    std::uint64_t last_number_ = 0;
    std::uint64_t printed_ = 0;  // in order: up to this number
    job_counts counts_{};

    bool is_pumping_ = false;
    bool is_delayed_ = false;
    bool is_short_ = false;     // of descriptors or processes
    bool is_stopping_ = false;  // no job is started
    bool is_over_ = false;  // what ends is not told of any more
    std::optional<int> halt_status_{};
    int interrupted_by_ = 0;
    std::string fault_{};

    static std::vector<char*> inherited() {
        std::vector<char*> all{nullptr, nullptr};  // two of each job
        for (char** each = environ; *each != nullptr; ++each) {
            const std::string_view variable{*each};
            if (!variable.starts_with("PARALLEL_SEQ=") && !variable.starts_with("PARALLEL_JOBSLOT=")) {
                all.push_back(*each);
            }
        }
        all.push_back(nullptr);
        return all;
    }
};

}  // namespace

int run_exec(const exec_options& options) {
    return exec_run{options}.run();
}

}  // namespace gatherd::cli::jobs
