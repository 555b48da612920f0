#include "cli/client/batch_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/failures.hpp"

using namespace gatherd::cli;
using nlohmann::ordered_json;

namespace {

std::string refusal(std::string_view text, const submit_options& options = {}) {
    try {
        static_cast<void>(read_batch(text, "f", options));
    } catch (const usage_error& why) {
        return why.what();
    }
    return "taken";
}

}  // namespace

TEST_CASE("batch_file: an array is gathered", "[cli]") {
    const auto made = read_batch(R"([{"call": "noop"}])", "f", {});
    CHECK(made.what.method == "gather");
    CHECK(made.what.params == R"({"tasks":[{"call": "noop"}]})");
    CHECK_FALSE(made.lists_errors);
}

TEST_CASE("batch_file: an object with tasks is gather's params as they are", "[cli]") {
    const auto made = read_batch(R"({"tasks": [], "limit": 2, "return_exceptions": true})", "f", {});
    CHECK(made.what.method == "gather");
    CHECK(made.what.params == R"({"tasks": [], "limit": 2, "return_exceptions": true})");
    CHECK(made.lists_errors);
}

TEST_CASE("batch_file: a function over a list is map's params", "[cli]") {
    CHECK(read_batch(R"({"call": "add", "over": [[1]]})", "f", {}).what.method == "map");
    const auto plan = read_batch(R"({"map": "add", "over": [[1]]})", "f", {});
    CHECK(plan.what.method == "run");
    CHECK(plan.what.params == R"({"task":{"map": "add", "over": [[1]]}})");
}

TEST_CASE("batch_file: an object of each kind is run as a plan", "[cli]") {
    const auto* const kind = GENERATE("call", "value", "gather", "task_group", "wait", "wait_for", "race", "shield",
                                      "sequence", "let", "ref", "try", "retry", "to_thread");
    const auto text = ordered_json{{kind, 1}}.dump();
    const auto made = read_batch(text, "f", {});
    CHECK(made.what.method == "run");
    CHECK(made.what.params == R"({"task":)" + text + "}");
}

TEST_CASE("batch_file: an object with task is run's params as they are", "[cli]") {
    const auto made = read_batch(R"({"task": {"value": 1}, "seed": 3})", "f", {});
    CHECK(made.what.method == "run");
    CHECK(made.what.params == R"({"task": {"value": 1}, "seed": 3})");
}

TEST_CASE("batch_file: options of the command line stand last, where they win", "[cli]") {
    const submit_options options{.members = R"(,"timeout":2.000,"seed":7)"};
    CHECK(read_batch("[]", "f", options).what.params == R"({"tasks":[],"timeout":2.000,"seed":7})");
    CHECK(read_batch(R"({"value": 1})", "f", options).what.params ==
          R"({"task":{"value": 1},"timeout":2.000,"seed":7})");
    const auto whole = read_batch(R"({"tasks": [], "timeout": 1 } )", "f", options).what.params;
    CHECK(ordered_json::parse(whole)["timeout"] == 2.0);
}

TEST_CASE("batch_file: progress is asked for where the method has it", "[cli]") {
    const submit_options options{.progress = true};
    CHECK(read_batch("[]", "f", options).what.params == R"({"tasks":[],"progress":0.1})");
    CHECK(read_batch(R"({"gather": []})", "f", options).what.params == R"({"task":{"gather": []}})");
}

TEST_CASE("batch_file: return_exceptions goes with a batch, not with a plan", "[cli]") {
    const submit_options options{.return_exceptions = true};
    const auto made = read_batch("[]", "f", options);
    CHECK(made.what.params == R"({"tasks":[],"return_exceptions":true})");
    CHECK(made.lists_errors);
    CHECK(refusal(R"({"gather": []})", options).starts_with("f: is a plan, not a batch"));
}

TEST_CASE("batch_file: whether a result lists errors is read from the outermost object only", "[cli]") {
    CHECK(read_batch(R"({"gather": [], "return_exceptions": true})", "f", {}).lists_errors);
    CHECK_FALSE(read_batch(R"({"gather": [], "return_exceptions": false})", "f", {}).lists_errors);
    CHECK_FALSE(read_batch(R"({"sequence": [{"gather": [], "return_exceptions": true}]})", "f", {}).lists_errors);
    CHECK_FALSE(read_batch(R"({"value": 1, "return_exceptions": true})", "f", {}).lists_errors);
    CHECK_FALSE(read_batch(R"([true, {"return_exceptions": true}])", "f", {}).lists_errors);
}

TEST_CASE("batch_file: a timeout of the request is told, one of a task is not", "[cli]") {
    CHECK(read_batch(R"({"tasks": [], "timeout": 1.5})", "f", {}).timeout == 1.5);
    CHECK(read_batch(R"({"timeout": 2, "task": {"value": 1}})", "f", {}).timeout == 2.0);
    CHECK_FALSE(read_batch(R"({"wait_for": {"value": 1}, "timeout": 1})", "f", {}).timeout);
    CHECK_FALSE(read_batch(R"({"tasks": [{"wait": [], "timeout": 1}]})", "f", {}).timeout);
}

TEST_CASE("batch_file: the text goes on as it is spelt", "[cli]") {
    const auto made = read_batch(" [1.0,\n 1e2, 18446744073709551616, \"\\u00e9\"]\n", "f", {});
    CHECK(made.what.params == "{\"tasks\":[1.0,\n 1e2, 18446744073709551616, \"\\u00e9\"]}");
}

TEST_CASE("batch_file: a byte order mark is not for the wire", "[cli]") {
    CHECK(read_batch("\xef\xbb\xbf[]", "f", {}).what.params == R"({"tasks":[]})");
}

TEST_CASE("batch_file: what is not JSON is told with line and column", "[cli]") {
    CHECK(refusal("[1,\n2").starts_with("f: is not JSON: line 2, column 2: syntax error"));
    CHECK(refusal("[1] [2]").starts_with("f: is not JSON: line 1, column 5: syntax error"));
    CHECK(refusal("[1e999]").find("number overflow") != std::string::npos);
}

TEST_CASE("batch_file: whatever is an object goes to the daemon, which knows what it may be", "[cli]") {
    const auto* const text = GENERATE("{}", R"({"any": []})", R"({"if": {"value": 1}})", R"({"cal": "noop"})");
    CHECK(read_batch(text, "f", {}).what.params == R"({"task":)" + std::string{text} + "}");
}

TEST_CASE("batch_file: what is no plan is told what would be one", "[cli]") {
    const auto* const text = GENERATE("7", "\"tasks\"", "null");
    CHECK(refusal(text) ==
          R"(f: is no plan: write a plan as {"call": ...}, an array of plans, or {"tasks": [...]} with its options)");
    CHECK(refusal(" \n").starts_with("f: is empty: write a plan as"));
    CHECK(refusal(R"({"id": 1, "method": "run", "params": {}})").starts_with("f: is a whole request"));
}
