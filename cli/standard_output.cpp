#include "cli/standard_output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/exit_status.hpp"

namespace gatherd::cli {

namespace {

std::string for_reader(std::string_view text, int descriptor) {
    return ::isatty(descriptor) == 1 ? without_controls(text) : std::string{text};
}

}  // namespace

std::string without_controls(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte_at = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    std::string shown;
    shown.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto code = byte_at(at);
        const bool is_c0 = (code < 0x20 && code != '\n' && code != '\t') || code == 0x7F;
        const bool is_c1 = code == 0xC2 && at + 1 < text.size() && byte_at(at + 1) >= 0x80 && byte_at(at + 1) < 0xA0;
        if (!is_c0 && !is_c1) {
            shown += text[at];
            continue;
        }
        code = is_c1 ? byte_at(++at) : code;
        shown.append("\\u00").append({digits[code >> 4U], digits[code & 0xFU]});
    }
    return shown;
}

int write_out(std::string_view data) {
    const auto text = for_reader(data, STDOUT_FILENO);
    errno = 0;
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    if (written || errno == EPIPE) {
        return exit_status::fine;
    }
    say(std::string{"cannot write to standard output: "} + std::strerror(errno));
    return exit_status::task_failed;
}

void say(std::string_view line) {
    write_line("gatherd: " + std::string{line}, {}, {});
}

void write_line(std::string_view line, std::string_view before, std::string_view after) {
    // One write a line, so that lines of several processes do not mix.
    auto whole = std::string{before};
    whole.append(for_reader(line, STDERR_FILENO)).append("\n").append(after);
    std::fwrite(whole.data(), 1, whole.size(), stderr);
}

}  // namespace gatherd::cli
