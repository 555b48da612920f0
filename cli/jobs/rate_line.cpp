#include "cli/jobs/rate_line.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace gatherd::cli::jobs {

namespace {

std::string clock_text(double seconds) {
    constexpr double longest = 359'999;  // 99:59:59
    const auto whole = static_cast<int>(std::clamp(seconds, 0.0, longest));
    std::array<char, 32> text{};
    constexpr int minute = 60;
    constexpr int hour = 3600;
    if (whole >= hour) {
        std::snprintf(text.data(), text.size(), "%d:%02d:%02d", whole / hour, whole % hour / minute, whole % minute);
    } else {
        std::snprintf(text.data(), text.size(), "%d:%02d", whole / minute, whole % minute);
    }
    return text.data();
}

std::string rate_text(double rate) {
    std::array<char, 32> text{};
    constexpr double many = 100;
    std::snprintf(text.data(), text.size(), rate < many ? "%.1f/s" : "%.0f/s", rate);
    return text.data();
}

}  // namespace

std::string rate_line(const job_counts& now, std::chrono::duration<double> elapsed, std::size_t width) {
    auto part = now.part;
    auto numbers = std::to_string(now.done);
    if (now.total) {
        numbers += "/" + std::to_string(*now.total);
        part = *now.total == 0 ? 1.0 : static_cast<double>(now.done) / static_cast<double>(*now.total);
    }
    if (now.failed > 0) {
        numbers += "  " + std::to_string(now.failed) + " failed";
    }
    if (elapsed.count() > 0) {
        numbers += "  " + rate_text(static_cast<double>(now.done) / elapsed.count());
    }
    if (part && *part > 0 && now.done > 0) {
        numbers += "  ETA " + clock_text(elapsed.count() * (1 - *part) / *part);
    }
    constexpr std::size_t frame = 3;  // two brackets and a space
    constexpr std::size_t least = 10;
    constexpr std::size_t most = 40;
    if (!part || width < numbers.size() + frame + least) {
        return numbers.substr(0, width);
    }
    const auto room = std::min(most, width - numbers.size() - frame);
    const auto filled = std::min(room, static_cast<std::size_t>(*part * static_cast<double>(room)));
    std::string bar(filled, '=');
    if (filled < room) {
        bar += '>';
    }
    bar.resize(room, ' ');
    return "[" + bar + "] " + numbers;
}

}  // namespace gatherd::cli::jobs
