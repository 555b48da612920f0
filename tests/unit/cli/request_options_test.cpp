#include "cli/client/request_options.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include "cli/failures.hpp"
#include "gatherd/api/limits.hpp"

using namespace gatherd::cli;

TEST_CASE("request_options: a timeout goes out in seconds", "[cli]") {
    CHECK(seconds_json("--timeout", "2") == "2.000");
    CHECK(seconds_json("--timeout", "250ms") == "0.250");
    CHECK(seconds_json("--timeout", "1.005") == "1.005");
    CHECK(seconds_json("--timeout", "2m") == "120.000");
    CHECK(seconds_json("--timeout", "0") == "0.000");
    CHECK_THROWS_AS(seconds_json("--timeout", "-1"), usage_error);
    CHECK_THROWS_WITH(seconds_json("--timeout", "soon"), Catch::Contains("--timeout: 'soon' is no time"));
}

TEST_CASE("request_options: a command waits for longer than the daemon may take to cancel", "[cli]") {
    CLI::App app;
    time_limit limit;
    limit.add_to(app, "cancel it after so long");
    app.parse("--timeout 1s");
    const gatherd::api::limits bounds;
    const auto patience = limit.patience();
    REQUIRE(patience);
    CHECK(*patience > std::chrono::seconds{1} + bounds.worker_cancel_time);
    CHECK(*patience > std::chrono::seconds{1} + bounds.cleanup_time);
}

TEST_CASE("request_options: a seed is a whole number as JSON spells it", "[cli]") {
    CHECK(seed_json("0") == "0");
    CHECK(seed_json("007") == "7");
    CHECK(seed_json("-0042") == "-42");
    CHECK(seed_json("-9223372036854775808") == "-9223372036854775808");
    CHECK(seed_json("18446744073709551615") == "18446744073709551615");
    const auto* const text = GENERATE("", "x", "1.0", "+1", "1 ", "18446744073709551616", "-9223372036854775809");
    CHECK_THROWS_AS(seed_json(text), usage_error);
}
