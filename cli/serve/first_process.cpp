#include "cli/serve/first_process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace gatherd::cli {
namespace {

/// Reaps all that have ended, and ends with `child` if that is among them.
void reap(pid_t child) {
    int status = 0;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0; ended = waitpid(-1, &status, WNOHANG)) {
        if (ended == child) {
            constexpr int signal_base = 128;  // as shells say it
            _exit(WIFSIGNALED(status) ? signal_base + WTERMSIG(status) : WEXITSTATUS(status));
        }
    }
}

}  // namespace

void leave_first_process() {
    if (getpid() != 1) {
        return;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    const pid_t child = fork();
    if (child < 0) {
        throw std::runtime_error{std::string{"cannot start the daemon below process 1: "} + std::strerror(errno)};
    }
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, nullptr);
        if (const char* const addressee = std::getenv("LISTEN_PID");
            addressee != nullptr && std::string{addressee} == "1") {
            setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);  // the sockets are meant for the daemon
        }
        return;
    }
    for (;;) {
        siginfo_t told{};
        const int number = sigwaitinfo(&all, &told);
        if (number == SIGCHLD) {
            reap(child);
        } else if (number > 0 && told.si_code <= 0) {  // by a process; those of a terminal the child gets itself
            kill(child, number);
        }
    }
}

}  // namespace gatherd::cli
