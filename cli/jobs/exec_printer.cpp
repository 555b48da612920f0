#include "cli/jobs/exec_printer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace gatherd::cli::jobs {

namespace {

constexpr std::size_t memory_for_output = std::size_t{8} << 20;
constexpr std::uint64_t most_output_held = std::uint64_t{1} << 30;  // of jobs that wait to be printed: more start later
constexpr std::size_t most_jobs_held = 20'000;
constexpr std::size_t longest_partial_line = std::size_t{1} << 20;

}  // namespace

exec_printer::exec_printer(asio::io_context& context, const exec_options& options, progress_bar& bar)
    : options_{options},
      bar_{bar},
      has_terminal_{isatty(STDOUT_FILENO) == 1},
      output_{context, STDOUT_FILENO, true},
      errors_{context, STDERR_FILENO, true},
      spool_{memory_for_output} {}

void exec_printer::on_room(const std::function<void()>& then) {
    output_.on_room(then);
    errors_.on_room(then);
}

bool exec_printer::may_start() const noexcept {
    return has_room() && spool_.held() < most_output_held && printing_.size() + waiting_.size() < most_jobs_held;
}

bool exec_printer::is_done() const noexcept {
    return printing_.empty() && waiting_.empty() && output_.held() == 0 && errors_.held() == 0;
}

int exec_printer::failure() const noexcept {
    for (const int reason : {output_.failure(), errors_.failure()}) {
        if (reason != 0 && reason != EPIPE) {
            return reason;
        }
    }
    return 0;
}

bool exec_printer::is_live(const exec_job& which) const {
    return options_.groups == exec_options::grouping::line &&
           (!options_.is_ordered || (which.values.number == next_printed() && which.streams[out].held.is_empty() &&
                                     which.streams[err].held.is_empty()));
}

void exec_printer::take(exec_job& running, stream_index which, std::string_view bytes) {
    auto& stream = running.streams.at(which);
    if (!is_live(running)) {
        spool_.add(stream.held, bytes);
        return;
    }
    if (options_.is_ordered) {  // it is the only one that is printed
        print_text(running, which, bytes);
        return;
    }
    const auto end = bytes.rfind('\n');
    if (end != std::string_view::npos) {
        stream.partial.append(bytes.substr(0, end + 1));
        print_text(running, which, std::exchange(stream.partial, {}));
        bytes.remove_prefix(end + 1);
    }
    stream.partial.append(bytes);
    if (stream.partial.size() > longest_partial_line) {
        print_text(running, which, std::exchange(stream.partial, {}));
    }
}

void exec_printer::end_lines(exec_job& ended) {
    for (const auto which : {out, err}) {
        auto& partial = ended.streams.at(which).partial;
        if (!partial.empty()) {
            print_text(ended, which, std::exchange(partial, {}));
        }
    }
}

void exec_printer::drop(exec_job& again) {
    for (auto& each : again.streams) {
        spool_.drop(each.held);
    }
}

void exec_printer::skip(std::uint64_t number) {
    if (options_.is_ordered) {
        skipped_.insert(number);
    }
}

void exec_printer::add_ended(const exec_job_ptr& ended) {
    if (options_.is_ordered) {
        waiting_.emplace(ended->values.number, ended);
    } else {
        printing_.push_back(ended);
    }
}

void exec_printer::print(const jobs_by_number& running, bool is_cut_off) {
    while (has_room()) {
        skip_printed();
        if (printing_.empty() && options_.is_ordered) {
            // When all has ended, what was cut off leaves gaps.
            const auto next = is_cut_off && running.empty() ? waiting_.begin() : waiting_.find(next_printed());
            if (next != waiting_.end()) {
                printing_.push_back(next->second);
                waiting_.erase(next);
            } else if (options_.groups == exec_options::grouping::line) {
                print_held_of_first(running);
                return;
            }
        }
        if (printing_.empty()) {
            return;
        }
        const auto first = printing_.front();
        const auto which = !first->streams[out].held.is_empty() ? out : err;
        if (first->streams.at(which).held.is_empty()) {
            printing_.pop_front();
            ++printed_;
            continue;
        }
        print_text(*first, which, spool_.take(first->streams.at(which).held));
    }
}

void exec_printer::skip_printed() {
    while (!skipped_.empty() && *skipped_.begin() == next_printed()) {
        skipped_.erase(skipped_.begin());
        ++printed_;
    }
}

/// The first one that runs has lines from when others were before it.
void exec_printer::print_held_of_first(const jobs_by_number& running) {
    const auto first = running.find(next_printed());
    if (first == running.end()) {
        return;
    }
    for (const auto which : {out, err}) {
        auto& held = first->second->streams.at(which).held;
        while (!held.is_empty() && has_room()) {
            print_text(*first->second, which, spool_.take(held));
        }
    }
}

void exec_printer::print_text(exec_job& writer, stream_index which, std::string_view text) {
    auto& into = which == out ? output_ : errors_;
    if (has_terminal_) {
        bar_.clear();
    }
    if (!options_.has_tags) {
        into.write(text);
        return;
    }
    auto& is_at_start = writer.streams.at(which).is_at_line_start;
    while (!text.empty()) {
        if (is_at_start) {
            into.write(writer.tag);
        }
        const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
        into.write(line);
        is_at_start = line.ends_with('\n');
        text.remove_prefix(line.size());
    }
}

}  // namespace gatherd::cli::jobs
