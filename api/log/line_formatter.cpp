#include "api/log/line_formatter.hpp"

#include <string>
#include <string_view>

#include "api/log/event.hpp"

namespace gatherd::api::log {
namespace {

using spdlog::level::level_enum;

std::string_view level_name(level_enum level) {
    switch (level) {
        case level_enum::trace:
            return "trace";
        case level_enum::debug:
            return "debug";
        case level_enum::info:
            return "info";
        case level_enum::warn:
            return "warn";
        default:
            return "error";
    }
}

/// As sd-daemon(3) has it.
std::string_view journal_prefix(level_enum level) {
    switch (level) {
        case level_enum::trace:
        case level_enum::debug:
            return "<7>";
        case level_enum::info:
            return "<6>";
        case level_enum::warn:
            return "<4>";
        default:
            return "<3>";
    }
}

void append(spdlog::memory_buf_t& line, std::string_view text) {
    line.append(text.data(), text.data() + text.size());
}

}  // namespace

line_formatter::line_formatter(line_format format)
    : format_{format}, time_{"%Y-%m-%dT%H:%M:%S.%e%z", spdlog::pattern_time_type::local, ""} {}

void line_formatter::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) {
    const std::string_view text{message.payload.data(), message.payload.size()};
    if (format_ == line_format::journal) {
        append(line, journal_prefix(message.level));
        append(line, text);
        append(line, "\n");
        return;
    }
    append(line, format_ == line_format::json ? R"({"time":")" : "");
    time_.format(message, line);
    if (format_ == line_format::text) {
        append(line, " ");
        append(line, level_name(message.level));
        append(line, " ");
        append(line, text);
        append(line, "\n");
        return;
    }
    const event* const known = event_of_this_thread();
    append(line, R"(","level":")");
    append(line, level_name(message.level));
    append(line, R"(","message":)");
    append(line, json_string(known == nullptr ? text : known->message));
    for (const field& each : known == nullptr ? fields{} : known->details) {
        if (each.empty()) {
            continue;
        }
        append(line, ",\"");
        append(line, each.name);
        append(line, "\":");
        append(line, json_value(each));
    }
    append(line, "}\n");
}

std::unique_ptr<spdlog::formatter> line_formatter::clone() const {
    return std::make_unique<line_formatter>(format_);
}

}  // namespace gatherd::api::log
