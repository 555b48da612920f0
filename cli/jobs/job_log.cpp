#include "cli/jobs/job_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <tuple>
#include <utility>

#include "cli/failures.hpp"

namespace gatherd::cli::jobs {

namespace {

constexpr std::string_view columns = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/// The text of a column, counted from 0, or empty.
std::string_view column(std::string_view line, int index) {
    for (; index > 0; --index) {
        line.remove_prefix(
            std::min(line.size(), line.find('\t') + (line.find('\t') == std::string_view::npos ? 0 : 1)));
    }
    return line.substr(0, line.find('\t'));
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc{} && end == text.data() + text.size() && !text.empty();
}

[[noreturn]] void refuse_file(const std::string& file, const std::string& reason) {
    throw usage_error{"--joblog: " + file + ": " + reason};
}

}  // namespace

std::string job_line(const job_entry& entry) {
    std::array<char, 128> numbers{};
    const auto began = std::chrono::duration<double>(entry.began.time_since_epoch()).count();
    const int length = std::snprintf(numbers.data(), numbers.size(), "%llu\t:\t%10.3f\t%10.3f\t%llu\t%llu\t%d\t%d\t",
                                     static_cast<unsigned long long>(entry.number), began, entry.took.count(),
                                     static_cast<unsigned long long>(entry.sent),
                                     static_cast<unsigned long long>(entry.received), entry.exit_value, entry.signal);
    std::string line{numbers.data(), static_cast<std::size_t>(length)};
    const auto at = line.size();
    line.append(entry.command);
    std::replace(line.begin() + static_cast<std::ptrdiff_t>(at), line.end(), '\n', ' ');
    return line + "\n";
}

resumption job_log_options::how() const {
    if (file.empty() && (resumes || resumes_failed)) {
        throw usage_error{std::string{resumes_failed ? "--resume-failed" : "--resume"} +
                          ": what was done stands in a log: use --joblog FILE, too"};
    }
    return resumes_failed ? resumption::all_failed : resumes ? resumption::all : resumption::none;
}

job_log::job_log(const job_log_options& options) : file_{options.file} {
    const auto how = options.how();
    if (file_.empty()) {
        return;
    }
    if (how != resumption::none) {
        read_done(file_, how);
    }
    descriptor_ = ::open(file_.c_str(),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (how == resumption::none ? O_TRUNC : 0), 0666);
    if (descriptor_ < 0) {
        refuse_file(file_, std::strerror(errno));
    }
    if (lseek(descriptor_, 0, SEEK_END) <= 0 &&
        ::write(descriptor_, columns.data(), columns.size()) != static_cast<ssize_t>(columns.size())) {
        const int reason = errno;
        ::close(std::exchange(descriptor_, -1));
        refuse_file(file_, std::strerror(reason));
    }
}

job_log::~job_log() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void job_log::read_done(const std::string& file, resumption mode) {
    std::ifstream lines{file};
    std::string line;
    if (!std::getline(lines, line)) {
        return;  // nothing was done yet
    }
    if (line + "\n" != columns) {
        refuse_file(file,
                    "is no job log: its first line must be Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, "
                    "Signal, Command, with tabs between");
    }
    std::vector<std::tuple<std::uint64_t, std::uint64_t, bool>> found;  // number, line, and whether it went well
    constexpr int exit_column = 6;
    constexpr int signal_column = 7;
    for (std::uint64_t at = 2; std::getline(lines, line); ++at) {
        std::uint64_t number = 0;
        std::int64_t exit_value = 0;  // -1: its time was over
        std::int64_t signal = 0;
        const bool is_entry = read_number(column(line, 0), number) &&
                              read_number(column(line, exit_column), exit_value) &&
                              read_number(column(line, signal_column), signal);
        if (!is_entry && lines.eof()) {
            break;  // a line that was cut when a run was killed
        }
        if (!is_entry) {
            refuse_file(file, "line " + std::to_string(at) + " is no entry of a job log");
        }
        found.emplace_back(number, at, exit_value == 0 && signal == 0);
    }
    std::ranges::sort(found);
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto [number, at, went_well] = found[i];
        const bool is_last = i + 1 == found.size() || std::get<0>(found[i + 1]) != number;  // of its entries: it counts
        if (is_last && (went_well || mode == resumption::all)) {
            done_.push_back(number);
        }
    }
}

bool job_log::has(std::uint64_t number) {
    while (next_ < done_.size() && done_[next_] < number) {
        ++next_;
    }
    return next_ < done_.size() && done_[next_] == number;
}

void job_log::add(const job_entry& entry) {
    const auto line = job_line(entry);
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        refuse_file(file_, std::string{"cannot be written: "} + std::strerror(errno));
    }
}

}  // namespace gatherd::cli::jobs
