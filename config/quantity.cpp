#include "config/quantity.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

namespace gatherd::config {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t kibi = 1024;
constexpr std::uint64_t kilo = 1000;

// The largest first: a text is written in the first unit that divides it. What stands behind the unit of factor 1 is
// read only.
constexpr std::array time_units{unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000},
                                unit{"ms", 1}};
constexpr std::array size_units{unit{"TiB", kibi* kibi* kibi* kibi},
                                unit{"TB", kilo* kilo* kilo* kilo},
                                unit{"GiB", kibi* kibi* kibi},
                                unit{"GB", kilo* kilo* kilo},
                                unit{"MiB", kibi* kibi},
                                unit{"MB", kilo* kilo},
                                unit{"KiB", kibi},
                                unit{"kB", kilo},
                                unit{"KB", kilo},
                                unit{"B", 1},
                                unit{"T", kibi* kibi* kibi* kibi},
                                unit{"G", kibi* kibi* kibi},
                                unit{"M", kibi* kibi},
                                unit{"K", kibi},
                                unit{"k", kibi}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// value * 10 + digit, or nothing on overflow.
std::optional<std::uint64_t> append_digit(std::uint64_t value, char digit) {
    std::uint64_t longer = 0;
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &longer) ||
        __builtin_add_overflow(longer, static_cast<std::uint64_t>(digit - '0'), &longer)) {
        return std::nullopt;
    }
    return longer;
}

/// A decimal number: `digits` as a whole, divided by `divisor`, a power of ten.
struct decimal {
    std::uint64_t digits = 0;
    std::uint64_t divisor = 1;
};

/// Takes a decimal number off the front of `text`. Leading zeros and "0.50" are fine; ".5" and "5." are not.
std::optional<decimal> take_decimal(std::string_view& text) {
    decimal number;
    bool point = false;
    bool digit_before = false;
    while (!text.empty() && (is_digit(text.front()) || text.front() == '.')) {
        if (text.front() == '.') {
            if (point || !digit_before) {
                return std::nullopt;
            }
            point = true;
        } else {
            const auto digits = append_digit(number.digits, text.front());
            const auto divisor = point ? append_digit(number.divisor, '0') : number.divisor;
            if (!digits || !divisor) {
                return std::nullopt;
            }
            number = {*digits, *divisor};
        }
        digit_before = text.front() != '.';
        text.remove_prefix(1);
    }
    return digit_before ? std::optional{number} : std::nullopt;
}

/// The factor of the unit that the text begins with, which is taken off: all letters that stand there.
std::optional<std::uint64_t> take_unit(std::string_view& text, std::span<const unit> units) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto end = std::ranges::find_if_not(text, is_letter);
    const auto name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(name.size());
    const auto found = std::ranges::find(units, name, &unit::name);
    return found == units.end() ? std::nullopt : std::optional{found->factor};
}

/// Takes "1.5s" off the front: as whole ones of factor 1, and the factor of its unit.
std::optional<std::pair<std::uint64_t, std::uint64_t>> take_quantity(std::string_view& text,
                                                                     std::span<const unit> units,
                                                                     std::uint64_t bare_factor) {
    const auto number = take_decimal(text);
    if (!number) {
        return std::nullopt;
    }
    if (text.size() > 1 && text.starts_with(' ')) {
        text.remove_prefix(1);  // "64 KiB" is how a standard would write it
    }
    const auto factor = text.empty() ? std::optional{bare_factor} : take_unit(text, units);
    std::uint64_t scaled = 0;
    if (!factor || __builtin_mul_overflow(number->digits, *factor, &scaled) || scaled % number->divisor != 0) {
        return std::nullopt;
    }
    return std::pair{scaled / number->divisor, *factor};
}

const unit& largest_that_divides(std::uint64_t value, std::span<const unit> units) {
    for (const auto& candidate : units) {
        if (value % candidate.factor == 0) {
            return candidate;
        }
    }
    return units.back();
}

constexpr std::string_view fraction = R"((\.[0-9]+)?)";

/// Numbers that may be at most `most`: of too many digits none.
std::string number_pattern(std::uint64_t most) {
    return most == 0 ? "0+" : "0*[0-9]{1," + std::to_string(std::to_string(most).size()) + "}";
}

/// Refuses a text without any digit but 0.
std::string_view unless_zero(bool may_be_zero) {
    return may_be_zero ? "" : "(?=.*[1-9])";
}

}  // namespace

std::string bytes_pattern(std::uint64_t least, std::uint64_t most) {
    std::string pattern;
    for (const unit& each : size_units) {
        const std::string number = number_pattern(most / each.factor) + std::string{fraction};
        pattern +=
            (pattern.empty() ? "" : "|") + number + (each.factor == 1 ? "( ?B)?" : " ?" + std::string{each.name});
    }
    return std::string{"^"} + std::string{unless_zero(least == 0)} + "(" + pattern + ")$";
}

std::string duration_pattern(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    std::string sum;
    const auto count = static_cast<std::uint64_t>(most.count());
    constexpr std::uint64_t second = 1000;
    for (const unit& each : time_units) {
        sum += "(" + number_pattern(count / each.factor) + std::string{fraction} + " ?" + std::string{each.name} + ")?";
    }
    return std::string{"^(?=.)"} + std::string{unless_zero(least.count() == 0)} + "(" + sum + "|" +
           number_pattern(count / second) + std::string{fraction} + ")$";
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr std::uint64_t second = 1000;
    std::uint64_t count = 0;
    // "1m30s" is a sum, whose units get smaller.
    auto before = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t bare_factor = second;
    do {
        const auto part = take_quantity(text, time_units, bare_factor);
        if (!part || part->second >= before || __builtin_add_overflow(count, part->first, &count)) {
            return std::nullopt;
        }
        bare_factor = before = part->second;  // so that "1m30" is refused: its last part has no unit of its own
    } while (!text.empty());
    // A century is more than anyone means, and far from where sums of times overflow.
    constexpr std::uint64_t most = std::uint64_t{100} * 366 * 86'400'000;
    if (count > most) {
        return std::nullopt;
    }
    return std::chrono::milliseconds{static_cast<std::int64_t>(count)};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    const auto size = take_quantity(text, size_units, 1);
    return size && text.empty() ? std::optional{size->first} : std::nullopt;
}

std::string duration_text(std::chrono::milliseconds time) {
    const auto count = static_cast<std::uint64_t>(time.count());
    if (count == 0) {
        return "0s";
    }
    const auto& in = largest_that_divides(count, time_units);
    return std::to_string(count / in.factor) + std::string{in.name};
}

std::string bytes_text(std::uint64_t bytes) {
    const auto& in = largest_that_divides(bytes, size_units);
    if (bytes == 0 || in.factor == 1) {
        return std::to_string(bytes);
    }
    return std::to_string(bytes / in.factor) + std::string{in.name};
}

}  // namespace gatherd::config
