#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"
#include "tests/unit/plan/plan_run.hpp"

using namespace gatherd::api::plan;
using gatherd::api::plan::tests::plan_runner;
namespace executor = gatherd::executor;
using json = gatherd::api::value;

namespace {

/// What calls of a function have in common.
struct shared_state {
    int calls = 0;
    int cancelled = 0;
};

executor::task<json> count_call(std::shared_ptr<shared_state> state, arguments given) {
    co_await executor::yield();
    auto work = [n = ++state->calls] { return n; };
    const int number = co_await executor::to_thread(work);
    co_return json{number, given[0]};
}

executor::task<json> wait_for_ever(std::shared_ptr<shared_state> state) {
    try {
        co_await executor::sleep(std::chrono::hours{1});
    } catch (const executor::cancelled_error&) {
        ++state->cancelled;
        throw;
    }
    co_return nullptr;
}

executor::task<json> raise(arguments given) {
    co_await executor::yield();
    throw raised{"LookupError", given[0].get<std::string>()};
}

registry functions_with(const std::shared_ptr<shared_state>& state) {
    registry made;
    made.add({.name = "count",
              .summary = "",
              .parameters = {{.name = "x", .default_value = json(nullptr)}},
              .body = coroutine_body{[state](call_context&, arguments given) { return count_call(state, given); }}});
    made.add(
        {.name = "wait", .summary = "", .parameters = {}, .body = coroutine_body{[state](call_context&, arguments) {
                                                              return wait_for_ever(state);
                                                          }}});
    made.add({.name = "raise",
              .summary = "",
              .parameters = {{.name = "message"}},
              .body = coroutine_body{[](call_context&, arguments given) { return raise(given); }}});
    made.add({.name = "far",
              .summary = "",
              .parameters = {},
              .body = coroutine_body{[state](call_context&, arguments given) { return count_call(state, given); }},
              .needs = "far.allow"});
    return made;
}

}  // namespace

TEST_CASE("coroutine body: it keeps a state, uses the pools, and its arguments may be awaited", "[plan]") {
    const auto state = std::make_shared<shared_state>();
    const registry functions = functions_with(state);
    plan_runner runner{functions};
    CHECK(runner.result(R"({"call":"count","args":["a"]})") == R"([1,"a"])");
    CHECK(runner.result(R"({"call":"count","args":[{"await":{"call":"count"}}]})") == "[3,[2,null]]");
    CHECK(runner.result(R"({"map":"count","over":[[1],[2]],"limit":1})") == "[[4,1],[5,2]]");
}

TEST_CASE("coroutine body: what it raises is the call's, with its place", "[plan]") {
    const registry functions = functions_with(std::make_shared<shared_state>());
    plan_runner runner{functions};
    CHECK(runner.result(R"({"call":"raise","args":["no"]})").find(R"("type":"LookupError","message":"no")") !=
          std::string::npos);
    CHECK(runner.result(R"({"try":{"call":"raise","args":["no"]},"types":["LookupError"],"except":{"value":1}})") ==
          "1");
}

TEST_CASE("coroutine body: a cancellation is raised where it waits", "[plan]") {
    const auto state = std::make_shared<shared_state>();
    const registry functions = functions_with(state);
    plan_runner runner{functions};
    CHECK(runner.result(R"({"race":[{"call":"count"},{"call":"wait"}]})") == "[1,null]");
    CHECK(state->cancelled == 1);
    CHECK(runner.run(R"({"call":"wait"})", {{}, std::chrono::milliseconds{1}}).how == program_end::way::timed_out);
    CHECK(state->cancelled == 2);
}

TEST_CASE("coroutine body: it is async, which to_thread refuses", "[plan]") {
    const registry functions = functions_with(std::make_shared<shared_state>());
    CHECK_FALSE(tests::checked(R"({"to_thread":{"call":"count"}})", 100, functions));
}

TEST_CASE("coroutine body: one that needs a setting is not called for those to whom it is not offered", "[plan]") {
    const auto state = std::make_shared<shared_state>();
    const registry functions = functions_with(state);
    plan_runner runner{functions};
    program_options how;
    how.client.refusal = "open.it";
    const std::string result = runner.run(R"({"call":"far"})", std::move(how)).result;
    CHECK(result.find("PermissionError") != std::string::npos);
    CHECK(result.find("set open.it") != std::string::npos);
    CHECK(state->calls == 0);
}
