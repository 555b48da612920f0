/// \file
/// Standard input as lines, read as they come and never more of it than is asked for.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatherd::cli::jobs {

/// Lines of a descriptor, in order. The last one may lack its end.
///
/// Threads: one at a time, which runs the io_context. Memory: the longest line and 64 KiB.
class line_reader {
public:
    struct line {
        std::string_view text;     // without its end; until the next call
        bool is_too_long = false;  // longer than `most_bytes`: it was skipped, and the text is empty
    };

    /// The descriptor stays the caller's. `separator` ends a line.
    line_reader(asio::io_context& context, int descriptor, std::size_t most_bytes, char separator = '\n');
    ~line_reader();
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;

    /// The next line, if one has been read. A line of nothing follows no other: "a\n" has one.
    [[nodiscard]] std::optional<line> next();

    /// Whether all lines have been taken and no others will come.
    [[nodiscard]] bool is_at_end() const noexcept { return has_ended_ && taken_ == buffer_.size() && !is_skipping_; }

    /// Reads once, when something has come, and then calls that. Not while one such call is awaited: see is_reading.
    void read_more(std::function<void()> then);
    [[nodiscard]] bool is_reading() const noexcept { return is_reading_; }

    /// Stops waiting for more.
    void close() noexcept;

    /// How much of a file has been taken, from 0 to 1; nothing where that is no file, or empty.
    [[nodiscard]] std::optional<double> part_taken() const;

    /// errno of a read that failed, which ends the input; or 0.
    [[nodiscard]] int failure() const noexcept { return failure_; }

private:
    void read_now();

    asio::io_context& context_;
    const int descriptor_;
    const std::size_t most_bytes_;
    const char separator_;
    asio::posix::stream_descriptor waiting_;  // not open where the descriptor is always ready, as a file is
    std::string buffer_;
    std::size_t taken_ = 0;    // of the buffer: lines handed out
    std::size_t scanned_ = 0;  // of the buffer: without a separator behind `taken_`
    bool is_skipping_ = false;
    bool has_ended_ = false;
    bool is_reading_ = false;
    int failure_ = 0;
    std::uint64_t bytes_ = 0;  // read
    std::uint64_t size_ = 0;   // of the file, from where it stood; 0: unknown
};

}  // namespace gatherd::cli::jobs
