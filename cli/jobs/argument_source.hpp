/// \file
/// The arguments of jobs: a stream of lines, or lists whose values are combined.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/jobs/line_reader.hpp"

namespace gatherd::cli::jobs {

/// A list behind `:::`, or the lines of a file behind `::::` or -a.
struct argument_list {
    std::vector<std::string> values;  // or names of one file
    bool is_file = false;
    bool is_linked = false;  // `:::+`: taken together with the list before it, the shorter one ends both
};

struct argument_options {
    std::vector<argument_list> lists = {};  // none: standard input
    char separator = '\n';                  // of lines
    std::uint64_t count = 1;                // records a job
    bool takes_none = false;                // -N 0: a record is taken, and not given
    std::string columns = {};               // a pattern that divides each value; empty: none
    bool skips_empty = false;               // and what is nothing but blanks
};

/// Gives the arguments of one job after the other.
///
/// Threads: one at a time, which runs the io_context.
class argument_source {
public:
    /// Throws usage_error: a file that cannot be read, a pattern that is none.
    argument_source(asio::io_context& context, const argument_options& options);
    ~argument_source();
    argument_source(const argument_source&) = delete;
    argument_source& operator=(const argument_source&) = delete;

    /// Of the next job; nothing: there are none yet, or no others. Throws usage_error for a line that is too long.
    [[nodiscard]] std::optional<std::vector<std::string>> next();

    [[nodiscard]] bool is_at_end() const;
    /// Reads once and calls that; not while such a call is awaited.
    void read_more(std::function<void()> then);
    [[nodiscard]] bool is_reading() const;
    void close() noexcept;

    /// How many jobs there are in all, where that is known before the end.
    [[nodiscard]] std::optional<std::uint64_t> total() const { return total_; }
    [[nodiscard]] std::optional<double> part_taken() const;
    [[nodiscard]] int failure() const;

private:
    struct pattern;

    [[nodiscard]] std::optional<std::vector<std::string>> next_record();
    void add_value(std::vector<std::string>& to, std::string value) const;

    const argument_options options_;
    std::unique_ptr<pattern> columns_;
    int file_ = -1;
    std::unique_ptr<line_reader> lines_{};                        // of a stream
    std::vector<std::vector<std::vector<std::string>>> lists_{};  // the linked ones together, a tuple each
    std::vector<std::size_t> places_{};                           // in the lists
    bool has_ended_ = false;                                      // of lists
    std::vector<std::string> gathered_{};
    std::uint64_t gathered_count_ = 0;
    std::uint64_t lines_read_ = 0;
    std::optional<std::uint64_t> total_{};
};

}  // namespace gatherd::cli::jobs
