#include "cli/failure_report.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::api::value, gatherd::cli::report_failure;

namespace {

struct shown {
    std::string text;
    int status;
    friend bool operator==(const shown&, const shown&) = default;
};

shown report(const char* error) {
    const auto told = report_failure(value::parse(error));
    return {told.text, told.exit_status};
}

}  // namespace

TEST_CASE("failure_report: a task's error is told with its place", "[cli]") {
    CHECK(report(R"({"code":-32000,"message":"ValueError: boom",
                     "data":{"type":"ValueError","message":"boom","path":"/tasks/3"}})") ==
          shown{"task failed: ValueError: boom (at tasks[3])", 1});
    CHECK(report(R"({"code":-32000,"message":"KeyError","data":{"type":"KeyError","message":"","path":"/task"}})") ==
          shown{"task failed: KeyError (at task)", 1});
    CHECK(report(R"({"code":-32000,"message":"boom"})") == shown{"task failed: boom", 1});
}

TEST_CASE("failure_report: a group's errors stand below it", "[cli]") {
    CHECK(report(R"({"code":-32000,"message":"m","data":{"type":"ExceptionGroup","message":"two","path":"/task",
                     "errors":[{"type":"A","message":"a","path":"/task/task_group/0"},{"type":"B","message":""}]}})") ==
          shown{"task failed: ExceptionGroup: two (at task)\n  A: a (at task.task_group[0])\n  B", 1});
}

TEST_CASE("failure_report: a refused plan is told with place and hint", "[cli]") {
    CHECK(report(R"({"code":-32602,"message":"unknown function 'x'","data":{"path":"/task/call","hint":"try y"}})") ==
          shown{"refused: unknown function 'x' (at task.call); try y", 2});
    CHECK(report(R"({"code":-32602,"message":"no x: try y","data":{"path":"","hint":"try y"}})") ==
          shown{"refused: no x: try y", 2});
    CHECK(report(R"({"code":-32601,"message":"Method not found"})") == shown{"refused: Method not found", 2});
}

TEST_CASE("failure_report: a place is told once, and below the user's own text", "[cli]") {
    const auto told = [](const char* error, const char* base) {
        return report_failure(value::parse(error), base).text;
    };
    CHECK(
        told(R"({"code":-32602,"message":"Invalid params: /tasks/0/args: not a list","data":{"path":"/tasks/0/args"}})",
             "/tasks") == "refused: not a list (at [0].args)");
    CHECK(told(R"({"code":-32602,"message":"Invalid params: params: neither: x","data":{"path":""}})", "/task") ==
          "refused: neither: x");
    CHECK(told(R"({"code":-32602,"message":"Invalid params: /let/a: b: no","data":{"path":"/let/a: b"}})", "") ==
          R"(refused: no (at let["a: b"]))");
    CHECK(told(R"({"code":-32602,"message":"Invalid params: /task/ga...: no","data":{"path":"/task/gather/0"}})",
               "/task") == "refused: no (at gather[0])");
    constexpr const char* integer =
        R"json({"code":-32602,"message":"the integer at /task/args/0 is outside [-2^63, 2^64)",
                "data":{"path":"/task/args/0"}})json";
    CHECK(told(integer, "/task") == "refused: the integer is outside [-2^63, 2^64) (at args[0])");
    CHECK(told(R"({"code":-32000,"message":"","data":{"type":"E","message":"","path":"/task/map/call","items":[7]}})",
               "/task") == "task failed: E (at map.call, item 7)");
    CHECK(told(R"({"code":-32000,"message":"","data":{"type":"E","message":"","path":"/task/map","items":[7,0]}})",
               "/task") == "task failed: E (at map, items 7, 0)");
}

TEST_CASE("failure_report: who is not let in is told of the token's file", "[cli]") {
    const auto told = report(R"({"code":-32004,"message":"Not authenticated"})");
    CHECK(told.status == 6);
    CHECK(told.text.find("--token-file") != std::string::npos);
}

TEST_CASE("failure_report: what passes has a status of its own", "[cli]") {
    CHECK(report(R"({"code":-32001,"message":"TimeoutError"})") == shown{"timed out", 4});
    CHECK(report(R"({"code":-32003,"message":"too much","data":{"retry_after":0.5}})") ==
          shown{"overloaded: too much; try again in 0.5 s", 5});
    CHECK(report(R"({"code":-32005,"message":"shutting down"})") == shown{"refused: shutting down", 5});
    CHECK(report(R"({"code":-32006,"message":"too deep","data":{"limit":"limits.depth","max":512}})") ==
          shown{"over a limit: too deep (limits.depth is 512)", 5});
    CHECK(report(R"({"code":-32006,"message":"Over a limit: limits.output_lines is 100000",
                     "data":{"limit":"limits.output_lines","max":100000}})") ==
          shown{"over a limit: limits.output_lines is 100000", 5});
    CHECK(report(R"({"code":-32006,"message":"too deep"})") == shown{"over a limit: too deep", 5});
    CHECK(report(R"({"code":-32003,"message":"Overloaded: limits.connections is 7","data":{"retry_after":1}})") ==
          shown{"overloaded: limits.connections is 7; try again in 1 s", 5});
    CHECK(report(R"({"code":-32002,"message":"shutting down"})") == shown{"cancelled: shutting down", 5});
    CHECK(report(R"({"code":-32603,"message":"oops"})") == shown{"the daemon failed: oops", 5});
    CHECK(report(R"({"code":-1,"message":"odd"})") == shown{"error -1: odd", 5});
}

TEST_CASE("failure_report: any JSON can be shown", "[cli]") {
    const auto* const error =
        GENERATE("null", "[]", "{}", "7", R"({"code":"x"})", R"({"code":1.5})", R"({"code":-32000,"data":[1]})",
                 R"({"code":-32602,"message":{},"data":3})", R"({"code":-32000,"data":{"type":1,"errors":[2,null]}})");
    CAPTURE(error);
    CHECK_FALSE(report(error).text.empty());
    CHECK(report(error).status != 0);
}
