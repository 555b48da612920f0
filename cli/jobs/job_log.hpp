/// \file
/// The job log of --joblog, in GNU parallel's columns, and what --resume and --resume-failed take from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::cli::jobs {

/// What the log tells of a job that has ended.
struct job_entry {
    std::uint64_t number;  // from 1, as it stood in the input
    std::chrono::system_clock::time_point began;
    std::chrono::duration<double> took;
    std::uint64_t sent = 0;      // bytes of its standard input
    std::uint64_t received = 0;  // bytes of its output
    int exit_value = 0;
    int signal = 0;
    std::string_view command;
};

/// The line of an entry: Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, Signal, Command, with tabs between.
/// Line feeds of the command are written as spaces.
[[nodiscard]] std::string job_line(const job_entry& entry);

/// How a log that is there already counts.
enum class resumption : std::uint8_t {
    none,        // it is written anew
    all,         // jobs that it has are not run again
    all_failed,  // but those that failed are
};

/// Options --joblog, --resume, --resume-failed as given.
struct job_log_options {
    std::string file;
    bool resumes = false;
    bool resumes_failed = false;

    /// Throws usage_error where resuming has no log.
    [[nodiscard]] resumption how() const;
};

/// A log that is written as jobs end.
///
/// Threads: one at a time. Memory: eight bytes a job that it has already.
class job_log {
public:
    /// Without a file it is none. Throws usage_error if the file cannot be read or written, or has other columns.
    explicit job_log(const job_log_options& options);
    ~job_log();
    job_log(const job_log&) = delete;
    job_log& operator=(const job_log&) = delete;

    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

    /// Whether a job is not to be run, since an earlier run has done it. Numbers are asked for in rising order.
    [[nodiscard]] bool has(std::uint64_t number);

    /// In one write, so that a run which is killed leaves whole lines. Throws usage_error if it cannot be written.
    void add(const job_entry& entry);

private:
    void read_done(const std::string& file, resumption mode);

    std::string file_;
    int descriptor_ = -1;
    std::vector<std::uint64_t> done_;  // in order
    std::size_t next_ = 0;
};

}  // namespace gatherd::cli::jobs
