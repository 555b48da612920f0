#include <catch2/catch.hpp>

#include "plan_run.hpp"

using gatherd::api::limits, gatherd::api::plan::program_end, gatherd::api::plan::program_options;
using gatherd::api::plan::tests::fault, gatherd::api::plan::tests::hint, gatherd::api::plan::tests::plan_runner;

namespace {

limits with_plan_tasks(std::size_t most) {
    limits bounds;
    bounds.plan_tasks = most;
    return bounds;
}

}  // namespace

TEST_CASE("map of a task: the name is the item, whatever it is", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"map":{"ref":"x"},"as":"x","over":[1,null,{"await":1},{"ref":"y"},[{"call":"noop"}]]})") ==
          R"([1,null,{"await":1},{"ref":"y"},[{"call":"noop"}]])");
    CHECK(
        runner.result(
            R"({"map":{"call":"add","args":[{"ref":"x"},1]},"as":"x","over":{"await":{"call":"range","args":[3]}}})") ==
        "[1,2,3]");
    CHECK(runner.result(
              R"({"let":{"l":{"value":[1,2]}},"in":{"map":{"map":{"call":"zip","args":[[{"ref":"x"}],[{"ref":"y"}]]},
        "as":"y","over":{"ref":"l"}},"as":"x","over":{"ref":"l"}}})") == "[[[[1,1]],[[1,2]]],[[[2,1]],[[2,2]]]]");
    CHECK(runner.result(R"({"map":{"call":"sleep","args":[0.001,{"ref":"x"}]},"as":"x","over":[1,2]})") == "[1,2]");
}

TEST_CASE("map of a function: a task may give the arguments, which are not looked into", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"map":"add","over":{"await":{"value":[[1,2],[3]]}}})") == "[3,3]");
    CHECK(runner.result(R"({"map":"echo","over":{"await":{"value":[[{"await":{"call":"nope"}}]]}}})") ==
          R"([{"await":{"call":"nope"}}])");
    CHECK(runner.result(R"({"map":"add","over":{"await":{"value":5}}})") ==
          R"({"type":"TypeError","message":"over must be a list, not int","path":"/task"})");
    CHECK(runner.result(R"({"map":"add","over":{"await":{"value":[[1],"no"]}}})") ==
          R"({"type":"TypeError","message":"args must be a list or an object, not str","path":"/task","items":[1]})");
}

TEST_CASE("literal: nothing in the arguments is looked into", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"call":"echo","args":[{"await":{"call":"fail"}}],"literal":true})") ==
          R"({"await":{"call":"fail"}})");
    CHECK(runner.result(R"({"call":"echo","args":{"value":{"ref":"x"}},"literal":true})") == R"({"ref":"x"})");
    CHECK(runner.result(R"({"map":"echo","over":[[{"ref":"x"}],[[{"await":1}]]],"literal":true})") ==
          R"([{"ref":"x"},[{"await":1}]])");
    CHECK(fault(R"({"call":"add","args":{"await":{"value":[1]}},"literal":true})") == "/args");
    CHECK(fault(R"({"call":"noop","literal":1})") == "/literal");
    CHECK(fault(R"({"map":{"value":1},"as":"x","over":[],"literal":true})") == "/literal");
    CHECK(fault(R"({"map":"noop","over":{"await":{"value":[]}},"literal":true})") == "/over");
}

TEST_CASE("ref in arguments: is short for its await, and refused where the name is not in force", "[plan]") {
    plan_runner runner;
    CHECK(
        runner.result(
            R"({"let":{"a":{"value":[1,2]}},"in":{"call":"echo","args":[{"k":[{"ref":"a"},{"ref":"a","more":1}]}]}})") ==
        R"({"k":[[1,2],{"ref":"a","more":1}]})");
    CHECK(runner.result(R"({"let":{"a":{"value":[1,2]}},"in":{"call":"add","args":{"ref":"a"}}})") == "3");
    CHECK(fault(R"({"call":"echo","args":[{"ref":"a"}]})") == "/args/0/ref");
    CHECK_THAT(hint(R"({"call":"echo","args":[{"ref":"a"}]})"),
               Catch::Contains(R"({"await": {"value": {"ref": ..}}})"));
}

TEST_CASE("map of a task: a failure tells the item of each map around it", "[plan]") {
    plan_runner runner;
    constexpr auto nested =
        R"({"map":{"map":{"if":{"call":"operator.eq","args":[{"ref":"y"},5]},"then":{"call":"fail","args":["E"]}},
        "as":"y","over":{"ref":"x"}},"as":"x","over":[[4],[6,4,5]]})";
    CHECK(runner.result(nested) == R"({"type":"E","message":"","path":"/task/map/map/then","items":[1,2]})");
    CHECK(
        runner.result(
            R"({"map":{"if":{"ref":"x"},"then":{"wait_for":{"call":"sleep","args":[60]},"timeout":0.01}},"as":"x","over":[0,1]})") ==
        R"({"type":"TimeoutError","message":"","path":"/task/map/then","items":[1]})");
    CHECK(runner.result(R"({"map":{"task_group":[{"call":"fail","args":["E"]}]},"as":"x","over":[0]})") ==
          R"({"type":"ExceptionGroup","message":"unhandled errors in a TaskGroup","errors":[)"
          R"({"type":"E","message":"","path":"/task/map/task_group/0","items":[0]}],"path":"/task/map","items":[0]})");
}

TEST_CASE("map of a task: a failure that came through a ref from outside is of no item", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(R"({"let":{"a":{"call":"fail","args":["E"]}},"in":{"map":{"ref":"a"},"as":"x","over":[1]}})") ==
          R"({"type":"E","message":"","path":"/task/let/a"})");
    CHECK(runner.result(
              R"({"map":{"let":{"a":{"call":"fail","args":["E"]}},"in":{"map":{"ref":"a"},"as":"y","over":[1,2]}},
        "as":"x","over":[7]})") == R"({"type":"E","message":"","path":"/task/map/let/a","items":[0]})");
}

TEST_CASE("map of a task: errors that are results have no items", "[plan]") {
    plan_runner runner;
    CHECK(runner.result(
              R"({"map":{"call":"fail","args":[{"ref":"x"}]},"as":"x","over":["E"],"return_exceptions":true})") ==
          R"([{"error":{"type":"E","message":""}}])");
}

TEST_CASE("map of a task: its items times its nodes count against limits.plan_tasks, all maps together", "[plan]") {
    plan_runner runner;
    constexpr auto ten_of_two =
        R"({"map":{"call":"add","args":[{"ref":"x"}]},"as":"x","over":{"await":{"call":"range","args":[10]}}})";
    CHECK(runner.run(ten_of_two, {}, with_plan_tasks(20)).how == program_end::way::returned);
    CHECK(runner.run(ten_of_two, {}, with_plan_tasks(19)).how == program_end::way::over_limit);
    const std::string twice = std::string{R"({"sequence":[)"} + ten_of_two + "," + ten_of_two + "]}";
    CHECK(runner.run(twice, {}, with_plan_tasks(40)).how == program_end::way::returned);
    CHECK(runner.run(twice, {}, with_plan_tasks(39)).how == program_end::way::over_limit);
}

TEST_CASE("map of a task: no try catches the end by limits.plan_tasks", "[plan]") {
    plan_runner runner;
    constexpr auto caught =
        R"({"try":{"map":{"map":{"ref":"x"},"as":"x","over":{"await":{"call":"range","args":[100]}}},"as":"y",
        "over":{"await":{"call":"range","args":[100]}}},"types":["CancelledError","Exception"],"except":{"value":1}})";
    CHECK(runner.run(caught, {}, with_plan_tasks(1000)).how == program_end::way::over_limit);
}

TEST_CASE("map of a task: many items that cannot wait, and some that turn out to be large", "[plan]") {
    plan_runner runner;
    CHECK(
        runner.result(
            R"({"call":"sum","args":[{"await":{"map":{"try":{"call":"add","args":[{"ref":"x"},1]},"except":{"value":null}},
        "as":"x","over":{"await":{"call":"range","args":[100000]}}}}]})") == "5000050000");
    CHECK(runner.result(R"({"let":{"big":{"call":"range","args":[5000]}},"in":{"call":"sum","args":[{"await":
        {"map":{"call":"len","args":[{"ref":"big"}]},"as":"x","over":{"await":{"call":"range","args":[2000]}}}}]}})") ==
          "10000000");
    CHECK(
        runner.result(
            R"({"map":{"call":"fail","args":["E",{"ref":"x"}]},"as":"x","over":{"await":{"call":"str.split","args":["a b"]}}})") ==
        R"({"type":"E","message":"a","path":"/task/map","items":[0]})");
}

TEST_CASE("map of a task: limit admits items in order", "[plan]") {
    plan_runner runner;
    const auto end =
        runner.run(R"({"map":{"sequence":[{"call":"print","args":[{"ref":"x"}]},{"call":"sleep","args":[0.001]}]},
        "as":"x","over":[1,2,3],"limit":1})");
    CHECK(end.output == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("map of a task: what is missing or does not belong is refused", "[plan]") {
    CHECK(fault(R"({"map":{"value":1},"over":[]})").empty());
    CHECK(fault(R"({"map":{"value":1},"as":1,"over":[]})") == "/as");
    CHECK(fault(R"({"map":"noop","as":"x","over":[]})") == "/as");
    CHECK(fault(R"({"map":{"ref":"y"},"as":"x","over":[]})") == "/map/ref");
    CHECK(fault(R"({"map":{"value":1},"as":"x","over":{}})") == "/over");
    CHECK(fault(R"({"map":{"value":1},"as":"x","over":{"ref":"x"}})") == "/over/ref");
    CHECK(fault(R"({"map":1,"over":[]})") == "/map");
}

TEST_CASE("ref in arguments: a large result is shared by the calls that take it, and is what a copy would be",
          "[plan]") {
    plan_runner runner;
    const auto within = [&runner](const std::string& body) {
        return runner.result(R"({"let":{"l":{"call":"range","args":[10000]},"t":{"call":"echo","args":[")" +
                             std::string(300'000, 'x') + R"("]}},"in":)" + body + "}");
    };
    CHECK(within(R"({"gather":[{"call":"len","args":[{"ref":"l"}]},{"call":"sum","args":[{"ref":"l"}]}]})") ==
          "[10000,49995000]");
    CHECK(within(R"({"call":"operator.eq","args":[{"ref":"l"},{"await":{"value":7}}]})") == "false");
    CHECK(within(R"({"call":"operator.eq","args":[{"ref":"l"},{"ref":"l"}]})") == "true");
    CHECK(within(R"({"call":"operator.eq","args":[[0],{"ref":"l"}]})") == "false");  // beside one of the plan
    CHECK(within(R"({"call":"len","args":[{"await":{"call":"zip","args":[{"ref":"l"},{"ref":"l"}]}}]})") == "10000");
    CHECK(within(R"({"call":"sum","args":{"values":{"ref":"l"}}})") == "49995000");
    CHECK(within(R"({"call":"len","args":[{"ref":"t"}]})") == "300000");
    CHECK(within(R"({"call":"len","args":[[1,{"ref":"l"},{"ref":"t"}]]})") == "3");  // part of an argument: copied
    CHECK(within(R"({"call":"max","args":[[1],{"ref":"l"},{"await":{"value":[0,5]}}]})") == "[1]");
    CHECK(within(R"({"call":"len","args":[{"await":{"map":{"ref":"i"},"as":"i","over":{"ref":"l"}}}]})") == "10000");
    CHECK(within(R"({"call":"sum","args":[{"ref":"t"}]})").find(R"("type":"TypeError")") != std::string::npos);
    CHECK(within(R"({"map":{"ref":"i"},"as":"i","over":{"ref":"t"}})").find("over must be a list, not str") !=
          std::string::npos);
    // Still there for a later reader, and in to_thread.
    CHECK(
        within(
            R"({"sequence":[{"call":"len","args":[{"ref":"l"}]},{"to_thread":{"call":"len","args":[{"ref":"l"}]}}]})") ==
        "[10000,10000]");
}
