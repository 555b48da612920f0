#include "config/quantity.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using gatherd::config::bytes_text, gatherd::config::duration_text, gatherd::config::parse_bytes,
    gatherd::config::parse_duration;

TEST_CASE("quantity: a time is a number with its unit", "[config]") {
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("1.5s") == 1500ms);
    CHECK(parse_duration("2m") == 2min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("7d") == 168h);
    CHECK(parse_duration("10 s") == 10s);
    CHECK(parse_duration("1m30s") == 90s);
    CHECK(parse_duration("1d2h3m4s5ms") == 26h + 3min + 4s + 5ms);
    CHECK(parse_duration("0m5s") == 5s);
}

TEST_CASE("quantity: a time without a unit is in seconds", "[config]") {
    CHECK(parse_duration("30") == 30s);
    CHECK(parse_duration("0.25") == 250ms);
    CHECK(parse_duration("0") == 0s);
}

TEST_CASE("quantity: what is no time is refused", "[config]") {
    const auto* const text = GENERATE("", "s", "-1s", "+1s", "1.5.5s", ".5s", "5.s", "1,5s", "0.0001s", "0.5ms", "1sec",
                                      "1 S", "1s ", " 1s", "1e3", "inf", "nan", "1m30", "1s1m", "1s1s", "1m 30s",
                                      "1m-30s", "99999999999999999999s", "400000000h");
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("quantity: a size is a number with its unit", "[config]") {
    CHECK(parse_bytes("64KiB") == 65'536);
    CHECK(parse_bytes("1MB") == 1'000'000);
    CHECK(parse_bytes("1.5GiB") == 1'610'612'736);
    CHECK(parse_bytes("2 kB") == 2'000);
    CHECK(parse_bytes("7B") == 7);
    CHECK(parse_bytes("64M") == std::uint64_t{64} << 20);
    CHECK(parse_bytes("64K") == 65'536);
    CHECK(parse_bytes("64k") == 65'536);
    CHECK(parse_bytes("1T") == std::uint64_t{1} << 40);
}

TEST_CASE("quantity: a size without a unit is in bytes", "[config]") {
    CHECK(parse_bytes("512") == 512);
    CHECK(parse_bytes("18446744073709551615") == UINT64_MAX);
}

TEST_CASE("quantity: what is no size is refused", "[config]") {
    const auto* const text = GENERATE("", "KiB", "-1", "1.5", "0.3KiB", "64Ki", "64kib", "1M1K", "1e6",
                                      "18446744073709551616", "99999999999TiB", "64KiB ", "0x10");
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text));
}

TEST_CASE("quantity: texts are short and read back as the same", "[config]") {
    CHECK(duration_text(300s) == "5m");
    CHECK(duration_text(90s) == "90s");
    CHECK(duration_text(0ms) == "0s");
    CHECK(duration_text(1500ms) == "1500ms");
    CHECK(bytes_text(std::uint64_t{64} << 20) == "64MiB");
    CHECK(bytes_text(1'000'000) == "1MB");
    CHECK(bytes_text(513) == "513");
    CHECK(bytes_text(0) == "0");
    for (const auto time : {1ms, 999ms, 60'000ms, 3'599'000ms, 86'400'000ms}) {
        CHECK(parse_duration(duration_text(time)) == time);
    }
    for (const std::uint64_t bytes : {1U, 1000U, 1023U, 1024U, 1'048'576U, 1'024'000U}) {
        CHECK(parse_bytes(bytes_text(bytes)) == bytes);
    }
}
