#include "cli/jobs/child_process.hpp"

#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace gatherd::cli::jobs {

namespace {

/// Groups, signals and descriptors of a process that starts.
class spawn_plan {
public:
    spawn_plan(int input, int output, int errors) {
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_init(&files);
        sigset_t none{};
        sigemptyset(&none);
        sigset_t ignored{};
        sigemptyset(&ignored);
        sigaddset(&ignored, SIGPIPE);  // which we ignore
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &ignored);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        const int moved = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) |
                          posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) |
                          posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
        if (moved != 0) {
            throw std::bad_alloc{};
        }
    }
    ~spawn_plan() {
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;

    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_t files{};
};

}  // namespace

child_process::child_process(const std::vector<std::string>& argv, const std::vector<char*>& environment, int input,
                             int output, int errors) {
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (const auto& each : argv) {
        words.push_back(const_cast<char*>(each.c_str()));  // execve takes them so and does not write
    }
    words.push_back(nullptr);
    const spawn_plan plan{input, output, errors};
    const int failed =
        posix_spawnp(&pid_, words.front(), &plan.files, &plan.attributes, words.data(), environment.data());
    if (failed != 0) {
        pid_ = -1;
        throw std::system_error{failed, std::system_category()};
    }
    handle_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (handle_ < 0) {
        const int reason = errno;
        signal_group(SIGKILL);
        reap();
        throw std::system_error{reason, std::system_category()};
    }
}

child_process::~child_process() {
    if (pid_ > 0) {
        signal_group(SIGKILL);
        reap();
    }
    if (handle_ >= 0) {
        ::close(handle_);
    }
}

void child_process::signal_group(int number) const noexcept {
    if (pid_ > 0) {
        ::kill(-pid_, number);
    }
}

child_end child_process::reap() noexcept {
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
    }
    pid_ = -1;
    return info.si_code == CLD_EXITED ? child_end{.status = info.si_status} : child_end{.signal = info.si_status};
}

}  // namespace gatherd::cli::jobs
