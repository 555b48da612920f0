#include "cli/jobs/exec_run.hpp"

#include <fcntl.h>
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
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "cli/exit_status.hpp"
#include "cli/failures.hpp"
#include "cli/jobs/child_process.hpp"
#include "cli/jobs/command_template.hpp"
#include "cli/jobs/exec_job.hpp"
#include "cli/jobs/exec_printer.hpp"
#include "cli/jobs/rate_line.hpp"
#include "cli/jobs/results_folder.hpp"
#include "cli/progress_bar.hpp"
#include "cli/standard_output.hpp"

namespace gatherd::cli::jobs {

namespace {

using std::chrono::steady_clock, std::chrono::system_clock;

constexpr std::chrono::seconds before_kill{2};
constexpr std::chrono::milliseconds before_kill_at_end{500};
constexpr std::chrono::milliseconds interval_of_bar{100};
constexpr int cannot_execute = 126;
constexpr int no_such_command = 127;
constexpr int signal_base = 128;
constexpr int other_fault = 255;

class exec_run {
public:
    explicit exec_run(const exec_options& options)
        : options_{options},
          template_{options.command, options.shell, options.repeats_words && options.arguments.count > 1,
                    options.replacement},
          log_{options.log},
          source_{context_, options.arguments},
          signals_{context_, SIGINT, SIGTERM},
          timer_{context_},
          delay_timer_{context_},
          bar_timer_{context_},
          bar_{options.shows_bar},
          printer_{context_, options, bar_},
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
        printer_.on_room([this] { print(); });
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
        return !is_stopping_ && !is_delayed_ && !is_short_ && !slots_.empty() && printer_.may_start();
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
        if (is_done() && printer_.is_done()) {
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
            printer_.skip(number);
            return true;
        }
        const auto next = std::make_shared<exec_job>(context_);
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

    void start(const exec_job_ptr& next) {
        next->values.slot = *slots_.begin();
        next->line = template_.line(next->values);
        ++next->tries;
        next->began = steady_clock::now();
        next->began_at = system_clock::now();
        if (options_.is_dry) {
            take(next, out, next->line + "\n");
            finish(next, {}, true);
            return;
        }
        if (options_.shows_commands) {
            printer_.take(*next, err, next->line + "\n");
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
            take(next, err, "gatherd: " + template_.argv(next->values).front() + ": " + failed.what() + "\n");
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
                    say("job " + std::to_string(next->values.number) +
                        " was killed because its time was over: " + next->line);
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

    void spawn(const exec_job_ptr& next) {
        const auto argv = template_.argv(next->values);
        if (argv.empty()) {
            throw std::system_error{ENOENT, std::system_category()};
        }
        for (const auto& each : argv) {
            if (each.find('\0') != std::string::npos) {
                throw std::system_error{EINVAL, std::system_category(), "a NUL in an argument"};
            }
        }
        if (!options_.results.empty()) {
            auto files = open_results(options_.results, next->values);
            next->streams[out].file = std::move(files.out);
            next->streams[err].file = std::move(files.err);
        }
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

    void await_end(const exec_job_ptr& running) {
        running->handle.assign(running->process->take_handle());
        running->handle.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [this, running](asio::error_code stopped) {
                                       if (!stopped) {
                                           running->handle.close();
                                           guarded([&] { take_end(running); });
                                       }
                                   });
    }

    void await_output(const exec_job_ptr& running, stream_index which) {
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
    [[nodiscard]] bool is_held_up(const exec_job_ptr& running) const {
        return printer_.is_live(*running) && !printer_.has_room();
    }

    /// Reads what is there, up to a bound; false: the pipe has ended, and is closed.
    bool read_some(const exec_job_ptr& running, stream_index which) {
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

    void take(const exec_job_ptr& running, stream_index which, std::string_view bytes) {
        auto& stream = running->streams.at(which);
        stream.bytes += bytes.size();
        if (stream.file != nullptr) {
            stream.file->write(bytes);
        }
        printer_.take(*running, which, bytes);
    }

    void take_end(const exec_job_ptr& ended) {
        const auto end = ended->process->reap();
        for (const auto which : {out, err}) {
            auto& pipe = ended->streams.at(which).pipe;
            if (pipe.is_open()) {
                read_rest(ended, which);
            }
            if (pipe.is_open()) {
                pipe.close();
            }
        }
        printer_.end_lines(*ended);
        std::erase_if(held_up_, [&ended](const auto& each) { return each.first == ended; });
        ended->process.reset();
        ended->timer.cancel();
        slots_.insert(ended->values.slot);
        running_.erase(ended->values.number);
        is_short_ = false;
        if (!is_over_) {
            const bool has_failed = end.status != 0 || end.signal != 0;
            if (has_failed && ended->tries < options_.tries && !is_stopping_) {
                printer_.drop(*ended);
                for (auto& each : ended->streams) {
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
    void read_rest(const exec_job_ptr& ended, stream_index which) {
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

    void finish(const exec_job_ptr& ended, child_end end, bool was_not_run) {
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
        printer_.add_ended(ended);
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

    /// Prints what may be printed now, as far as it is taken.
    void print() {
        guarded([this] {
            printer_.print(running_, is_over_);
            if (printer_.has_lost_reader() && !is_over_) {
                stop_at_once();
            }
            if (printer_.has_room()) {
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

    void end_process(const exec_job_ptr& running, steady_clock::duration patience) {
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
        if (const int reason = printer_.failure(); reason != 0) {
            say(std::string{"cannot write: "} + std::strerror(reason));
            return other_fault;
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
    asio::signal_set signals_;
    asio::steady_timer timer_;
    asio::steady_timer delay_timer_;
    asio::steady_timer bar_timer_;
    progress_bar bar_;
    exec_printer printer_;
    const int nothing_;  // /dev/null
    const steady_clock::time_point began_ = steady_clock::now();
    std::vector<char*> environment_ = inherited();
    std::string buffer_ = std::string(std::size_t{64} << 10, '\0');

    std::set<std::uint64_t> slots_{};  // that are free
    exec_printer::jobs_by_number running_{};
    std::deque<exec_job_ptr> again_{};                              // to be tried again
    std::vector<std::pair<exec_job_ptr, stream_index>> held_up_{};  // not read from until there is room
    std::uint64_t last_number_ = 0;
    job_counts counts_{};

    bool is_pumping_ = false;
    bool is_delayed_ = false;
    bool is_short_ = false;     // of descriptors or processes
    bool is_stopping_ = false;  // no job is started
    bool is_over_ = false;      // what ends is not told of any more
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
