/// \file
/// A process as `exec` starts one: with our environment and folder, in a group of its own.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace gatherd::cli::jobs {

/// How a process ended.
struct child_end {
    int status = 0;  // of its exit
    int signal = 0;  // that killed it, or 0
};

/// A process that runs, or has run and was not reaped. One that is still there at the end of this object's life is
/// killed, with its group, and reaped.
class child_process {
public:
    /// Standard input is `input`, the outputs are these descriptors. Throws std::system_error where it cannot be
    /// started.
    child_process(const std::vector<std::string>& argv, const std::vector<char*>& environment, int input, int output,
                  int errors);
    ~child_process();
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    /// A descriptor that is readable when it has ended: the caller's from now on. To be asked for once.
    [[nodiscard]] int take_handle() noexcept { return std::exchange(handle_, -1); }

    /// Of its group, which is its own until it is reaped.
    void signal_group(int number) const noexcept;

    /// Waits for its end, if it has not come yet.
    child_end reap() noexcept;

private:
    pid_t pid_ = -1;  // -1: reaped
    int handle_ = -1;
};

}  // namespace gatherd::cli::jobs
