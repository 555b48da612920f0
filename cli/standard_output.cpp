#include "cli/standard_output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/exit_status.hpp"

namespace gatherd::cli {

namespace {

/// How many bytes the first character of UTF-8 has; 0: there is none, or one that is not allowed.
std::size_t character_length(std::string_view text) noexcept {
    const auto byte_at = [&text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned first = byte_at(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte_at(at) & 0xC0U) != 0x80) {
            return 0;
        }
    }
    const unsigned second = byte_at(1);
    const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool is_beyond =
        (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);  // surrogates, U+10FFFF
    return is_overlong || is_beyond ? 0 : length;
}

std::string for_reader(std::string_view text, int descriptor) {
    return ::isatty(descriptor) == 1 ? without_controls(text) : std::string{text};
}

}  // namespace

std::string without_controls(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const auto code = static_cast<unsigned char>(text[length == 2 ? 1 : 0]);  // of a C1 control its second byte
        const bool is_c0 = (code < 0x20 && code != '\n' && code != '\t') || code == 0x7F;
        const bool is_c1 = length == 2 && text[0] == '\xC2' && code < 0xA0;
        if (length == 0 || is_c1 || (length == 1 && is_c0)) {
            // A byte that is no UTF-8 may be a control for the terminal, as 0x9b is.
            shown.append(length == 0 ? "\\x" : "\\u00").append({digits[code >> 4U], digits[code & 0xFU]});
        } else {
            shown.append(text.substr(0, length));
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
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
