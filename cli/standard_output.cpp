#include "cli/standard_output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/exit_status.hpp"
#include "cli/utf8.hpp"

namespace gatherd::cli {

namespace {

std::string for_reader(std::string_view text, int descriptor) {
    return ::isatty(descriptor) == 1 ? without_controls(text) : std::string{text};
}

}  // namespace

std::string without_controls(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto [code, bytes] = first_character(text);
        const std::size_t taken = std::max<std::size_t>(bytes, 1);
        // A byte that is no UTF-8 may be a control for the terminal, as 0x9b is.
        const unsigned shown_code = bytes == 0 ? static_cast<unsigned char>(text[0]) : static_cast<unsigned>(code);
        const bool is_control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0);
        if (bytes == 0 || is_control) {
            shown.append(bytes == 0 ? "\\x" : "\\u00").append({digits[shown_code >> 4U], digits[shown_code & 0xFU]});
        } else {
            shown.append(text.substr(0, taken));
        }
        text.remove_prefix(taken);
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
