/// \file
/// The daemon's log: lines on standard error that nobody waits for.
#pragma once

#include <spdlog/common.h>
#include <spdlog/sinks/base_sink.h>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace gatherd::cli {

/// Writes lines to a descriptor without ever blocking. When a pipe, a terminal or a socket takes no more, lines are
/// dropped; the next one that can be written is preceded by a line that says how many.
///
/// Threads: all members are safe from any thread.
class unblocking_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    /// The descriptor stays the caller's, and open.
    explicit unblocking_sink(int descriptor);
    ~unblocking_sink() override;

protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

private:
    /// How the descriptor is written to. Its own flags are not changed: other processes may share them.
    enum class way : std::uint8_t {
        as_it_is,   // a file: it never blocks for long
        reopened,   // a pipe or a terminal, opened once more without blocking
        as_socket,  // with MSG_DONTWAIT
        polled,     // a pipe or a terminal that cannot be opened again: written to only where poll sees room
    };

    [[nodiscard]] bool try_write(std::string_view text);
    [[nodiscard]] std::size_t write_some(std::string_view text) const;

    int descriptor_;
    way way_ = way::as_it_is;
    std::string rest_;           // of a line that was written in part
    std::uint64_t dropped_ = 0;  // lines since the last one that was written
};

/// How lines are written; `automatic`: text on a terminal and in systemd's journal, else JSON.
enum class log_style : std::uint8_t { automatic, text, json };

/// Whether a descriptor leads to systemd's journal, as JOURNAL_STREAM says.
[[nodiscard]] bool is_journal(int descriptor);

/// From now on the process logs to standard error, as that sink does, from this level on.
void start_log(spdlog::level::level_enum level, log_style style);

/// A line of level warn as start_log has said it, with the time in UTC; where it would have to wait, none. For handlers
/// of signals: takes no memory and no lock. `message`: plain ASCII without quotes, at most 100 bytes.
void log_from_handler(std::string_view message) noexcept;

}  // namespace gatherd::cli
