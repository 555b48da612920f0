#include "cli/top/cell_text.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <limits>

#include "cli/utf8.hpp"

namespace gatherd::cli::top {
namespace {

struct character {
    std::string shown;
    std::size_t columns = 0;
};

/// Marks of direction, joiners and the like: a terminal may reorder or hide what stands around them.
bool is_invisible(char32_t code) {
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || code == 0xAD || (code >= 0xE0000 && code <= 0xE0FFF);
}

/// Takes the next character off the text.
character next_of(std::string_view& text) {
    const auto [code, bytes] = first_character(text);
    const std::string_view taken = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(taken.size());
    if (bytes == 0 || is_invisible(code)) {
        return {"?", 1};
    }
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
        std::array<char, 8> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(code));
        return {escaped.data(), 4};
    }
    const int columns = wcwidth(static_cast<wchar_t>(code));
    return columns < 0 ? character{"?", 1} : character{std::string{taken}, static_cast<std::size_t>(columns)};
}

std::string printed(const char* format, double number) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, number);
    return text.data();
}

/// Three digits that count.
std::string three_digits(double number) {
    return printed(number < 9.995 ? "%.2f" : number < 99.95 ? "%.1f" : "%.0f", number);
}

}  // namespace

std::string fitted(std::string_view text, std::size_t columns, alignment align) {
    constexpr unsigned most_marks = 4;  // on one character
    std::string shown;
    std::size_t taken = 0;
    unsigned marks = 0;
    while (!text.empty()) {
        const character next = next_of(text);
        marks = next.columns == 0 ? marks + 1 : 0;
        if (next.columns == 0 && (taken == 0 || marks > most_marks)) {
            continue;
        }
        if (taken + next.columns > columns) {
            break;
        }
        shown += next.shown;
        taken += next.columns;
    }
    const std::string filling(columns - taken, ' ');
    return align == alignment::left ? shown + filling : filling + shown;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        columns += next_of(text).columns;
    }
    return columns;
}

std::string short_number(double number) {
    if (!(number >= 0)) {
        return number < 0 ? "-" + short_number(-number) : "-";
    }
    if (number < 999.5) {
        return number == std::floor(number) ? printed("%.0f", number)
               : number < 99.95             ? printed("%.1f", number)
                                            : printed("%.0f", number);
    }
    std::size_t unit = 0;
    constexpr std::string_view units = "kMGT";
    for (number /= 1000; number >= 999.5 && unit + 1 < units.size(); ++unit) {
        number /= 1000;
    }
    return three_digits(number) + units[unit];
}

std::string short_bytes(double bytes) {
    constexpr std::array<const char*, 5> units{" B", " KiB", " MiB", " GiB", " TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1023.5 && unit + 1 < units.size(); ++unit) {
        bytes /= 1024;
    }
    return (unit == 0 ? printed("%.0f", bytes) : three_digits(bytes)) + units[unit];
}

std::string short_time(double seconds) {
    constexpr double minute = 60;
    constexpr double hour = 60 * minute;
    constexpr double day = 24 * hour;
    if (!(seconds >= 0)) {
        return "-";
    }
    if (seconds < 0.0009995) {
        return printed("%.0f", seconds * 1e6) + "us";
    }
    if (seconds < 0.9995) {
        return three_digits(seconds * 1e3) + "ms";
    }
    if (seconds < minute) {
        return three_digits(seconds) + "s";
    }
    const double large = seconds < hour ? minute : seconds < day ? hour : day;
    const double small = seconds < hour ? 1 : seconds < day ? minute : hour;
    const char* const unit = seconds < hour ? "m" : seconds < day ? "h" : "d";
    const char* const lesser = seconds < hour ? "s" : seconds < day ? "m" : "h";
    const double whole = std::floor(seconds / large);
    return printed("%.0f", whole) + unit + printed("%02.0f", std::floor((seconds - whole * large) / small)) + lesser;
}

}  // namespace gatherd::cli::top
