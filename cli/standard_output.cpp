#include "cli/standard_output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/exit_status.hpp"

namespace gatherd::cli {

int write_out(std::string_view text) {
    errno = 0;
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written || errno == EPIPE) {
        return exit_status::fine;
    }
    say(std::string{"cannot write to standard output: "} + std::strerror(errno));
    return exit_status::task_failed;
}

void say(std::string_view line) {
    // One write a line, so that lines of several processes do not mix.
    const auto whole = "gatherd: " + std::string{line} + "\n";
    std::fwrite(whole.data(), 1, whole.size(), stderr);
}

}  // namespace gatherd::cli
