#include "api/protocol/number_scanner.hpp"

namespace gatherd::api::protocol {
namespace {

// 2^1024 - 2^970, half way from the greatest double to the power of two that would come next: what lies there or beyond
// is rounded to infinity, since the greatest double is odd.
constexpr std::string_view least_beyond =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692"
    "887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842"
    "914819860834936475292719074168444365510704342711559699508093042880177904174497792";
static_assert(least_beyond.size() == 309);

// Far beyond what digits before or behind the point could make up for: a message has less than that many.
constexpr std::int64_t enough = 1'000'000'000'000'000;

}  // namespace

void number_scanner::take_digit(char digit) noexcept {
    has_digits_ = true;
    if (is_decided_ || equal_ == least_beyond.size()) {
        return;
    }
    if (digit == least_beyond[equal_]) {
        ++equal_;
        return;
    }
    is_decided_ = true;
    is_above_ = digit > least_beyond[equal_];
}

void number_scanner::scan(std::string_view piece) noexcept {
    for (const char byte : piece) {
        if (byte == '.') {
            part_ = part::fraction;
        } else if (byte == 'e' || byte == 'E') {
            part_ = part::exponent;
        } else if (byte == '+' || byte == '-') {
            is_negative_ = byte == '-' && part_ == part::exponent;  // the number's own sign does not matter
        } else if (part_ == part::exponent) {
            exponent_ = exponent_ < enough ? 10 * exponent_ + (byte - '0') : exponent_;
        } else if (has_digits_ || byte != '0') {
            scale_ += part_ == part::integer ? 1 : 0;
            take_digit(byte);
        } else {
            scale_ -= part_ == part::fraction ? 1 : 0;
        }
    }
}

bool number_scanner::is_beyond_double() const noexcept {
    const auto scale = scale_ + (is_negative_ ? -exponent_ : exponent_);
    constexpr auto limit = static_cast<std::int64_t>(least_beyond.size());
    if (!has_digits_ || scale != limit) {
        return has_digits_ && scale > limit;
    }
    // Its last digit is no zero, so a number with fewer digits that are all equal is less.
    return is_decided_ ? is_above_ : equal_ == least_beyond.size();
}

}  // namespace gatherd::api::protocol
