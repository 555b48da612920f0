#include <catch2/catch.hpp>
#include <fstream>

#include <nlohmann/json.hpp>

#include "plan_run.hpp"

using namespace gatherd::api;
using gatherd::api::plan::program_options, gatherd::api::plan::python_random;
using gatherd::api::plan::tests::fault, gatherd::api::plan::tests::plan_runner, gatherd::api::plan::tests::recorder;

namespace {

/// The cases whose outcomes are CPython's: tests/integration/plans_test.py says what stands in them.
std::vector<value> cases() {
    std::ifstream file{GATHERD_CONFORMANCE_CASES};
    std::vector<value> all;
    for (std::string line; std::getline(file, line);) {
        all.push_back(value::parse(line));
    }
    return all;
}

program_options options_of(const value& one) {
    program_options how;
    if (const auto seed = one.find("seed"); seed != one.end()) {
        how.generator = seed->is_number_unsigned() ? std::make_unique<python_random>(seed->get<std::uint64_t>())
                                                   : std::make_unique<python_random>(seed->get<std::int64_t>());
    }
    return how;
}

/// The ERROR as the cases have it: no paths, and no message where the case leaves it open.
void strip(value& error, bool keeps_message) {
    error.erase("path");
    error.erase("items");
    if (!keeps_message) {
        error.erase("message");
    }
    if (const auto errors = error.find("errors"); errors != error.end()) {
        for (value& each : *errors) {
            strip(each, keeps_message);
        }
    }
}

}  // namespace

TEST_CASE("plans: each conformance case that is wrong is refused at its place", "[plan]") {
    std::size_t seen = 0;
    for (const value& one : cases()) {
        if (one.contains("invalid")) {
            INFO(one["name"]);
            CHECK(fault(one["plan"].dump()) == one["invalid"].get<std::string>());
            ++seen;
        }
    }
    CHECK(seen > 0);
}

TEST_CASE("plans: each conformance case ends as in CPython's asyncio", "[plan]") {
    plan_runner runner;
    std::vector<std::pair<value, std::shared_ptr<recorder>>> running;
    for (value& one : cases()) {
        if (!one.contains("invalid")) {
            const auto who = std::make_shared<recorder>();
            runner.start(one["plan"].dump(), who, options_of(one));
            running.emplace_back(std::move(one), who);
        }
    }
    CHECK_FALSE(running.empty());
    for (const auto& [one, who] : running) {
        INFO(one["name"]);
        const auto end = who->wait();
        value got = value::parse(end.result);
        if (one.contains("error")) {
            strip(got, one["error"].contains("message"));
            CHECK(got.dump() == one["error"].dump());
        } else {
            CHECK(got.dump() == one["result"].dump());
        }
        CHECK(end.output == one.value("output", std::vector<std::string>{}));
    }
}
