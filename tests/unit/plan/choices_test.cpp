#include <catch2/catch.hpp>

#include "plan_run.hpp"

using gatherd::api::plan::tests::fault, gatherd::api::plan::tests::hint, gatherd::api::plan::tests::plan_runner;

TEST_CASE("if: goes by Python's truth, and runs one side", "[plan]") {
    plan_runner runner;
    for (const char* const untrue : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"}) {
        CHECK(runner.result(std::string{R"({"if":{"value":)"} + untrue +
                            R"(},"then":{"call":"fail"},"else":{"value":"no"}})") == R"("no")");
    }
    for (const char* const truth : {"true", "-1", "0.5", "\"0\"", "[null]", "{\"\":0}"}) {
        CHECK(runner.result(std::string{R"({"if":{"value":)"} + truth +
                            R"(},"then":{"value":"yes"},"else":{"call":"fail"}})") == R"("yes")");
    }
    CHECK(runner.result(R"({"if":{"value":0},"then":{"call":"fail"}})") == "null");
    CHECK(runner.result(R"({"if":{"call":"fail","args":["E"]},"then":{"value":1}})") ==
          R"({"type":"E","message":"","path":"/task/if"})");
    CHECK(fault(R"({"if":{"value":1}})").empty());
    CHECK(fault(R"({"if":{"value":1},"then":{"value":1},"else":{"call":"nope"}})") == "/else/call");
}

TEST_CASE("any: the first success decides, and the others are cancelled and awaited", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"any":[{"call":"fail","args":["E"]},{"try":{"call":"sleep","args":[60]},"finally":
        {"sequence":[{"call":"sleep","args":[0.001]},{"call":"print","args":["cleaned"]}]}},{"call":"sleep","args":[0.02,"won"]}]})");
    CHECK(end.result == R"("won")");
    CHECK(end.output == std::vector<std::string>{"cleaned"});
}

TEST_CASE("any: where none succeeds, all failures are one, which is caught like any Exception", "[plan]") {
    plan_runner runner;
    CHECK(
        runner.result(R"({"any":[{"call":"fail","args":["E","a"]},{"call":"fail","args":["CancelledError","b"]}]})") ==
        R"({"type":"ExceptionGroup","message":"no task succeeded","errors":[{"type":"E","message":"a","path":"/task/any/0"},)"
        R"({"type":"CancelledError","message":"b","path":"/task/any/1"}],"path":"/task"})");
    CHECK(runner.result(R"({"try":{"any":[{"call":"fail","args":["CancelledError"]}]},"except":{"value":"caught"}})") ==
          R"("caught")");
    CHECK(runner.result(R"({"any":[]})") == R"({"type":"ValueError","message":"any of no tasks","path":"/task"})");
}

TEST_CASE("any: with a stagger the next starts when one fails, or has had its time", "[plan]") {
    plan_runner runner;
    CHECK(
        runner.result(R"({"any":[{"call":"fail"},{"call":"fail"},{"value":"third"},{"call":"fail"}],"stagger":600})") ==
        R"("third")");
    CHECK(runner.result(R"({"any":[{"call":"sleep","args":[60]},{"value":"second"}],"stagger":0.001})") ==
          R"("second")");
    for (const char* const no_time : {"0", "-1", "0.0"}) {
        CHECK(runner.result(std::string{R"({"any":[{"call":"sleep","args":[60]},{"value":"second"}],"stagger":)"} +
                            no_time + "}") == R"("second")");
    }
    const auto end = runner.run(R"({"any":[{"value":1},{"call":"print","args":["started"]}],"stagger":1e9})");
    CHECK(end.result == "1");
    CHECK(end.output.empty());
    CHECK(fault(R"({"any":[],"stagger":"1"})") == "/stagger");
}

TEST_CASE("any: of many that end one after the other each end costs one step", "[plan]") {
    plan_runner runner{gatherd::api::plan::tests::standard(), 1'000'000};
    std::string task = R"({"any":[)";
    for (int i = 0; i < 20000; ++i) {
        task +=
            R"({"sequence":[{"call":"sleep","args":[0.0)" + std::to_string(10 + i % 80) + R"(]},{"call":"fail"}]},)";
    }
    CHECK(runner.result(task + R"({"call":"sleep","args":[0.2,"last"]}]})") == R"("last")");
}

TEST_CASE("any: cancelled, it cancels what it has started", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(
        R"({"try":{"wait_for":{"any":[{"try":{"call":"sleep","args":[60]},"finally":{"call":"print","args":["cleaned"]}},
        {"call":"print","args":["started"]}],"stagger":600},"timeout":0.3},"except":{"value":"late"}})");
    CHECK(end.result == R"("late")");
    CHECK(end.output == std::vector<std::string>{"cleaned"});
}

TEST_CASE("plan_decoder: misspelt kinds and options come with a guess", "[plan]") {
    CHECK(hint(R"({"gathr":[]})") == "did you mean gather?");
    CHECK(hint(R"({"gather":[],"return_exception":true})") == "did you mean return_exceptions?");
    CHECK(hint(R"({"any":[],"stager":1})") == "did you mean stagger?");
    CHECK(hint(R"({"map":{"value":1},"as":"x","ovr":[]})") == "did you mean over?");
    CHECK(hint(R"({"call":"sleep","args":{"dely":1}})") == "did you mean delay?");
    CHECK_THAT(hint(R"({"let":{"abc":{"value":1}},"in":{"ref":"abd"}})"), Catch::StartsWith("did you mean abc?"));
}
