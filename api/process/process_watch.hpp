/// \file
/// A process that runs: its output is read and its end noticed by a worker's reactor.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/process/process_spawner.hpp"
#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/event.hpp"

namespace gatherd::api::process {

/// Reads what a process writes, up to a bound, waits for its end, and reaps it.
///
/// The end is that of the process itself: what it has written by then is read, and then the pipes are closed, whoever
/// else holds them. If it is stopped (a cancellation, or its time is over), its group gets SIGTERM, and SIGKILL when
/// some time has passed or the process has ended; only then is it reaped, so that the group's number is still its own.
///
/// Threads: start on the worker whose reactor this is; stop and kill from any thread; the results after has_ended() was
/// awaited. It keeps itself alive until the end.
class process_watch : public std::enable_shared_from_this<process_watch> {
public:
    using clock = std::chrono::steady_clock;

    /// `account`: whose memory it is that is kept of its output; null: nobody's. Without memory no more is kept, since
    /// who is refused some ends. `began`: from when the time counts, before the process could run. `before_kill`: how
    /// long its group has after SIGTERM.
    process_watch(asio::io_context& home, started_process started, std::size_t max_output,
                  std::shared_ptr<executor::memory_account> account, clock::time_point began,
                  std::chrono::milliseconds before_kill = std::chrono::seconds{2});
    virtual ~process_watch() = default;
    process_watch(const process_watch&) = delete;
    process_watch& operator=(const process_watch&) = delete;

    void start(std::optional<std::chrono::nanoseconds> timeout);

    /// To be awaited: until it has been reaped.
    [[nodiscard]] auto has_ended() noexcept { return ended_.wait(); }

    /// Has it end.
    void stop();
    /// At once: SIGKILL.
    void kill();

    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
    [[nodiscard]] bool is_timed_out() const noexcept { return is_timed_out_; }
    [[nodiscard]] started_process::ending ending() const noexcept { return ending_; }
    [[nodiscard]] std::chrono::duration<double> elapsed() const noexcept { return elapsed_; }

    /// What was kept of a stream, and whether there was more.
    struct stream {
        stream(asio::io_context& home, descriptor end) : pipe{home, end.release()} {}

        asio::posix::stream_descriptor pipe;
        std::string kept{};
        bool was_longer = false;
    };
    [[nodiscard]] stream& output() noexcept { return output_; }
    [[nodiscard]] stream& errors() noexcept { return errors_; }

protected:
    /// What it has written; on the reactor. This one keeps it, up to the bound.
    virtual void take(stream& source, std::string_view bytes);

    /// It has ended: whether the rest of its group is to be killed. Then it is reaped.
    [[nodiscard]] virtual bool ends_group() const noexcept { return is_stopping_; }

    /// It has been reaped.
    virtual void tell_end() {}

private:
    void await_input(stream& source);
    [[nodiscard]] bool read_from(stream& source, std::size_t most);
    void read_rest(stream& source);
    void keep(stream& source, std::string_view bytes);
    void begin_to_stop();
    void end();

    const std::size_t max_output_;
    const std::chrono::milliseconds before_kill_;
    const std::shared_ptr<executor::memory_account> account_;
    const clock::time_point began_;
    started_process process_;
    asio::posix::stream_descriptor handle_;
    stream output_;
    stream errors_;
    asio::steady_timer timer_;  // of its time, then of the two seconds
    bool is_stopping_ = false;
    bool is_timed_out_ = false;
    bool is_over_ = false;
    started_process::ending ending_{};
    std::chrono::duration<double> elapsed_{0};
    executor::event ended_;
};

}  // namespace gatherd::api::process
