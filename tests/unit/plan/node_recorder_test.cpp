#include "api/plan/evaluate/node_recorder.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "gatherd/executor/event.hpp"
#include "tests/unit/plan/plan_run.hpp"

using namespace gatherd::api::plan;
using gatherd::api::plan::tests::checked;
using gatherd::api::plan::tests::recorder;
using gatherd::api::plan::tests::standard;
namespace executor = gatherd::executor;
using json = gatherd::api::value;

namespace {

/// Programs that are watched before their first step.
class watched_runner {
public:
    explicit watched_runner(const registry& functions = standard()) : functions_{functions} {}

    void prepare(std::string_view task, const std::shared_ptr<record_budget>& budget = nullptr) {
        constexpr std::size_t most_tasks = 100'000;
        program_options options;
        options.records = budget;
        program_ = std::make_shared<program>(scheduler_, *checked(task, most_tasks, functions_), std::move(options),
                                             observer_->bounds(), observer_);
        program_->prepare();
        record_ = program_->watch();
    }
    void start() { program_->start(); }
    void wait() { static_cast<void>(observer_->wait()); }

    /// What is recorded, and how many nodes are not.
    [[nodiscard]] json all(std::uint64_t since = 0) const {
        json told;
        record_->describe(told, since);
        return told;
    }

    json nodes(std::string_view task) {
        prepare(task);
        start();
        wait();
        return all()["nodes"];
    }

    [[nodiscard]] const node_recorder& record() const { return *record_; }
    [[nodiscard]] program& running() const { return *program_; }

private:
    const registry& functions_;
    executor::scheduler scheduler_{{.workers = 2, .blocking_threads = 4}};
    const std::shared_ptr<recorder> observer_ = std::make_shared<recorder>();
    std::shared_ptr<program> program_;
    std::shared_ptr<const node_recorder> record_;
};

/// A line for each node: its number and its parent's, its path and items, kind, function and size of its arguments,
/// state, and error.
std::vector<std::string> lines(const json& nodes) {
    std::vector<std::string> all;
    for (const json& each : nodes) {
        std::string line = each["id"].dump() + " in " + each["parent"].dump() + ": " + each["path"].get<std::string>();
        line += each.contains("items") ? " " + each["items"].dump() : "";
        line += " " + each["kind"].get<std::string>();
        if (each.contains("function")) {
            line += " " + each["function"].get<std::string>() + " " + each["arguments_bytes"].dump();
        }
        line += " " + each["state"].get<std::string>();
        if (each.contains("error")) {
            line +=
                ", " + each["error"]["type"].get<std::string>() + ": " + each["error"]["message"].get<std::string>();
        }
        all.push_back(line);
    }
    return all;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("node_recorder: each node of a watched program is recorded once, below the node that evaluates it",
          "[plan]") {
    watched_runner runner;
    const json nodes = runner.nodes(R"({"sequence": [{"call": "add", "args": [1, "x"]}]})");
    CHECK(lines(nodes) ==
          texts{"0 in null: /task sequence failed, TypeError: add(): each of terms must be a number, not the text 'x'",
                "1 in 0: /task/sequence/0 call add 7 failed, TypeError: add(): each of terms must be a number, not the "
                "text 'x'"});
    watched_runner other;
    CHECK(
        lines(other.nodes(R"({"try": {"call": "fail", "args": ["ValueError", "no"]}, "except": {"gather": [{"value": 1},
            {"call": "sleep", "args": [0, "ab"]}]}, "finally": {"if": {"value": 0}, "then": {"value": 1}}})")) ==
        texts{"0 in null: /task try finished", "1 in 0: /task/try call fail 19 failed, ValueError: no",
              "2 in 0: /task/except gather finished", "3 in 2: /task/except/gather/0 value finished",
              "4 in 2: /task/except/gather/1 call sleep 8 finished", "5 in 0: /task/finally if finished",
              "6 in 5: /task/finally/if value finished"});
}

TEST_CASE("node_recorder: children that run in place are recorded as others are", "[plan]") {
    watched_runner runner;
    CHECK(lines(runner.nodes(R"({"gather": [{"call": "noop"}, {"sequence": [{"value": "v"}, {"gather": []}]},
                                            {"map": "add", "over": [[1, 2], [3, 4]]}]})")) ==
          texts{"0 in null: /task gather finished", "1 in 0: /task/gather/0 call noop 2 finished",
                "2 in 0: /task/gather/1 sequence finished", "3 in 2: /task/gather/1/sequence/0 value finished",
                "4 in 2: /task/gather/1/sequence/1 gather finished", "5 in 0: /task/gather/2 map finished",
                "6 in 5: /task/gather/2/over/0 call add 5 finished",
                "7 in 5: /task/gather/2/over/1 call add 5 finished"});
}

TEST_CASE("node_recorder: a node in the task of a map tells the items", "[plan]") {
    watched_runner runner;
    CHECK(lines(runner.nodes(
              R"({"map": {"map": {"call": "add", "args": [{"ref": "x"}, {"ref": "y"}]}, "as": "y", "over": [5],
                                         "limit": 1}, "as": "x", "over": [1], "limit": 1})")) ==
          texts{"0 in null: /task map finished", "1 in 0: /task/map [0] map finished",
                "2 in 1: /task/map/map [0,0] call add 5 finished", "3 in 2: /task/map/map/args/0 [0,0] ref finished",
                "4 in 2: /task/map/map/args/1 [0,0] ref finished"});
    watched_runner computed;
    CHECK(lines(computed.nodes(R"({"map": "add", "over": {"await": {"value": [[1, 2], [3, 4]]}}, "limit": 1})")) ==
          texts{"0 in null: /task map finished", "1 in 0: /task/over/await value finished",
                "2 in 0: /task [0] call add 5 finished", "3 in 0: /task [1] call add 5 finished"});
}

TEST_CASE("node_recorder: each attempt of a retry has a record, and what is cancelled says so", "[plan]") {
    watched_runner runner;
    CHECK(lines(runner.nodes(R"({"retry": {"call": "fail", "args": ["OSError"]}, "attempts": 2})")) ==
          texts{"0 in null: /task retry failed, OSError: ", "1 in 0: /task/retry call fail 14 failed, OSError: ",
                "2 in 0: /task/retry call fail 14 failed, OSError: "});
    watched_runner other;
    const json nodes = other.nodes(
        R"({"wait_for": {"sequence": [{"call": "sleep", "args": [3600]}, {"value": 1}]}, "timeout": 0.001})");
    CHECK(lines(nodes) ==
          texts{"0 in null: /task wait_for failed, TimeoutError: ", "1 in 0: /task/wait_for sequence cancelled",
                "2 in 1: /task/wait_for/sequence/0 call sleep 11 cancelled"});
    CHECK(nodes[2]["started_at"].get<double>() >= nodes[2]["queued_at"].get<double>());
    CHECK(nodes[2]["ended_at"].get<double>() >= nodes[2]["started_at"].get<double>());
}

TEST_CASE("node_recorder: a call that never began has no start", "[plan]") {
    watched_runner runner;
    const json nodes =
        runner.nodes(R"({"call": "add", "args": [{"await": {"call": "fail", "args": ["OSError"]}}, 1]})");
    CHECK(lines(nodes) == texts{"0 in null: /task call add 0 failed, OSError: ",
                                "1 in 0: /task/args/0/await call fail 14 failed, OSError: "});
    watched_runner nested;
    const json inner = nested.nodes(R"({"sequence": [{"call": "add", "args": [{"await": {"to_thread": {"call": "add",
                                        "args": [1, 2]}}}, 10]}]})");
    CHECK(lines(inner) == texts{"0 in null: /task sequence finished", "1 in 0: /task/sequence/0 call add 6 finished",
                                "2 in 1: /task/sequence/0/args/0/await to_thread finished",
                                "3 in 2: /task/sequence/0/args/0/await/to_thread call add 5 finished"});
    CHECK(inner[1]["started_at"].get<double>() >= inner[2]["ended_at"].get<double>());
}

TEST_CASE("node_recorder: a call that stands in a line is queued until its place is there", "[plan]") {
    executor::event granted;
    registry functions;
    functions.add({.name = "line",
                   .summary = "",
                   .parameters = {},
                   .body = coroutine_body{[&granted](call_context& context, arguments) -> executor::task<json> {
                       const auto call = [](executor::event& place, call_context& its_context) -> executor::task<json> {
                           co_await place.wait();
                           its_context.call_began();
                           co_return 1;
                       };
                       return call(granted, context);
                   }},
                   .has_line = true});
    watched_runner runner{functions};
    runner.prepare(R"({"gather": [{"call": "line"}]})");
    const auto before = runner.record().version();
    runner.start();
    while (runner.record().version() == before) {
        std::this_thread::yield();
    }
    json node = runner.all(before)["nodes"].at(0);
    CHECK((node["state"] == "queued" && node["started_at"].is_null() && node["ended_at"].is_null()));
    granted.set();
    runner.wait();
    node = runner.all(before)["nodes"].at(1);
    CHECK((node["state"] == "finished" && node["started_at"].is_number() && node["ended_at"].is_number()));
}

TEST_CASE("node_recorder: the first ten thousand are recorded, and the others counted", "[plan]") {
    using counted_plan = std::pair<std::string_view, std::size_t>;
    for (const auto& [task, nodes] :
         {counted_plan{R"({"map": "noop", "over": {"await": {"value": %}}})", 20'002},
          counted_plan{R"({"map": "noop", "over": %})", 20'001},
          counted_plan{R"({"map": {"if": {"ref": "x"}, "then": {"value": 1}}, "as": "x", "over": %})", 40'001}}) {
        json over = json::array();
        for (int i = 0; i < 20'000; ++i) {
            over.push_back(json::array());
        }
        watched_runner runner;
        const auto budget = std::make_shared<record_budget>();
        runner.prepare(std::string{task}.replace(task.find('%'), 1, over.dump()), budget);
        runner.start();
        runner.wait();
        const json told = runner.all();
        CHECK(told["nodes"].size() == node_recorder::most_nodes);
        CHECK(told["nodes"].back()["id"] == node_recorder::most_nodes - 1);
        CHECK(told["nodes_not_recorded"].get<std::size_t>() == nodes - node_recorder::most_nodes);
        CHECK(budget->bytes() > node_recorder::most_nodes * 100);
        CHECK(budget->bytes() < node_recorder::most_nodes * 1024);
    }
}

TEST_CASE("node_recorder: what is beyond the budget of all records cuts the oldest short", "[plan]") {
    const std::size_t limit = gatherd::api::memory_limit::most();
    const std::string_view task =
        R"({"gather": [{"call": "sleep", "args": [0]}, {"call": "noop"}, {"call": "fail"}], "return_exceptions": true})";
    const auto budget = std::make_shared<record_budget>();
    {
        watched_runner first;
        watched_runner second;
        watched_runner third;
        first.prepare(task, budget);
        first.start();
        first.wait();
        REQUIRE(first.all()["nodes"].size() == 4);
        gatherd::api::memory_limit::set(16 * budget->bytes() * 5 / 2);  // room for two and a half
        for (watched_runner* const each : {&second, &third}) {
            each->prepare(task, budget);
            each->start();
            each->wait();
        }
        const std::uint64_t seen = second.record().version();
        CHECK(first.all()["nodes"].size() == 1);
        CHECK(first.all()["nodes"][0]["state"] == "finished");
        CHECK(first.all()["nodes_not_recorded"] == 3);
        CHECK(second.all()["nodes"].size() == 4);
        CHECK(third.all()["nodes"].size() == 4);
        CHECK(budget->cut_all());
        CHECK(second.record().version() > seen);
        CHECK(second.all()["nodes"].size() == 1);
        CHECK_FALSE(budget->cut_all());
    }
    gatherd::api::memory_limit::set(limit);
    CHECK(budget->bytes() == 0);
}

TEST_CASE("node_recorder: a program whose record is cut short while it runs goes on, and the rest is not recorded",
          "[plan]") {
    const auto budget = std::make_shared<record_budget>();
    registry functions;
    functions.add(
        {.name = "cut", .summary = "", .parameters = {}, .body = coroutine_body{[&budget](call_context&, arguments) {
                                                             const auto call =
                                                                 [](record_budget& all) -> executor::task<json> {
                                                                 co_return json(all.cut_all());
                                                             };
                                                             return call(*budget);
                                                         }}});
    watched_runner runner{functions};
    runner.prepare(R"({"sequence": [{"call": "cut"}, {"call": "cut"}]})", budget);
    runner.start();
    runner.wait();
    const json told = runner.all();
    CHECK(told["nodes"].size() == 1);
    CHECK(told["nodes"][0]["state"] == "finished");
    CHECK(told["nodes_not_recorded"] == 2);
}

TEST_CASE("node_recorder: texts are cut at a character", "[plan]") {
    std::string name = "a";
    while (name.size() < 5000) {
        name += "\xC3\xA9";  // two bytes
    }
    watched_runner runner;
    const json nodes = runner.nodes(R"({"let": {")" + name + R"(": {"call": "fail", "args": ["OSError", ")" + name +
                                    R"("]}}, "in": {"ref": ")" + name + R"("}})");
    const auto path = nodes[1]["path"].get<std::string>();
    CHECK((path.size() <= node_recorder::most_text_bytes && path.size() >= node_recorder::most_text_bytes - 1));
    CHECK_NOTHROW(nodes.dump());
    CHECK(nodes[1]["error"]["message"].get<std::string>().size() == node_recorder::most_text_bytes - 1);
}

TEST_CASE("node_recorder: who watches late sees the root, and what begins from then on", "[plan]") {
    executor::event held;
    registry functions;
    functions.add({.name = "hold",
                   .summary = "",
                   .parameters = {},
                   .body = coroutine_body{[&held](call_context& context, arguments) -> executor::task<json> {
                       const auto call = [](executor::event& until, call_context& its_context) -> executor::task<json> {
                           its_context.print("held");
                           co_await until.wait();
                           co_return 1;
                       };
                       return call(held, context);
                   }}});
    tests::plan_runner runner{functions};
    const auto observer = std::make_shared<recorder>();
    const auto running = runner.start(R"({"sequence": [{"call": "hold"}, {"gather": [{"value": 7}]}]})", observer);
    observer->wait_for_a_line();
    CHECK(running->record() == nullptr);
    const auto record = running->watch();
    CHECK(running->watch() == record);
    json told;
    record->describe(told);
    CHECK(lines(told["nodes"]) == texts{"0 in null: /task sequence running"});
    held.set();
    static_cast<void>(observer->wait());
    record->describe(told);
    CHECK(lines(told["nodes"]) == texts{"0 in null: /task sequence finished",
                                        "1 in 0: /task/sequence/1 gather finished",
                                        "2 in 1: /task/sequence/1/gather/0 value finished"});
    CHECK(std::string{record->root_state()} == "done");
}

TEST_CASE("node_recorder: it may be read at any time", "[plan]") {
    watched_runner runner;
    runner.prepare(
        R"({"map": {"sequence": [{"call": "sleep", "args": [0]}, {"call": "add", "args": [{"ref": "x"}, 1]}]},
                       "as": "x", "over": {"await": {"call": "range", "args": [2000]}}})");
    std::atomic<bool> is_over{false};
    std::size_t most = 0;
    std::thread reader{[&] {
        while (!is_over.load()) {
            most = std::max(most, runner.all()["nodes"].size());
        }
    }};
    runner.start();
    runner.wait();
    is_over.store(true);
    reader.join();
    const json last = runner.all();
    CHECK(most <= last["nodes"].size());
    for (const json& each : last["nodes"]) {
        CHECK(each["state"] == "finished");
    }
}

TEST_CASE("json_bytes: the size of compact JSON, as far as is looked", "[plan]") {
    const function bound{.name = "f", .summary = "", .parameters = {}, .body = plain_body{}};
    const std::vector<json> some{json::parse(R"({"a": [1, -2.5, null], "b": "text"})"), json(true)};
    CHECK(json_bytes(bound, some) == json(some).dump().size());
    CHECK(json_bytes(bound, {}) == 2);
    const std::vector<json> large{json(std::vector<int>(100'000, 1))};
    CHECK(json_bytes(bound, large) >= 8000);
    function whole = bound;
    whole.takes = args_form::whole;
    CHECK(json_bytes(whole, some) == some[0].dump().size());
    CHECK(json_bytes(whole, {}) == 2);
}
