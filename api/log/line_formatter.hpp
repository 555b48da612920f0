/// \file
/// How a line of the log is written.
#pragma once

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>

#include <cstdint>
#include <memory>

namespace gatherd::api::log {

enum class line_format : std::uint8_t {
    text,     ///< time, level, message, fields
    journal,  ///< the same for systemd's journal, which keeps the time itself: `<4>` for the level, then message,
              ///< fields
    json,     ///< one object: time, level, message, fields
};

/// Times are RFC 3339 with milliseconds; levels have the names that the setting log.level has. What was logged past
/// log::write is a message without fields: a line is valid JSON whoever logs.
///
/// Threads: as its sink: one at a time.
class line_formatter final : public spdlog::formatter {
public:
    explicit line_formatter(line_format format);

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override;
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override;

private:
    line_format format_;
    spdlog::pattern_formatter time_;
};

}  // namespace gatherd::api::log
