/// \file
/// Events for the log: a message that is the same each time, and what differs in fields.
#pragma once

#include <spdlog/common.h>
#include <spdlog/formatter.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace gatherd::api::log {

/// JSON text as a field's value.
struct json_text {
    std::string_view text;
};

/// One field. Its text lives for the call that logs it; what is longer than 1 KiB is cut, bytes that are no UTF-8 are
/// replaced. A field with an empty text is left out.
struct field {
    field(std::string_view its_name, std::string_view text) noexcept : name{its_name}, value{text} {}
    field(std::string_view its_name, json_text text) noexcept : name{its_name}, value{text} {}
    field(std::string_view its_name, double number) noexcept : name{its_name}, value{number} {}
    template <std::signed_integral Number>
    field(std::string_view its_name, Number number) noexcept : name{its_name}, value{std::int64_t{number}} {}
    template <std::unsigned_integral Number>
    field(std::string_view its_name, Number number) noexcept : name{its_name}, value{std::uint64_t{number}} {}

    [[nodiscard]] bool empty() const noexcept {
        const auto* const text = std::get_if<std::string_view>(&value);
        return text != nullptr && text->empty();
    }

    std::string_view name;  ///< snake_case; not time, level or message
    std::variant<std::string_view, json_text, double, std::int64_t, std::uint64_t> value;
};

using fields = std::initializer_list<field>;

/// Whether events of that level are logged: for a caller whose fields cost something.
[[nodiscard]] bool is_logged(spdlog::level::level_enum level) noexcept;

/// Logs to spdlog's default logger, as the text `message name=value ..`; a line_formatter writes the fields apart.
///
/// Threads: any. An event for which there is no memory is lost.
void write(spdlog::level::level_enum level, std::string_view message, fields details = {}) noexcept;

inline void debug(std::string_view message, fields details = {}) noexcept {
    write(spdlog::level::debug, message, details);
}
inline void info(std::string_view message, fields details = {}) noexcept {
    write(spdlog::level::info, message, details);
}
inline void warn(std::string_view message, fields details = {}) noexcept {
    write(spdlog::level::warn, message, details);
}
inline void error(std::string_view message, fields details = {}) noexcept {
    write(spdlog::level::err, message, details);
}

struct event {
    spdlog::level::level_enum level;
    std::string_view message;
    fields details;
};

/// The event that the calling thread is logging, or null: how its fields reach a line_formatter.
[[nodiscard]] const event* event_of_this_thread() noexcept;

/// Appends the line of an event that a sink itself has to tell.
void format(spdlog::formatter& formatter, const event& told, spdlog::memory_buf_t& line);

/// A text as a string of JSON, cut and with bytes that are no UTF-8 replaced.
[[nodiscard]] std::string json_string(std::string_view text);

/// The value of a field as JSON.
[[nodiscard]] std::string json_value(const field& shown);

}  // namespace gatherd::api::log
