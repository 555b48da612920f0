#include "api/protocol/number_scanner.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

namespace gatherd::api::protocol {
namespace {

bool is_beyond(const std::string& number, std::size_t piece) {
    number_scanner scanner;
    for (std::size_t at = 0; at < number.size(); at += piece) {
        scanner.scan(std::string_view{number}.substr(at, piece));
    }
    return scanner.is_beyond_double();
}

// The C library rounds exactly, however many digits there are.
void check(const std::string& number) {
    const bool expected = std::isinf(std::strtod(number.c_str(), nullptr));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, number.size()}) {
        if (is_beyond(number, piece) != expected) {
            CAPTURE(number, piece);
            CHECK(is_beyond(number, piece) == expected);
        }
    }
}

// Half way between the greatest double and what would be the next one.
const std::string half_way =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692"
    "887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842"
    "914819860834936475292719074168444365510704342711559699508093042880177904174497792";

}  // namespace

TEST_CASE("number_scanner: a number is beyond double where the nearest double is infinite", "[protocol]") {
    for (const std::string number : {"0.0",
                                     "1.5",
                                     "-1.5e+3",
                                     "1e308",
                                     "1.8e308",
                                     "-1.8e308",
                                     "1e309",
                                     "1e999",
                                     "-1e999",
                                     "1e-999",
                                     "0e999",
                                     "0.0e99999999999999999999",
                                     "-0.0e99999999999999999999",
                                     "1e99999999999999999999",
                                     "1e-99999999999999999999",
                                     "1e18446744073709551617",
                                     "1e-18446744073709551617",
                                     "1.7976931348623157e308",
                                     "1.7976931348623158e308",
                                     "1.7976931348623159e308",
                                     "17976931348623158e292",
                                     "17976931348623159e292",
                                     "0.00017976931348623158e312",
                                     "0.00017976931348623159e312",
                                     "1e0000000000000000000308",
                                     "1e0000000000000000000309",
                                     "10e307",
                                     "10e308",
                                     "0.1e309",
                                     "0.1e310",
                                     "123456789012345678901234567890.0"}) {
        check(number);
    }
}

TEST_CASE("number_scanner: to the last digit", "[protocol]") {
    const std::string below = half_way.substr(0, half_way.size() - 1);
    for (const char* const end : {"", ".0", "e0", "E+0", "e-0", ".000000000000000000001", ".5e0", "e1", "e-1"}) {
        check(half_way + end);
        check(below + "1" + end);
        check(below + "3" + end);
    }
    check(below + "1." + std::string(5000, '9'));
    check(below + "2." + std::string(5000, '0'));
    check("1." + half_way.substr(1) + "e308");
    check("1." + below.substr(1) + "1e308");
    check("0." + std::string(4000, '0') + half_way + "e4309");
    check("0." + std::string(4000, '0') + half_way + "e4308");
    check("0." + std::string(4000, '0') + below + "19e4309");
    check(half_way + std::string(4000, '0') + "e-4000");
    check(below + "19" + std::string(4000, '0') + "e-4001");
    check(std::string(309, '1') + ".0");
    check(std::string(310, '1') + ".0");
    check(std::string(308, '9') + ".9");
    check(std::string(1000, '0') + "1.0");
}

TEST_CASE("number_scanner: random numbers near the greatest double", "[protocol]") {
    constexpr unsigned seed = 20261122;
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (int round = 0; round < 20'000; ++round) {
        auto digits = half_way.substr(0, random() % half_way.size() + 1);
        if (random() % 2 == 0) {
            digits += std::to_string(random());
        }
        if (random() % 4 == 0) {
            digits[random() % digits.size()] = static_cast<char>('0' + random() % 10);
        }
        const auto point = random() % digits.size() + 1;
        const auto exponent = 309 - static_cast<int>(point) + static_cast<int>(random() % 3) - 1;
        std::string number = digits.substr(0, point);
        if (point < digits.size()) {
            number += '.' + digits.substr(point);
        }
        check(number + 'e' + std::to_string(exponent));
    }
}

}  // namespace gatherd::api::protocol
