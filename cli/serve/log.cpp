#include "cli/serve/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include "api/log/event.hpp"
#include "api/log/line_formatter.hpp"
#include "cli/standard_output.hpp"

namespace gatherd::cli {

unblocking_sink::unblocking_sink(int descriptor) : descriptor_{descriptor} {
    struct stat found {};
    if (fstat(descriptor, &found) != 0 || S_ISREG(found.st_mode)) {
        return;
    }
    if (S_ISSOCK(found.st_mode)) {
        way_ = way::as_socket;
        return;
    }
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    const int own = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    way_ = own < 0 ? way::polled : way::reopened;
    descriptor_ = own < 0 ? descriptor : own;
}

unblocking_sink::~unblocking_sink() {
    if (way_ == way::reopened) {
        close(descriptor_);
    }
}

/// How many bytes could be written at once.
std::size_t unblocking_sink::write_some(std::string_view text) const {
    ssize_t gone = 0;
    if (way_ == way::as_socket) {
        gone = send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (way_ == way::polled) {
        // Where poll sees room in a pipe, there is room for PIPE_BUF bytes.
        pollfd room{.fd = descriptor_, .events = POLLOUT, .revents = 0};
        const std::size_t most = std::min<std::size_t>(text.size(), PIPE_BUF);
        gone = poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0 ? write(descriptor_, text.data(), most) : 0;
    } else {
        gone = write(descriptor_, text.data(), text.size());
    }
    return gone < 0 ? 0 : static_cast<std::size_t>(gone);
}

/// False: nothing of the text was written. What is left of one that was written in part goes out first the next time.
bool unblocking_sink::try_write(std::string_view text) {
    rest_.erase(0, rest_.empty() ? 0 : write_some(rest_));
    if (!rest_.empty()) {
        return false;
    }
    const std::size_t gone = write_some(text);
    if (gone != 0) {
        rest_ = text.substr(gone);
    }
    return gone != 0;
}

void unblocking_sink::sink_it_(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string text;
    if (dropped_ != 0) {
        spdlog::memory_buf_t told;
        api::log::format(
            *formatter_,
            {spdlog::level::warn, "lines of the log were dropped, they were not read in time", {{"dropped", dropped_}}},
            told);
        text.assign(told.data(), told.size());
    }
    // What a client chose (an id, a name) neither commands a terminal nor begins a line of its own.
    std::string told = without_controls({line.data(), line.size() - 1});
    for (auto at = told.find('\n'); at != std::string::npos; at = told.find('\n', at)) {
        told.replace(at, 1, "\\n");
    }
    text += told + '\n';
    dropped_ = try_write(text) ? 0 : dropped_ + 1;
}

bool is_journal(int descriptor) {
    const char* const told = std::getenv("JOURNAL_STREAM");
    struct stat found {};
    return told != nullptr && fstat(descriptor, &found) == 0 &&
           std::to_string(found.st_dev) + ':' + std::to_string(found.st_ino) == told;
}

namespace {

using api::log::line_format;

/// How lines are written, for a handler of a signal, which can ask nobody.
constinit std::atomic<line_format> format_of_handlers{line_format::text};
static_assert(std::atomic<line_format>::is_always_lock_free);

/// Text in a buffer of its own: beyond that it is cut.
class short_text {
public:
    void add(std::string_view text) noexcept {
        const std::size_t count = std::min(text.size(), bytes_.size() - size_);
        std::copy_n(text.begin(), count, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += count;
    }
    void add(long number, std::size_t digits) noexcept {
        std::array<char, 20> text{};
        for (std::size_t i = digits; i > 0; --i) {
            text[i - 1] = static_cast<char>('0' + number % 10);
            number /= 10;
        }
        add({text.data(), digits});
    }
    [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }

private:
    std::array<char, 256> bytes_{};
    std::size_t size_ = 0;
};

/// RFC 3339, in UTC: the time zone is not to be asked for in a handler.
void add_time(short_text& line) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    using namespace std::chrono;
    const sys_seconds whole{seconds{now.tv_sec}};
    const auto day = floor<days>(whole);
    const year_month_day date{day};
    const hh_mm_ss time{whole - day};
    line.add(int{date.year()}, 4);
    line.add("-");
    line.add(unsigned{date.month()}, 2);
    line.add("-");
    line.add(unsigned{date.day()}, 2);
    line.add("T");
    line.add(time.hours().count(), 2);
    line.add(":");
    line.add(time.minutes().count(), 2);
    line.add(":");
    line.add(time.seconds().count(), 2);
    line.add(".");
    line.add(now.tv_nsec / 1'000'000, 3);
    line.add("+00:00");
}

}  // namespace

void log_from_handler(std::string_view message) noexcept {
    const auto format = format_of_handlers.load(std::memory_order_relaxed);
    short_text line;
    line.add(format == line_format::journal ? "<4>" : format == line_format::json ? R"({"time":")" : "");
    if (format != line_format::journal) {
        add_time(line);
    }
    line.add(format == line_format::json   ? R"(","level":"warn","message":")"
             : format == line_format::text ? " warn "
                                           : "");
    line.add(message);
    line.add(format == line_format::json ? "\"}\n" : "\n");
    pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) {
        static_cast<void>(!::write(STDERR_FILENO, line.text().data(), line.text().size()));
    }
}

void start_log(spdlog::level::level_enum level, log_style style) {
    const bool is_for_journal = is_journal(STDERR_FILENO);
    const bool is_json =
        style == log_style::json || (style == log_style::automatic && !is_for_journal && isatty(STDERR_FILENO) != 1);
    auto log = std::make_shared<spdlog::logger>("gatherd", std::make_shared<unblocking_sink>(STDERR_FILENO));
    const auto format = is_json ? line_format::json : is_for_journal ? line_format::journal : line_format::text;
    format_of_handlers.store(format, std::memory_order_relaxed);  // by the thread that then sets the handlers
    log->set_formatter(std::make_unique<api::log::line_formatter>(format));
    log->set_level(level);
    spdlog::set_default_logger(std::move(log));
}

}  // namespace gatherd::cli
