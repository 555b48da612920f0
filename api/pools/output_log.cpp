#include "api/pools/output_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/shortened.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::size_t most_line_bytes = 1024;

}  // namespace

std::optional<std::uint64_t> line_budget::pass(clock::time_point now) {
    const std::lock_guard guard{lock_};
    if (last_) {
        left_ = std::min(most_, left_ + each_second_ * std::chrono::duration<double>{now - *last_}.count());
    }
    last_ = now;
    if (left_ < 1) {
        ++left_out_;
        return std::nullopt;
    }
    left_ -= 1;
    return std::exchange(left_out_, 0);
}

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
            spdlog::warn("pool {}: {} lines of output were not logged, there were too many", pool_, *left_out);
        }
        spdlog::info("pool {}[{}]: {}", pool_, pid, loggable(line_));
    }
    line_.clear();
}

}  // namespace gatherd::api::pools
