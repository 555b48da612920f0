#include "cli/bench/report.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/bench/server_usage.hpp"

using namespace gatherd::cli::bench;
using namespace std::chrono_literals;

namespace {

const report_title title{.server = "127.0.0.1:7117", .workload = "gather of 10: noop"};
const load_options options{.processes = 1,
                           .connections = 4,
                           .pipeline = 2,
                           .rate = std::nullopt,
                           .times = {.ramp = 0s, .warm_up = 1s, .duration = 2s},
                           .requests = std::nullopt,
                           .patience = 1s};

load_outcome outcome_of_a_run() {
    load_outcome made;
    made.measured = 2s;
    made.counted.requests = 200;
    made.counted.tasks = 2000;
    made.counted.right = 250;
    for (int i = 1; i <= 100; ++i) {
        made.counted.latency.record(i * 1ms);
    }
    made.counted.tasks_by_time.add(15ms, 20);
    return made;
}

}  // namespace

TEST_CASE("report: what was counted in the time that was measured becomes rates", "[bench]") {
    const auto made = nlohmann::json::parse(report_json(title, options, outcome_of_a_run()));
    CHECK(made["tasks_a_second"] == 1000.0);
    CHECK(made["batches_a_second"] == 100.0);
    CHECK(made["latency"]["max"] == 0.1);
    CHECK(made["latency"]["p50"].get<double>() == Approx(0.05).epsilon(0.008));
    CHECK(made["failures"]["errors"].empty());
    CHECK(made["server"].is_null());
    CHECK(made["over_time"]["tasks_a_second"] == nlohmann::json{0.0, 2000.0});
    const auto text = report_text(title, options, outcome_of_a_run());
    CHECK(text.find("1 000\n") != std::string::npos);
    CHECK(text.find("every answer was right") != std::string::npos);
}

TEST_CASE("report: each failure is told, errors by their code", "[bench]") {
    auto outcome = outcome_of_a_run();
    outcome.counted.count_error(-32003);
    outcome.counted.count_error(-32000);
    outcome.counted.count_error(-32003);
    outcome.counted.wrong = 1;
    outcome.counted.keep_complaint("first");
    outcome.counted.keep_complaint("second");
    const auto made = nlohmann::json::parse(report_json(title, options, outcome));
    CHECK(made["failures"]["errors"] == nlohmann::json{{"-32003", 2}, {"-32000", 1}});
    CHECK(made["failures"]["first"] == "first");
    CHECK(outcome.counted.failures() == 4);
    const auto text = report_text(title, options, outcome);
    CHECK(text.find("2 errors -32003, 1 errors -32000, 1 wrong results") != std::string::npos);
}

TEST_CASE("report: the server's memory is told for each connection", "[bench]") {
    auto outcome = outcome_of_a_run();
    server_record server;
    server.before.private_bytes = 1'000;
    server.connected.private_bytes = 5'000;
    server.finished.private_bytes = 9'000;
    server.begun.cpu = 1s;
    server.ended.cpu = 4s;
    outcome.server = server;
    const auto made = nlohmann::json::parse(report_json(title, options, outcome))["server"];
    CHECK(made["private_each_idle_connection"] == 1'000);
    CHECK(made["private_each_used_connection"] == 2'000);
    CHECK(made["cores"] == 1.5);
}

TEST_CASE("report: a plot has both curves, also of nothing", "[bench]") {
    const auto curves = [](const std::string& picture) {
        std::size_t count = 0;
        for (auto at = picture.find("<polyline"); at != picture.npos; at = picture.find("<polyline", at + 1)) {
            ++count;
        }
        return count;
    };
    CHECK(curves(report_plot(title, options, outcome_of_a_run())) == 2);
    const auto empty = report_plot(title, options, {});
    CHECK(curves(empty) == 2);
    CHECK(empty.find("nan") == std::string::npos);
}

TEST_CASE("report: times have three digits and a unit", "[bench]") {
    CHECK(time_text(0ns) == "0.00 ns");
    CHECK(time_text(12ns) == "12.0 ns");
    CHECK(time_text(999ns) == "999 ns");
    CHECK(time_text(1234ns) == "1.23 us");
    CHECK(time_text(45'600us) == "45.6 ms");
    CHECK(time_text(1min) == "60.0 s");
}

TEST_CASE("tally: more kinds of errors than fit are still counted", "[bench]") {
    tally of;
    for (int code = 1; code <= 40; ++code) {
        of.count_error(code);
    }
    CHECK(of.error_answers() == 40);
    tally both;
    both.add(of);
    both.add(of);
    CHECK(both.error_answers() == 80);
}

TEST_CASE("server_usage: the kernel's addresses are read as they are written", "[bench]") {
    using asio::ip::make_address;
    using endpoint = asio::ip::tcp::endpoint;
    const endpoint loopback{make_address("127.0.0.1"), 7117};
    CHECK(server_usage::listens_at("0100007F:1BCD", loopback));
    CHECK(server_usage::listens_at("00000000:1BCD", loopback));
    CHECK(server_usage::listens_at("0000000000000000FFFF00000100007F:1BCD", loopback));
    CHECK_FALSE(server_usage::listens_at("0100007F:1BCE", loopback));
    CHECK_FALSE(server_usage::listens_at("0200007F:1BCD", loopback));
    CHECK_FALSE(server_usage::listens_at("nonsense", loopback));
    CHECK(server_usage::listens_at("00000000000000000000000001000000:1BCD", endpoint{make_address("::1"), 7117}));
}
