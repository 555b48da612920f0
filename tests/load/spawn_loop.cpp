/// \file
/// The yardstick of process.run: two threads that start /bin/true by posix_spawn, one process after the other each,
/// read its two pipes to their ends and wait for it.
///
/// Usage: spawn_loop COUNT     prints seconds
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

extern char** environ;  // NOLINT: POSIX declares it so

namespace {

/// Reads both until both have ended.
void drain(std::array<int, 2> ends) {
    std::array<char, 4096> bytes{};
    std::array<pollfd, 2> open{pollfd{ends[0], POLLIN, 0}, pollfd{ends[1], POLLIN, 0}};
    while (open[0].fd >= 0 || open[1].fd >= 0) {
        static_cast<void>(poll(open.data(), open.size(), -1));
        for (pollfd& each : open) {
            if (each.fd >= 0 && each.revents != 0 && read(each.fd, bytes.data(), bytes.size()) <= 0) {
                close(each.fd);
                each.fd = -1;
            }
        }
    }
}

bool run_one() {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) {
        return false;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    std::array<char, 10> name{"/bin/true"};
    std::array<char*, 2> arguments{name.data(), nullptr};
    pid_t child = 0;
    const bool is_started = posix_spawn(&child, name.data(), &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    drain({out[0], err[0]});
    int status = 0;
    return is_started && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int count, char** words) {
    std::atomic<int> left{count > 1 ? std::atoi(words[1]) : 200};
    std::atomic<bool> all_ran{true};
    const auto began = std::chrono::steady_clock::now();
    const auto work = [&] {
        while (left.fetch_sub(1) > 0) {
            if (!run_one()) {
                all_ran = false;
            }
        }
    };
    std::thread other{work};
    work();
    other.join();
    std::printf("%f\n", std::chrono::duration<double>{std::chrono::steady_clock::now() - began}.count());
    return all_ran ? 0 : 1;
}
