#include "api/plan/evaluate/evaluate.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>

#include "plan_run.hpp"

using gatherd::api::plan::program, gatherd::api::plan::program_end, gatherd::api::plan::program_options;
using gatherd::api::plan::tests::plan_runner;
using lines = std::vector<std::string>;

namespace {

/// Hears how a program ended.
struct end_listener final : gatherd::api::plan::program_observer {
    void printed(std::string /*line*/) override { ++lines; }
    void child_ended(std::size_t /*index*/, const gatherd::api::plan::outcome& /*result*/) override {}
    [[nodiscard]] bool wants_children() const noexcept override { return false; }
    void ended(program_end end) noexcept override { how.set_value(end.how); }

    std::atomic<int> lines{0};
    std::promise<program_end::way> how;
};

}  // namespace

TEST_CASE("evaluator: values and calls", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"value":{"await":{"call":"nope"}}})") == R"({"await":{"call":"nope"}})");
    CHECK(runner.result(R"({"call":"add","args":[1,2.5]})") == "3.5");
    CHECK(runner.result(R"({"call":"sleep","args":{"delay":0,"result":"x"}})") == R"("x")");
    CHECK(runner.result(R"({"call":"fail","args":["KeyError","k"]})") ==
          R"({"type":"KeyError","message":"k","path":"/task"})");
}

TEST_CASE("evaluator: awaits in arguments run depth first and left to right", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"call":"echo","args":[[
        {"await":{"sequence":[{"call":"sleep","args":[0.01]},{"call":"print","args":[1]}]}},
        {"k":{"await":{"call":"echo","args":[{"await":{"call":"print","args":[2]}}]}}},
        {"await":{"value":{"await":"not looked into"}}}]]})");
    CHECK(end.result == R"([[null,null],{"k":null},{"await":"not looked into"}])");
    CHECK(end.output == lines{"1", "2"});
}

TEST_CASE("evaluator: an await may supply all arguments", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"call":"add","args":{"await":{"value":[1,2]}}})") == "3");
    CHECK(runner.result(R"({"call":"sleep","args":{"await":{"value":{"delay":0,"result":1}}}})") == "1");
    CHECK_THAT(runner.result(R"({"call":"add","args":{"await":{"value":3}}})"),
               Catch::StartsWith(R"({"type":"TypeError")"));
}

TEST_CASE("evaluator: gather and map keep the order of their list", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"gather":[{"call":"sleep","args":[0.02,"a"]},{"value":"b"}]})") == R"(["a","b"])");
    CHECK(runner.result(R"({"map":"sleep","over":[[0.02,"a"],{"delay":0,"result":"b"}],"limit":1})") == R"(["a","b"])");
    CHECK(runner.result(R"({"gather":[{"value":1},{"call":"fail"}],"return_exceptions":true})") ==
          R"([{"value":1},{"error":{"type":"Exception","message":""}}])");
    CHECK(runner.result(R"({"map":"fail","over":[["A","a"]]})") ==
          R"({"type":"A","message":"a","path":"/task/over/0"})");
}

TEST_CASE("evaluator: limit admits children in order", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"gather":[
        {"sequence":[{"call":"print","args":["a"]},{"call":"sleep","args":[0.01]},{"call":"print","args":["b"]}]},
        {"sequence":[{"call":"print","args":["c"]},{"call":"sleep","args":[0.01]},{"call":"print","args":["d"]}]}],
        "limit":1})");
    CHECK(end.output == lines{"a", "b", "c", "d"});
}

TEST_CASE("evaluator: a task_group raises a group whose errors know their places", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"task_group":[{"call":"sleep","args":[0.01,1]},{"value":2}]})") == "[1,2]");
    CHECK(
        runner.result(R"({"task_group":[{"call":"sleep","args":[60]},{"sequence":[{"call":"fail","args":["A"]}]}]})") ==
        R"({"type":"ExceptionGroup","message":"unhandled errors in a TaskGroup",)"
        R"("errors":[{"type":"A","message":"","path":"/task/task_group/1/sequence/0"}],"path":"/task"})");
}

TEST_CASE("evaluator: wait tells who is done and who is not", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"wait":[{"call":"sleep","args":[60]},{"call":"fail","args":["A"]}],
        "return_when":"FIRST_EXCEPTION"})") ==
          R"({"done":[{"index":1,"error":{"type":"A","message":""}}],"pending":[0]})");
    CHECK(runner.result(R"({"wait":[{"call":"sleep","args":[60]},{"value":1}],"timeout":0.05})") ==
          R"({"done":[{"index":1,"value":1}],"pending":[0]})");
    CHECK_THAT(runner.result(R"({"wait":[]})"), Catch::StartsWith(R"({"type":"ValueError")"));
}

TEST_CASE("evaluator: wait_for raises when its task has cleaned up", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"try":{"wait_for":
        {"try":{"call":"sleep","args":[60]},"finally":{"sequence":[{"call":"sleep","args":[0.01]},{"call":"print","args":["inner"]}]}},
        "timeout":0.01},"except":{"call":"print","args":["outer"]}})");
    CHECK(end.output == lines{"inner", "outer"});
    CHECK(runner.result(R"({"wait_for":{"value":1},"timeout":null})") == "1");
    CHECK(runner.run(R"({"wait_for":{"call":"print"},"timeout":0})").output.empty());
}

TEST_CASE("evaluator: a race awaits its losers", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"sequence":[{"race":[
        {"try":{"call":"sleep","args":[60]},"finally":{"call":"print","args":["loser"]}},{"call":"sleep","args":[0.01,"won"]}]},
        {"call":"print","args":["after"]}]})");
    CHECK(end.result == R"(["won",null])");
    CHECK(end.output == lines{"loser", "after"});
}

TEST_CASE("evaluator: a shield keeps a named task alive", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"let":{"t":{"call":"sleep","args":[0.1,"alive"]}},"in":{"sequence":[
        {"try":{"wait_for":{"shield":{"ref":"t"}},"timeout":0.01},"except":{"value":"gave up"}},{"ref":"t"}]}})") ==
          R"(["gave up","alive"])");
}

TEST_CASE("evaluator: a let cancels what it leaves behind", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"sequence":[
        {"let":{"t":{"try":{"call":"sleep","args":[60]},"finally":{"call":"print","args":["left"]}}},
         "in":{"call":"sleep","args":[0.02]}},{"call":"print","args":["after"]}]})");
    CHECK(end.output == lines{"left", "after"});
}

TEST_CASE("evaluator: a failure through a ref is placed in its let", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(
              R"({"let":{"a/b":{"sequence":[{"call":"fail","args":["A"]}]}},"in":{"gather":[{"ref":"a/b"}]}})") ==
          R"({"type":"A","message":"","path":"/task/let/a~1b/sequence/0"})");
}

TEST_CASE("evaluator: groups of errors nest as deep as limits.depth allows JSON to", "[plan]") {
    plan_runner runner;
    const auto chain = [](const std::string& kind, int levels) {
        std::string plan = R"({"let":{"x0":{"call":"fail"})";
        for (int i = 1; i <= levels; ++i) {
            plan +=
                R"(,"x)" + std::to_string(i) + R"(":{")" + kind + R"(":[{"ref":"x)" + std::to_string(i - 1) + R"("}]})";
        }
        return plan + R"(},"in":{"ref":"x)" + std::to_string(levels) + R"("}})";
    };
    for (const char* kind : {"any", "task_group"}) {
        const std::string fits = runner.result(chain(kind, 256));
        CHECK(fits.find("RecursionError") == std::string::npos);
        CHECK(fits.find("ExceptionGroup") != std::string::npos);
        CHECK(
            runner.result(chain(kind, 257)) ==
            R"({"type":"RecursionError","message":"the error is nested deeper than limits.depth","path":"/task/let/x257"})");
    }
}

TEST_CASE("evaluator: an item that is nested deeper than limits.depth is refused where it is named", "[plan]") {
    plan_runner runner;
    const auto nested = [](const std::string& inner) { return std::string(200, '[') + inner + std::string(200, ']'); };
    const std::string plan = R"({"let":{"a":{"call":"echo","args":[)" + nested("1") + R"(]}},"in":)" +
                             R"({"let":{"b":{"call":"echo","args":[)" + nested(R"({"await":{"ref":"a"}})") +
                             R"(]}},"in":{"map":{"ref":"x"},"as":"x","over":{"await":{"call":"echo","args":[[)" +
                             nested(R"({"await":{"ref":"b"}})") + R"(]]}}}}})";
    CHECK(
        runner.result(plan) ==
        R"({"type":"RecursionError","message":"the result is nested deeper than limits.depth","path":"/task/in/in/map","items":[0]})");
}

TEST_CASE("evaluator: waits for names do not nest results deeper than limits.depth", "[plan]") {
    plan_runner runner;
    const auto chain = [](int links) {
        std::string plan = R"({"let":{"x0":{"call":"noop"})";
        for (int i = 1; i <= links; ++i) {
            plan += R"(,"x)" + std::to_string(i) + R"(":{"wait":[{"ref":"x)" + std::to_string(i - 1) + R"("}]})";
        }
        return plan + R"(},"in":{"wait":[{"ref":"x)" + std::to_string(links) + R"("}]}})";
    };
    CHECK(runner.result(chain(170)).find("RecursionError") == std::string::npos);
    CHECK(runner.result(chain(171)).find("RecursionError") != std::string::npos);
    CHECK(runner.result(chain(300)).find("RecursionError") != std::string::npos);
}

TEST_CASE("evaluator: try is the try statement", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"try":{"call":"fail","args":["A","a"]},"except":{"ref":"e"},"as":"e"})") ==
          R"({"type":"A","message":"a"})");
    CHECK(runner.result(R"({"try":{"call":"fail","args":["A"]},"except":{"value":1},"types":["B"]})") ==
          R"({"type":"A","message":"","path":"/task/try"})");
    CHECK(runner.result(R"({"try":{"call":"fail","args":["A"]},"finally":{"call":"fail","args":["B"]}})") ==
          R"({"type":"B","message":"","path":"/task/finally"})");
    CHECK(runner.result(R"({"try":{"call":"fail","args":["CancelledError"]},"except":{"value":1}})") ==
          R"({"type":"CancelledError","message":"","path":"/task/try"})");
}

TEST_CASE("evaluator: retry tries so many times", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(
        R"({"retry":{"sequence":[{"call":"print","args":["try"]},{"call":"fail","args":["A"]}]},"attempts":3})");
    CHECK(end.output == lines{"try", "try", "try"});
    CHECK(end.result == R"({"type":"A","message":"","path":"/task/retry/sequence/1"})");
}

TEST_CASE("evaluator: a thread holds nobody up", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"gather":[
        {"sequence":[{"to_thread":{"call":"time.sleep","args":[0.2]}},{"call":"print","args":["thread"]}]},
        {"sequence":[{"call":"sleep","args":[0.01]},{"call":"print","args":["loop"]}]}]})");
    CHECK(end.output == lines{"loop", "thread"});
    CHECK(runner.result(R"({"to_thread":{"call":"add","args":[1,2]}})") == "3");
}

TEST_CASE("evaluator: a deep plan does not need a deep stack", "[plan]") {
    constexpr int depth = 100;
    std::string text = R"({"value":1})";
    for (int i = 0; i < depth; ++i) {
        text = R"({"shield":)" + text + "}";
    }
    plan_runner runner;
    CHECK(runner.result(text) == "1");
}

TEST_CASE("evaluator: of a program that has no memory no node starts, whatever it catches", "[plan]") {
    gatherd::executor::scheduler scheduler{{.workers = 2}};
    const gatherd::api::limits bounds;
    const auto who = std::make_shared<end_listener>();
    const auto running = std::make_shared<program>(
        scheduler, *gatherd::api::plan::tests::checked(R"({"try":{"call":"sleep","args":[3600]},
            "types":["CancelledError"],"except":{"call":"print","args":["caught"]},
            "finally":{"call":"print","args":["finally"]}})"),
        program_options{}, bounds, who);
    running->prepare();
    running->start();
    running->end_for_memory("limits.memory_bytes");
    CHECK(who->how.get_future().get() == program_end::way::over_limit);
    CHECK(who->lines == 0);
}

TEST_CASE("evaluator: a large result that several refs name is copied beside the workers, and whole", "[plan]") {
    plan_runner runner;
    CHECK(runner
              .result(R"({"let":{"x":{"call":"random.choices","args":[[7],5000]}},"in":{"gather":[
        {"call":"hash.sha256","args":["a"]},{"sequence":[{"ref":"x"},{"ref":"x"}]},{"ref":"x"}]}})")
              .size() > std::size_t{3 * 2 * 5000});
    CHECK(runner
              .result(R"({"let":{"x":{"call":"random.choices","args":[[7],5000]}},"in":
        {"call":"echo","args":[{"await":{"ref":"x"}}]}})")
              .size() == 2 * 5000 + 1);
}
