#include "api/plan/evaluate/program.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/drop_aside.hpp"
#include "plan_run.hpp"

using namespace gatherd::api;
using namespace std::chrono_literals;
using gatherd::api::plan::program_end, gatherd::api::plan::python_random;
using gatherd::api::plan::tests::plan_runner, gatherd::api::plan::tests::recorder;
using lines = std::vector<std::string>;

namespace {

constexpr const char* cleans_up = R"({"sequence":[{"call":"print","args":["began"]},
    {"try":{"call":"sleep","args":[3600]},"finally":{"call":"print","args":["cleaned"]}}]})";

/// What calls of the function "hold" share: each stays inside until they are let out.
struct held_calls {
    std::mutex lock;
    std::condition_variable changed;
    std::size_t inside = 0;  // under lock, as all here
    std::size_t most = 0;
    bool are_let_out = false;

    void hold() {
        std::unique_lock guard{lock};
        most = std::max(most, ++inside);
        changed.notify_all();
        changed.wait(guard, [this] { return are_let_out; });
        --inside;
    }
};

held_calls& held() {
    static held_calls calls;
    return calls;
}

plan::registry with_hold() {
    plan::registry functions;
    functions.add({.name = "hold",
                   .summary = "",
                   .parameters = {},
                   .pool = plan::thread_pool::blocking,
                   .body = [](plan::call_context&, plan::arguments) -> value {
                       held().hold();
                       return nullptr;
                   }});
    return functions;
}

}  // namespace

TEST_CASE("program: what its root leaves running is ended before its end", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"gather":[
        {"try":{"call":"sleep","args":[3600]},"finally":{"call":"print","args":["cleaned"]}},
        {"sequence":[{"call":"sleep","args":[0.02]},{"call":"fail","args":["A"]}]}]})");
    CHECK(end.how == program_end::way::failed);
    CHECK(end.output == lines{"cleaned"});
}

TEST_CASE("program: its timeout ends it after clean-up", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(cleans_up, {.timeout = 20ms});
    CHECK(end.how == program_end::way::timed_out);
    CHECK(end.output == lines{"began", "cleaned"});
}

TEST_CASE("program: its timeout is that of the root, not of the clean-up after it", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"gather":[{"call":"fail","args":["CancelledError"]},
        {"try":{"call":"sleep","args":[3600]},"finally":{"call":"sleep","args":[1.1]}}]})",
                                {.timeout = 1s});
    CHECK(end.how == program_end::way::failed);
    CHECK_THAT(end.result, Catch::StartsWith(R"({"type":"CancelledError","message":"","path":"/task/gather/0")"));
}

TEST_CASE("program: a plan that swallows the cancellation has its result", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(
        R"({"try":{"call":"sleep","args":[3600]},"except":{"value":"swallowed"},"types":["CancelledError"]})",
        {.timeout = 10ms});
    CHECK(end.how == program_end::way::returned);
    CHECK(end.result == R"("swallowed")");
}

TEST_CASE("program: cancel passes its message on", "[plan]") {
    plan_runner runner;
    const auto who = std::make_shared<recorder>();
    const auto started = runner.start(cleans_up, who);
    who->wait_for_a_line();
    CHECK(started->cancel("enough"));
    const auto end = who->wait();
    CHECK(end.how == program_end::way::cancelled);
    CHECK_THAT(end.result, Catch::StartsWith(R"({"type":"CancelledError","message":"enough")"));
    CHECK(end.output == lines{"began", "cleaned"});
    CHECK_FALSE(started->cancel("too late"));
}

TEST_CASE("program: more output than limits.output_lines ends it", "[plan]") {
    plan_runner runner;
    limits bounds;
    bounds.output_lines = 2;
    const auto end = runner.run(
        R"({"sequence":[{"call":"print","args":[1]},{"call":"print","args":[2]},{"call":"print","args":[3]},
            {"call":"sleep","args":[3600]}]})",
        {}, bounds);
    CHECK(end.how == program_end::way::over_limit);
    CHECK(end.output == lines{"1", "2"});
}

TEST_CASE("program: clean-up beyond limits.cleanup_time is cancelled", "[plan]") {
    plan_runner runner;
    limits bounds;
    bounds.cleanup_time = 20ms;
    const auto end = runner.run(R"({"gather":[
        {"try":{"call":"sleep","args":[3600]},"finally":{"call":"sleep","args":[3600]}},
        {"sequence":[{"call":"sleep","args":[0.01]},{"call":"fail","args":["A"]}]}]})",
                                {}, bounds);
    CHECK(end.result == R"({"type":"A","message":"","path":"/task/gather/1/sequence/1"})");
}

TEST_CASE("program: what catches every cancellation is abandoned after limits.cleanup_rounds", "[plan]") {
    // Each attempt prints, then sleeps until it is cancelled, and turns the cancellation into an error to retry.
    constexpr const char* endless = R"({"retry":{"try":{"sequence":[{"call":"print","args":["again"]},
        {"call":"sleep","args":[3600]}]},"except":{"call":"fail","args":["A"]},"types":["CancelledError"]},
        "attempts":1000000000})";
    plan_runner runner;
    limits bounds;
    bounds.cleanup_time = 1ms;
    SECTION("a client that waits gets the answer of its cancellation") {
        bounds.cleanup_rounds = 1;
        const auto who = std::make_shared<recorder>(bounds);
        const auto started = runner.start(endless, who);
        who->wait_for_a_line();
        CHECK(started->cancel("enough"));
        const auto end = who->wait();
        CHECK(end.how == program_end::way::cancelled);
        CHECK(end.result == R"({"type":"CancelledError","message":"enough","path":"/task"})");
    }
    SECTION("or of its timeout") {
        bounds.cleanup_rounds = 1;
        const auto end = runner.run(endless, {.timeout = 1ms}, bounds);
        CHECK(end.how == program_end::way::timed_out);
        CHECK(end.result == R"({"type":"TimeoutError","message":"","path":"/task"})");
    }
    SECTION("where nobody waits, the first round is the last") {
        bounds.cleanup_rounds = 1'000'000'000;
        const auto who = std::make_shared<recorder>(bounds);
        const auto started = runner.start(endless, who);
        who->wait_for_a_line();
        who->leave();
        CHECK(started->cancel({}));
        CHECK(who->wait().how == program_end::way::cancelled);
    }
    SECTION("also what the root left running, and its result is kept") {
        bounds.cleanup_rounds = 1;
        const std::string shielded = std::string{R"({"try":{"wait_for":{"shield":)"} + endless +
                                     R"(},"timeout":0.001},"except":{"value":"left"}})";
        const auto end = runner.run(shielded, {}, bounds);
        CHECK(end.how == program_end::way::returned);
        CHECK(end.result == R"("left")");
    }
}

TEST_CASE("program: its own TimeoutError is raised by the root", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"sequence":[{"call":"sleep","args":[3600]}]})", {.timeout = 1ms});
    CHECK(end.how == program_end::way::timed_out);
    CHECK(end.result == R"({"type":"TimeoutError","message":"","path":"/task"})");
}

TEST_CASE("program: it tells the ends of the root's children as they come", "[plan]") {
    plan_runner runner;
    const auto who = std::make_shared<recorder>(limits{}, true);
    runner.start(R"({"gather":[{"call":"sleep","args":[0.1,"late"]},{"call":"sleep","args":[0.01,"soon"]}]})", who);
    const auto end = who->wait();
    CHECK(end.children == std::vector<std::pair<std::size_t, std::string>>{{1, R"("soon")"}, {0, R"("late")"}});
}

TEST_CASE("program: a seed makes draws and order those of CPython", "[plan]") {
    plan_runner runner;
    const auto draws = runner.run(R"({"map":"random.randint","over":[[1,6],[1,6],[1,6],[1,6]]})",
                                  {.generator = std::make_unique<python_random>(42)});
    CHECK(draws.result == "[6,1,1,6]");
    std::string prints;
    lines expected;
    for (int i = 0; i < 20; ++i) {
        expected.push_back(std::to_string(i));
        prints += (i == 0 ? "" : ",") + (R"({"call":"print","args":[)" + expected.back() + "]}");
    }
    CHECK(runner.run(R"({"gather":[)" + prints + "]}", {.generator = std::make_unique<python_random>(0)}).output ==
          expected);
}

TEST_CASE("program: its end does not wait for a thread that was cancelled", "[plan]") {
    plan_runner runner;
    const auto end = runner.run(R"({"to_thread":{"call":"random.choices","args":[[0],3000000]}})", {.timeout = 1ms});
    CHECK(end.how == program_end::way::timed_out);
}

TEST_CASE("program: one client takes no more threads of the blocking pool than it has places", "[plan]") {
    const plan::registry functions = with_hold();
    plan_runner runner{functions};  // with four threads
    const auto places = std::make_shared<gatherd::executor::semaphore>(2);
    const auto first = std::make_shared<recorder>();
    const auto second = std::make_shared<recorder>();
    const char* const six = R"({"gather":[{"call":"hold"},{"call":"hold"},{"to_thread":{"call":"hold"}},
        {"call":"hold"},{"call":"hold"},{"call":"hold"}]})";
    runner.start(six, first, {.blocking_places = places});
    runner.start(R"({"call":"hold"})", second);
    {
        std::unique_lock guard{held().lock};
        held().changed.wait(guard, [] { return held().inside == 3; });
        held().are_let_out = true;
        held().changed.notify_all();
    }
    CHECK(second->wait().result == "null");
    CHECK(first->wait().result == "[null,null,null,null,null,null]");
    CHECK(held().most == 3);
    CHECK(places->value() == 2);
}

TEST_CASE("program: who sleeps by time.sleep takes no thread from others, and wakes when it is cancelled", "[plan]") {
    plan_runner runner;
    std::string sleeps;
    for (int i = 0; i < 100; ++i) {  // of four threads
        sleeps += i % 2 == 0 ? R"({"call":"time.sleep","args":[3600]},)"
                             : R"({"to_thread":{"call":"time.sleep","args":[3600]}},)";
    }
    CHECK(runner.result(R"({"race":[)" + sleeps + R"({"sequence":[{"call":"sleep","args":[0.001]},
        {"to_thread":{"call":"add","args":[1,2]}}]}]})") == "[null,3]");
}

TEST_CASE("program: many choices are no worker's work, but under a seed they draw in their turn", "[plan]") {
    using gatherd::api::plan::tests::checked;
    CHECK((*checked(R"({"call":"random.choices","args":[[1,2,3],256]})"))->root().is_instant);
    CHECK_FALSE((*checked(R"({"call":"random.choices","args":[[1,2,3],257]})"))->root().is_instant);
    plan_runner runner;
    const auto end =
        runner.run(R"({"gather":[{"call":"random.choices","args":[[1,2,3],1000]},{"call":"random.random"}]})",
                   {.generator = std::make_unique<python_random>(7)});
    // CPython 3.11: r = random.Random(7); r.choices([1, 2, 3], k=1000)[-3:], r.random()
    CHECK_THAT(end.result, Catch::EndsWith(",1,2,2],0.950867979111096]"));
}

TEST_CASE("program: where a sequence of a seeded one gives way, nothing else of it runs", "[plan]") {
    plan_runner runner;
    std::string prints;
    lines expected;
    for (int i = 0; i < 300; ++i) {  // more than a turn's
        expected.push_back(std::to_string(i));
        prints += (i == 0 ? "" : ",") + (R"({"call":"print","args":[)" + expected.back() + "]}");
    }
    expected.emplace_back("last");
    CHECK(runner
              .run(R"({"gather":[{"sequence":[)" + prints + R"(]},{"call":"print","args":["last"]}]})",
                   {.generator = std::make_unique<python_random>(0)})
              .output == expected);
}

TEST_CASE("program: calls that draw under a seed wait for each other, on whatever thread they are", "[plan]") {
    plan_runner runner;
    const auto draws = [&](const char* order) {
        return runner.run(order, {.generator = std::make_unique<python_random>(7)}).result;
    };
    // The same draws in the same order: what stands behind choices in the list draws after it, wherever that runs.
    const std::string plain = draws(R"({"sequence":[{"call":"random.choices","args":[[1,2,3],3000]},
        {"call":"random.random"},{"map":"random.random","over":[[],[]]}]})");
    const std::string at_once = draws(R"({"gather":[{"to_thread":{"call":"random.choices","args":[[1,2,3],3000]}},
        {"call":"random.random"},{"map":"random.random","over":[[],[]]}]})");
    CHECK(plain == at_once);
}

TEST_CASE("turn: it ends after so many steps, and sooner where a child takes more than one", "[plan]") {
    using gatherd::api::plan::turn;
    const auto children_until_over = [](std::size_t steps_of_a_child) {
        turn counted;
        std::size_t children = 1;
        for (;; ++children) {
            turn::take(steps_of_a_child);
            if (counted.is_over_after_child()) {
                return children;
            }
        }
    };
    CHECK(children_until_over(0) == 256);
    CHECK(children_until_over(1) == 256);
    CHECK(children_until_over(16) == 16);
    CHECK(children_until_over(1000) == 1);
}

TEST_CASE("turn: a failure takes more steps to describe the more text it has, that of its group's included", "[plan]") {
    using gatherd::api::plan::failure, gatherd::api::plan::steps_to_describe;
    const failure small{"ValueError", "no"};
    const failure large{"ValueError", std::string(64'000, 'x')};
    const auto group = gatherd::api::plan::group_failure(
        "two", {}, {std::make_shared<const failure>(large), std::make_shared<const failure>(large)});
    CHECK(steps_to_describe(small) == 2);
    CHECK(steps_to_describe(large) == 1 + 64'074 / 64);
    CHECK(steps_to_describe(group) > 2 * 1000);
}

TEST_CASE("drop_aside: what has been taken apart has nothing left that a destructor would need memory for", "[plan]") {
    using gatherd::api::value;
    std::vector<value> held{value::parse(R"([1,[2,{"a":[3]}],"text"])"), value::parse(R"({"a":{"b":[4]},"c":null})"),
                            "text"};
    gatherd::api::plan::take_apart(held);
    CHECK(held == std::vector<value>{value::array(), value::object(), "text"});
}

TEST_CASE("turn: a call takes more steps the more it looks at", "[plan]") {
    using gatherd::api::value, gatherd::api::plan::steps_to_call;
    const auto steps = [](const char* name, const std::vector<value>& given) {
        return steps_to_call(*gatherd::api::plan::tests::standard().find(name), std::span<const value>{given});
    };
    CHECK(steps("noop", {}) == 1);
    CHECK(steps("add", {1, 2}) == 1);
    CHECK(steps("print", {1}) == 16);
    CHECK(steps("range", {1000}) == 16);
    CHECK(steps("sorted", {value(std::vector<int>(1600, 1))}) == 101);
    CHECK(steps("sorted", {std::string(6400, 'x')}) == 101);
    CHECK(steps("sorted", {value(std::vector<int>(1'000'000, 1))}) > gatherd::api::plan::most_steps_to_read);
}
