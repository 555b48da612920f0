#include "api/log/event.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/shortened.hpp"

namespace gatherd::api::log {
namespace {

constexpr std::size_t most_text_bytes = 1024;

constinit thread_local const event* current = nullptr;

/// A word needs no quotes in a line of text: it holds nothing that ends it, and is not taken for two.
bool is_word(std::string_view text) {
    return std::ranges::all_of(
        text, [](char each) { return each > ' ' && each <= '~' && each != '"' && each != '=' && each != '\\'; });
}

std::string text_of(const field& shown) {
    const auto* const text = std::get_if<std::string_view>(&shown.value);
    return text != nullptr && text->size() <= most_text_bytes && is_word(*text) ? std::string{*text}
                                                                                : json_value(shown);
}

std::string text_of(const event& told) {
    std::string text = shortened(told.message, most_text_bytes);
    for (const field& each : told.details) {
        if (!each.empty()) {
            text.append(" ").append(each.name).append("=").append(text_of(each));
        }
    }
    return text;
}

/// Makes an event the thread's while it is formatted.
class current_event {
public:
    explicit current_event(const event& told) noexcept : before_{std::exchange(current, &told)} {}
    ~current_event() { current = before_; }
    current_event(const current_event&) = delete;
    current_event& operator=(const current_event&) = delete;

private:
    const event* const before_;
};

}  // namespace

std::string json_string(std::string_view text) {
    using json = nlohmann::json;
    return json(shortened(text, most_text_bytes)).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string json_value(const field& shown) {
    struct {
        std::string operator()(std::string_view text) const { return json_string(text); }
        std::string operator()(json_text given) const { return std::string{given.text}; }
        std::string operator()(double number) const { return nlohmann::json(number).dump(); }
        std::string operator()(std::int64_t number) const { return std::to_string(number); }
        std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    } constexpr as_json;
    return std::visit(as_json, shown.value);
}

bool is_logged(spdlog::level::level_enum level) noexcept {
    return spdlog::should_log(level);
}

void write(spdlog::level::level_enum level, std::string_view message, fields details) noexcept {
    if (!is_logged(level)) {
        return;
    }
    try {
        const event written{level, message, details};
        const std::string text = text_of(written);
        const current_event scope{written};
        spdlog::default_logger_raw()->log(level, spdlog::string_view_t{text});
    } catch (const std::exception&) {  // no memory
    }
}

void format(spdlog::formatter& formatter, const event& told, spdlog::memory_buf_t& line) {
    const std::string text = text_of(told);
    const current_event scope{told};
    formatter.format({spdlog::source_loc{}, spdlog::string_view_t{}, told.level, spdlog::string_view_t{text}}, line);
}

const event* event_of_this_thread() noexcept {
    return current;
}

}  // namespace gatherd::api::log
