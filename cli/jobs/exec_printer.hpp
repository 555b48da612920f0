/// \file
/// Prints what the jobs of `exec` write: by job or by line, as they end or in their order, no faster than it is read.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "cli/jobs/exec_job.hpp"
#include "cli/jobs/exec_run.hpp"
#include "cli/jobs/paced_output.hpp"
#include "cli/jobs/spool.hpp"
#include "cli/progress_bar.hpp"

namespace gatherd::cli::jobs {

/// Output that may not be printed yet is kept in memory, and beyond some MiB in a file. Whoever starts and reads jobs
/// asks `may_start` and `has_room` first: so what is kept is bounded.
///
/// Threads: one at a time, which runs the io_context. Functions that keep or print throw usage_error where the file
/// fails.
class exec_printer {
public:
    using jobs_by_number = std::map<std::uint64_t, exec_job_ptr>;

    /// Options and bar outlive it.
    exec_printer(asio::io_context& context, const exec_options& options, progress_bar& bar);

    /// Called when there is room again, or a reader has gone.
    void on_room(const std::function<void()>& then);

    /// What a job has written: printed at once where lines are and it may be, else kept.
    void take(exec_job& running, stream_index which, std::string_view bytes);

    /// It writes no more: a line that it has not ended is printed.
    void end_lines(exec_job& ended);

    /// What it wrote is not printed: it is tried again.
    void drop(exec_job& again);

    /// The job of this number does not run; others do not wait for it.
    void skip(std::uint64_t number);

    /// It has ended for good. To be printed by `print`.
    void add_ended(const exec_job_ptr& ended);

    /// Prints what may be, as far as it is taken. `is_cut_off`: of those that have not ended, none will be printed.
    void print(const jobs_by_number& running, bool is_cut_off);

    /// Whether lines of this job are printed as they come.
    [[nodiscard]] bool is_live(const exec_job& which) const;
    [[nodiscard]] bool has_room() const noexcept { return !output_.is_full() && !errors_.is_full(); }
    [[nodiscard]] bool may_start() const noexcept;
    [[nodiscard]] bool has_lost_reader() const noexcept { return output_.is_closed() || errors_.is_closed(); }
    /// All that ended jobs wrote is printed, and written.
    [[nodiscard]] bool is_done() const noexcept;
    /// errno of a write that failed for another reason than a reader that has gone; or 0.
    [[nodiscard]] int failure() const noexcept;

private:
    [[nodiscard]] std::uint64_t next_printed() const noexcept { return printed_ + 1; }
    void skip_printed();
    void print_held_of_first(const jobs_by_number& running);
    void print_text(exec_job& writer, stream_index which, std::string_view text);

    const exec_options& options_;
    progress_bar& bar_;
    const bool has_terminal_;
    paced_output output_;
    paced_output errors_;
    spool spool_;
    std::deque<exec_job_ptr> printing_{};  // ended, to be printed in this order
    jobs_by_number waiting_{};             // ended, behind others that have not
    std::set<std::uint64_t> skipped_{};    // and not yet passed by
    std::uint64_t printed_ = 0;            // in order: up to this number
};

}  // namespace gatherd::cli::jobs
