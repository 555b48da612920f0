#include "cli/progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/standard_output.hpp"

namespace gatherd::cli {

namespace {

constexpr std::string_view wipe = "\r\x1b[K";  // to the line's start, and blank it

std::size_t terminal_width() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

void write_to_terminal(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

std::string progress_line(const progress& now, std::chrono::milliseconds elapsed, std::size_t width) {
    const auto tenths = elapsed.count() / 100;
    const auto time = std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
    if (now.total == 0) {
        return time.substr(0, width);
    }
    auto numbers = std::to_string(now.done) + "/" + std::to_string(now.total);
    if (now.failed > 0) {
        numbers += "  " + std::to_string(now.failed) + " failed";
    }
    numbers += "  " + time;
    constexpr std::size_t frame = 3;  // two brackets and a space
    constexpr std::size_t least = 10;
    constexpr std::size_t most = 40;
    if (width < numbers.size() + frame + least) {
        return numbers.substr(0, width);
    }
    const auto room = std::min(most, width - numbers.size() - frame);
    const auto part = static_cast<double>(now.done) / static_cast<double>(now.total);
    const auto filled = std::min(room, static_cast<std::size_t>(part * static_cast<double>(room)));
    std::string bar(filled, '=');
    if (filled < room) {
        bar += '>';
    }
    bar.resize(room, ' ');
    return "[" + bar + "] " + numbers;
}

void progress_bar::update(const progress& now) {
    last_ = now;
    if (!shown_) {
        return;
    }
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
    draw(progress_line(now, elapsed, width()));
}

std::size_t progress_bar::width() {
    return terminal_width() - 1;  // a full line would wrap, and wiping then misses its first half
}

void progress_bar::draw(std::string line) {
    drawn_ = std::move(line);
    write_to_terminal(std::string{wipe} + drawn_);
}

void progress_bar::write_line(std::string_view text) {
    cli::write_line(text, drawn_.empty() ? "" : wipe, drawn_);
}

void progress_bar::clear() {
    if (!drawn_.empty()) {
        drawn_.clear();
        write_to_terminal(wipe);
    }
}

}  // namespace gatherd::cli
