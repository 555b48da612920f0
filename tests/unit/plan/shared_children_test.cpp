#include "api/plan/evaluate/evaluate.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "plan_run.hpp"

using namespace gatherd::api;
using namespace std::chrono_literals;
using gatherd::api::plan::program_end;
using gatherd::api::plan::tests::plan_runner;

namespace {

constexpr std::size_t many = 5000;

/// `count` times what `task` gives for a number, as a gather.
template <typename Task>
std::string gather_of(std::size_t count, const Task& task, const std::string& options = "") {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list += (i == 0 ? "" : ",") + task(i);
    }
    return R"({"gather":[)" + list + "]" + options + "}";
}

std::string call(const std::string& name, const std::string& args) {
    return R"({"call":")" + name + R"(","args":[)" + args + "]}";
}

/// Threads that call it wait until two are there.
struct meeting_place {
    std::mutex lock;
    std::condition_variable came;
    std::set<std::thread::id> threads;

    bool meet() {
        std::unique_lock guard{lock};
        threads.insert(std::this_thread::get_id());
        came.notify_all();
        return came.wait_for(guard, 60s, [this] { return threads.size() > 1; });
    }
};

meeting_place& meeting() {
    static meeting_place place;
    return place;
}

std::atomic<std::size_t> spun{0};

/// The standard functions and two of these tests' own.
const plan::registry& known_functions() {
    static const plan::registry& all = *[] {
        auto* const made = new plan::registry;
        functions::add_standard(*made);
        made->add({.name = "meet", .summary = "", .parameters = {}, .body = [](plan::call_context&, plan::arguments) {
                       return value(meeting().meet());
                   }});
        made->add({.name = "spin", .summary = "", .parameters = {}, .body = [](plan::call_context&, plan::arguments) {
                       ++spun;
                       const auto end = std::chrono::steady_clock::now() + 50us;
                       while (std::chrono::steady_clock::now() < end) {
                       }
                       return value(nullptr);
                   }});
        return made;
    }();
    return all;
}

std::string numbers(std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list += (i == 0 ? "" : ",") + std::to_string(i);
    }
    return "[" + list + "]";
}

}  // namespace

TEST_CASE("shared_children: several workers evaluate one gather", "[plan]") {
    plan_runner runner{known_functions(), 2 * many};
    const auto end = runner.run(gather_of(many, [](std::size_t) { return call("meet", ""); }));
    CHECK(end.how == program_end::way::returned);
    CHECK(meeting().threads.size() > 1);
    CHECK(end.result.find("false") == std::string::npos);
}

TEST_CASE("shared_children: results stand in the order of the list", "[plan]") {
    plan_runner runner{known_functions(), 2 * many};
    const auto echo = [](std::size_t i) { return call("echo", std::to_string(i)); };
    CHECK(runner.result(gather_of(many, echo)) == numbers(many));
    std::string over;
    for (std::size_t i = 0; i < many; ++i) {
        over += (i == 0 ? "[" : ",[") + std::to_string(i) + "]";
    }
    CHECK(runner.result(R"({"map":"echo","over":[)" + over + "]}") == numbers(many));
}

TEST_CASE("shared_children: of several failures the first in the list is raised", "[plan]") {
    plan_runner runner{known_functions(), 2 * many};
    const auto some_fail = [](std::size_t i) {
        return i == 700 || i == many - 1 ? call("fail", "\"A\",\"m\"") : call("noop", "");
    };
    const auto end = runner.run(gather_of(many, some_fail));
    CHECK(end.how == program_end::way::failed);
    CHECK(end.result == R"({"type":"A","message":"m","path":"/task/gather/700"})");
    const auto settled = runner.result(gather_of(many, some_fail, R"(,"return_exceptions":true)"));
    CHECK_THAT(settled, Catch::EndsWith(R"({"value":null},{"error":{"type":"A","message":"m"}}])"));
}

TEST_CASE("shared_children: lines are printed in the order of the list", "[plan]") {
    plan_runner runner{known_functions(), 2 * many};
    const auto end = runner.run(gather_of(many, [](std::size_t i) { return call("print", std::to_string(i)); }));
    REQUIRE(end.output.size() == many);
    for (std::size_t i = 0; i < many; ++i) {
        REQUIRE(end.output[i] == std::to_string(i));
    }
}

TEST_CASE("shared_children: a timeout ends them between two rows", "[plan]") {
    constexpr std::size_t calls = 100'000;
    plan_runner runner{known_functions(), 2 * calls};
    const auto end = runner.run(gather_of(calls, [](std::size_t) { return call("spin", ""); }), {.timeout = 20ms});
    CHECK(end.how == program_end::way::timed_out);
    CHECK(spun < calls);
}
