#include "cli/bench/workload.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/failures.hpp"

using namespace gatherd::cli;
using namespace gatherd::cli::bench;

namespace {

std::string request_text(const request_shape& shape, std::uint64_t id) {
    std::string text;
    shape.append_request(text, id);
    return text;
}

}  // namespace

TEST_CASE("call_mix: a list of functions, arguments and weights", "[bench]") {
    const auto mix = parse_mix(R"(noop,add[1,2]=3,echo["a,]=\"b"],hash.sha256["x"])");
    REQUIRE(mix.size() == 4);
    CHECK(mix[0].function == "noop");
    CHECK(mix[0].args == "[]");
    CHECK(mix[0].weight == 1);
    CHECK(mix[0].result == "null");
    CHECK(mix[1].args == "[1,2]");
    CHECK(mix[1].weight == 3);
    CHECK(mix[1].result == "3");
    CHECK(mix[2].result == R"("a,]=\"b")");
    CHECK_FALSE(mix[3].result);
}

TEST_CASE("call_mix: results are known only where they are certain", "[bench]") {
    CHECK(parse_mix("sleep[0.5]")[0].result == "null");
    CHECK(parse_mix("sleep[0.5,[1]]")[0].result == "[1]");
    CHECK_FALSE(parse_mix("add[0.1,0.2]")[0].result);
    CHECK_FALSE(parse_mix("add[9223372036854775807,1]")[0].result);
    CHECK_FALSE(parse_mix("random.random")[0].result);
}

TEST_CASE("call_mix: what is no mix is refused", "[bench]") {
    for (const char* text :
         {"", ",", "noop,", "noop=0", "noop=x", "noop=1001", "add[1,", "add[1]x", "add{}", "a b", "=2"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_mix(text), usage_error);
    }
}

TEST_CASE("workload: one function makes one shape, to the byte", "[bench]") {
    const auto gather = mixed_workload(parse_mix("add[1,2]"), 2, batch_form::gather);
    REQUIRE(gather.size() == 1);
    CHECK(request_text(gather[0], 7) ==
          R"({"id":7,"method":"gather","params":{"tasks":[{"call":"add","args":[1,2]},{"call":"add","args":[1,2]}]}})"
          "\n");
    CHECK(gather[0].answer == ",\"result\":[3,3]}\n");
    CHECK(gather[0].tasks == 2);
    const auto map = mixed_workload(parse_mix("noop"), 3, batch_form::map);
    CHECK(request_text(map[0], 0) ==
          "{\"id\":0,\"method\":\"map\",\"params\":{\"call\":\"noop\",\"over\":[[],[],[]]}}\n");
}

TEST_CASE("workload: a mix comes in its proportions, the same each time", "[bench]") {
    const auto mix = parse_mix("noop=9,echo[1]=1");
    const auto shapes = mixed_workload(mix, 100, batch_form::gather);
    std::size_t noops = 0;
    std::size_t all = 0;
    for (const auto& shape : shapes) {
        const auto request = nlohmann::json::parse(request_text(shape, 1));
        for (const auto& task : request["params"]["tasks"]) {
            noops += task["call"] == "noop" ? 1 : 0;
            ++all;
        }
    }
    const double part = static_cast<double>(noops) / static_cast<double>(all);
    CHECK(part > 0.87);
    CHECK(part < 0.93);
    CHECK(request_text(mixed_workload(mix, 100, batch_form::gather)[5], 1) == request_text(shapes[5], 1));
}

TEST_CASE("workload: the answer is unknown as soon as one result is", "[bench]") {
    CHECK_FALSE(mixed_workload(parse_mix("random.random"), 2, batch_form::gather)[0].answer);
}

TEST_CASE("workload: a map has one function", "[bench]") {
    CHECK_THROWS_AS(mixed_workload(parse_mix("noop,echo[1]"), 2, batch_form::map), usage_error);
    CHECK_NOTHROW(mixed_workload(parse_mix("echo[2],echo[1]"), 2, batch_form::map));
}

TEST_CASE("workload: a file is sent as submit sends it, and its outer list counts", "[bench]") {
    const auto of = [](const char* text) { return plan_workload(text, "f")[0]; };
    CHECK(of(R"([{"value":1},{"value":2}])").tasks == 2);
    CHECK(of(R"({"call":"add","over":[[1],[2],[3]]})").tasks == 3);
    CHECK(of(R"({"gather":[{"value":1},{"value":2}]})").tasks == 2);
    CHECK(of(R"({"value":1})").tasks == 1);
    CHECK(request_text(of(R"({"value":1})"), 4) ==
          "{\"id\":4,\"method\":\"run\",\"params\":{\"task\":{\"value\":1}}}\n");
    CHECK_THROWS_AS(plan_workload("nonsense", "f"), usage_error);
}
