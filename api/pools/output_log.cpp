#include "api/pools/output_log.hpp"

#include <algorithm>

#include "api/log/event.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::size_t most_line_bytes = 1024;

}  // namespace

std::string loggable(std::string_view line) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr unsigned char last_control = 0x1f;
    constexpr unsigned char del = 0x7f;
    std::string text;
    for (const char each : line.substr(0, most_line_bytes)) {
        const auto byte = static_cast<unsigned char>(each);
        if ((byte <= last_control && each != '\t') || byte == del) {
            text += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
        } else {
            text += each;
        }
    }
    return line.size() > most_line_bytes ? text + "..." : text;
}

void output_log::take(pid_t pid, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        line_ += part.substr(0, most_line_bytes + 1 - std::min(line_.size(), most_line_bytes + 1));
        if (end == std::string_view::npos) {
            return;
        }
        log_line(pid);
        bytes.remove_prefix(end + 1);
    }
}

void output_log::end(pid_t pid) {
    if (!line_.empty()) {
        log_line(pid);
    }
}

void output_log::log_line(pid_t pid) {
    if (line_.ends_with('\r')) {
        line_.pop_back();
    }
    if (line_.find_first_not_of(" \t") != std::string::npos) {
        constexpr std::size_t most_shown = 200;
        last_ = shortened(loggable(line_), most_shown);
    }
    if (const auto left_out = budget_.pass()) {
        if (*left_out > 0) {
            log::warn("lines of a pool's output were not logged, there were too many",
                      {{"pool", pool_}, {"not_logged", *left_out}});
        }
        log::info(loggable(line_), {{"pool", pool_}, {"pid", pid}});
    }
    line_.clear();
}

}  // namespace gatherd::api::pools
