/// \file
/// A line on the terminal that shows how far a request is, above which other lines may be written.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatherd::cli {

struct progress {
    std::uint64_t total = 0;
    std::uint64_t done = 0;  // the failed ones included
    std::uint64_t failed = 0;
};

/// `[=====>    ] 120/200  2 failed  3.1 s`, at most `width` columns; without room for a bar, the numbers alone, and
/// without a total, which only batches have, the time alone.
[[nodiscard]] std::string progress_line(const progress& now, std::chrono::milliseconds elapsed, std::size_t width);

/// Writes to standard error. One that is not shown writes other lines only.
///
/// Threads: one at a time.
class progress_bar {
public:
    explicit progress_bar(bool shown) : shown_{shown} {}
    ~progress_bar() { clear(); }
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    void update(const progress& now);

    /// The same numbers, at a later time.
    void tick() { update(last_); }

    /// Shows the line that `make` gives for so many columns.
    template <typename Make>
    void show(const Make& make) {
        if (shown_) {
            draw(make(width()));
        }
    }

    /// Writes a whole line, and the bar anew below it.
    void write_line(std::string_view text);

    /// Takes the bar off the terminal.
    void clear();

private:
    [[nodiscard]] static std::size_t width();
    void draw(std::string line);

    const bool shown_;
    const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    progress last_{};
    std::string drawn_;  // what stands on the terminal's last line now
};

}  // namespace gatherd::cli
