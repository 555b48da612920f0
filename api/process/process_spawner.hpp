/// \file
/// Starts processes: a vfork-like child on a thread of its own kind, so that no worker waits for an exec.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/process/descriptor.hpp"
#include "gatherd/executor/future.hpp"

namespace gatherd::api::process {

/// As whom a process runs.
struct process_user {
    uid_t user;
    gid_t group;
    std::vector<gid_t> groups;  ///< all of them
};

/// What to start, and in which surroundings.
struct process_request {
    std::string program;                   ///< path of the file
    std::vector<std::string> argv;         ///< at least one
    std::vector<std::string> environment;  ///< "NAME=value"
    std::optional<std::string> input;      ///< what it reads from its standard input; none: nothing
    descriptor socket;                     ///< becomes its descriptor 3; none: it gets none
    descriptor folder;                     ///< to run in; none: the daemon's
    std::optional<process_user> user;      ///< none: the daemon's
    std::uint64_t max_memory = 0;          ///< bytes of its address space; 0: as many as the daemon
    std::uint64_t max_cpu = 0;             ///< seconds of CPU; 0: as many as the daemon
    std::optional<rlim_t> open_files;      ///< the soft limit; none: the daemon's
};

/// A process that was started, as the leader of its own group, with the ends of its pipes that do not block. If it is
/// still here at the end of this object's life, its group is killed, and it is reaped.
class started_process {
public:
    started_process() = default;
    started_process(pid_t pid, descriptor handle, descriptor output, descriptor errors) noexcept;
    started_process(started_process&& other) noexcept;
    started_process& operator=(started_process other) noexcept;
    ~started_process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Sends a signal to its group. It is not reaped before this object is told so: the group's number is its own.
    void signal_group(int number) const noexcept;

    /// Reaps it, once it has ended; waits for that. Its status as waitid has it: `code` CLD_EXITED, or it was killed.
    struct ending {
        int code = 0;
        int status = 0;
    };
    ending reap() noexcept;

    descriptor handle;  ///< pidfd: readable when it has ended
    descriptor output;
    descriptor errors;

private:
    pid_t pid_ = -1;  // -1: none, or reaped
};

/// A few threads that start processes. The kernel kills a child when the thread that started it ends (PDEATHSIG), so
/// these live as long as this object.
///
/// Threads: all members are safe from any thread.
class process_spawner {
public:
    /// `threads`: how many processes may be on their way into being at a time.
    explicit process_spawner(std::size_t threads);
    ~process_spawner();
    process_spawner(const process_spawner&) = delete;
    process_spawner& operator=(const process_spawner&) = delete;

    /// Starts it, soon. The future raises std::system_error, about the program, where it cannot be started. If nobody
    /// waits any more when it has been started, it is killed at once.
    [[nodiscard]] executor::future<started_process> start(process_request request);

private:
    struct order {
        process_request request;
        executor::promise<started_process> answer;
    };

    void run() noexcept;

    const std::size_t most_threads_;
    const descriptor nothing_;  // /dev/null
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<order> orders_{};          // under lock_, as all below
    std::vector<std::thread> threads_{};  // started with the first orders
    std::size_t idle_ = 0;
    bool is_stopping_ = false;
};

}  // namespace gatherd::api::process
