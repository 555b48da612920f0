#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>

#include "plan_run.hpp"

using gatherd::api::plan::program_end, gatherd::api::plan::program_options;
using gatherd::api::plan::tests::plan_runner, gatherd::api::plan::tests::recorder;
using ends = std::vector<std::pair<std::size_t, std::string>>;
using namespace std::chrono_literals;

namespace {

/// The ends of the children of a root map, in the order in which they were told.
ends children_of(std::string_view map) {
    plan_runner runner;
    const auto who = std::make_shared<recorder>(gatherd::api::limits{}, true);
    runner.start(map, who);
    return who->wait().children;
}

}  // namespace

TEST_CASE("gathered sleeps: results stand in the order of the list", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"map":"sleep","over":[[0.03,"a"],{"result":"b","delay":0},[0.01,"c"],[-1]]})") ==
          R"(["a","b","c",null])");
    CHECK(runner.result(R"({"map":"sleep","over":[[0.001,1]],"return_exceptions":true})") == R"([{"value":1}])");
}

TEST_CASE("gathered sleeps: children are told as they end", "[plan]") {
    CHECK(children_of(R"({"map":"sleep","over":[[0.09,"a"],[0.03,"b"],[0.06,"c"]]})") ==
          ends{{1, R"("b")"}, {2, R"("c")"}, {0, R"("a")"}});
}

TEST_CASE("gathered sleeps: a limit admits children in order, one for each that has ended", "[plan]") {
    CHECK(children_of(R"({"map":"sleep","over":[[0.09,"a"],[0.03,"b"],[0.01,"c"]],"limit":2})") ==
          ends{{1, R"("b")"}, {2, R"("c")"}, {0, R"("a")"}});
    CHECK(children_of(R"({"map":"sleep","over":[[0.03,"a"],[0.02,"b"],[0.01,"c"]],"limit":1})") ==
          ends{{0, R"("a")"}, {1, R"("b")"}, {2, R"("c")"}});
}

TEST_CASE("gathered sleeps: a failure has its place, and is the end unless failures are results", "[plan]") {
    plan_runner runner;
    CHECK_THAT(runner.result(R"({"map":"sleep","over":[[600],["soon"],[600]]})"),
               Catch::StartsWith(R"({"type":"TypeError")") && Catch::EndsWith(R"("path":"/task/over/1"})"));
    CHECK_THAT(runner.result(R"({"map":"sleep","over":[[0.01,1],[null],[0.01,2]],"return_exceptions":true})"),
               Catch::StartsWith(R"([{"value":1},{"error":{"type":"TypeError")") && Catch::EndsWith(R"({"value":2}])"));
}

TEST_CASE("gathered sleeps: cancelled, they end at once, and their gather with one of them", "[plan]") {
    plan_runner runner;
    for (const char* const options : {"", R"(,"limit":2)", R"(,"return_exceptions":true)"}) {
        const auto who = std::make_shared<recorder>();
        const auto running = runner.start(std::string{R"({"let":{"clock":{"sequence":[
            {"call":"sleep","args":[0.2]},{"call":"print"},{"call":"sleep","args":[600]}]}},"in":{"gather":[
            {"map":"sleep","over":[[0.01],[600],[601],[602]])"} +
                                              options + "}]}}",
                                          who);
        who->wait_for_a_line();
        CHECK(running->cancel("enough"));
        const auto end = who->wait();
        CHECK(end.how == program_end::way::cancelled);
        CHECK_THAT(end.result,
                   Catch::StartsWith(R"({"type":"CancelledError","message":"enough","path":"/task/in/gather/0/over/)"));
    }
}

TEST_CASE("gathered sleeps: children that are cancelled are told, those that waited for the limit too", "[plan]") {
    plan_runner runner;
    const auto who = std::make_shared<recorder>(gatherd::api::limits{}, true);
    runner.start(R"({"map":"sleep","over":[[601],[0.01,"slept"],[600],[602]],"limit":2})", who, {{}, 100ms});
    const auto end = who->wait();
    REQUIRE(end.children.size() == 4);
    CHECK(end.children[0] == std::pair{std::size_t{1}, std::string{R"("slept")"}});
    ends cancelled(end.children.begin() + 1, end.children.end());
    std::sort(cancelled.begin(), cancelled.end());  // two workers end them
    for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t child = std::array<std::size_t, 3>{0, 2, 3}[i];
        CHECK(cancelled[i].first == child);
        CHECK(cancelled[i].second ==
              R"({"type":"CancelledError","message":"","path":"/task/over/)" + std::to_string(child) + "\"}");
    }
}

TEST_CASE("gathered sleeps: of a gather, among others", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"gather":[{"call":"sleep","args":[0.03,"a"]},{"value":1},{"call":"sleep","args":[0,"b"]},
        {"sequence":[{"call":"sleep","args":[0.01]},{"value":2}]},{"call":"sleep","args":[0.02,"c"]}]})") ==
          R"(["a",1,"b",[null,2],"c"])");
    CHECK(runner.result(R"({"gather":[{"call":"sleep","args":[0.01,1]},{"call":"sleep","args":[0,2]}],
        "return_exceptions":true})") == R"([{"value":1},{"value":2}])");
    CHECK(
        runner.result(R"({"gather":[{"call":"sleep","args":[0.02,1]},{"call":"sleep","args":[0.01,2]}],"limit":1})") ==
        "[1,2]");
}

TEST_CASE("gathered sleeps: of a gather, they and the others are told as they end", "[plan]") {
    CHECK(children_of(R"({"gather":[{"call":"sleep","args":[0.12,"a"]},{"value":1},{"call":"sleep","args":[0.03,"b"]},
        {"sequence":[{"call":"sleep","args":[0.08]}]}]})") ==
          ends{{1, "1"}, {2, R"("b")"}, {3, "[null]"}, {0, R"("a")"}});
}

TEST_CASE("gathered sleeps: one that cannot sleep fails in its place, and no other begins", "[plan]") {
    plan_runner runner;
    CHECK_THAT(runner.result(R"({"gather":[{"call":"sleep","args":[600]},{"call":"sleep","args":["soon"]},
        {"call":"sleep","args":[600]}]})"),
               Catch::StartsWith(R"({"type":"TypeError")") && Catch::EndsWith(R"("path":"/task/gather/1"})"));
}

TEST_CASE("gathered sleeps: when another fails they are left alone, and cancelled at the end", "[plan]") {
    const auto told = children_of(R"({"gather":[{"call":"sleep","args":[600]},
        {"sequence":[{"call":"sleep","args":[0.01]},{"call":"fail","args":["ValueError","x"]}]},
        {"call":"sleep","args":[601]}]})");
    REQUIRE(told.size() == 3);
    CHECK(told[0].first == 1);
    CHECK(told[1].first + told[2].first == 2);  // two workers end them
    CHECK_THAT(told[1].second, Catch::StartsWith(R"({"type":"CancelledError")"));
}

TEST_CASE("gathered sleeps: of a gather, cancelled while another one cleans up", "[plan]") {
    plan_runner runner;
    const auto who = std::make_shared<recorder>();
    const auto running = runner.start(R"({"let":{"clock":{"sequence":[{"call":"sleep","args":[0.2]},{"call":"print"}]}},
        "in":{"gather":[{"call":"sleep","args":[600]},{"call":"sleep","args":[601]},
        {"try":{"call":"sleep","args":[602]},"finally":{"sequence":[{"call":"sleep","args":[0.05]},{"call":"print"}]}}]}})",
                                      who);
    who->wait_for_a_line();
    CHECK(running->cancel("enough"));
    const auto end = who->wait();
    CHECK(end.how == program_end::way::cancelled);
    CHECK_THAT(end.result,
               Catch::StartsWith(R"({"type":"CancelledError","message":"enough","path":"/task/in/gather/)"));
}

TEST_CASE("gathered sleeps: more children than one turn starts or wakes", "[plan]") {
    plan_runner runner;
    std::string over;
    std::string expected;
    for (int i = 0; i < 900; ++i) {
        over += (i == 0 ? "" : ",") + std::string{"[0.00"} + std::to_string(i % 9) + ',' + std::to_string(i) + ']';
        expected += (i == 0 ? "" : ",") + std::to_string(i);
    }
    CHECK(runner.result(R"({"map":"sleep","over":[)" + over + "]}") == '[' + expected + ']');
    CHECK(runner.result(R"({"map":"sleep","over":[)" + over + R"(],"limit":300})") == '[' + expected + ']');
}

TEST_CASE("gathered sleeps: a timeout of the program ends it", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"map":"sleep","over":[[600],[601]]})", program_options{{}, 20ms});
    CHECK(end.how == program_end::way::timed_out);
}
