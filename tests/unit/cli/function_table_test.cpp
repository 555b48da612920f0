#include "cli/commands/function_table.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::api::value, gatherd::cli::function_table;

TEST_CASE("function_table: columns line up and parameters read as in Python", "[cli]") {
    const auto list = value::parse(R"([
        {"name": "add", "summary": "the sum", "params": [{"name": "numbers", "variadic": true}], "lane": "async"},
        {"name": "sleep", "summary": "waits", "lane": "blocking",
         "params": [{"name": "delay"}, {"name": "result", "default": null}]}])");
    CHECK(function_table(list) ==
          "FUNCTION                   LANE      WHAT IT DOES\n"
          "add(*numbers)              async     the sum\n"
          "sleep(delay, result=null)  blocking  waits\n");
}

TEST_CASE("function_table: parameters may be texts", "[cli]") {
    CHECK(function_table(value::parse(R"([{"name": "f", "params": ["a", "b=1"]}])")).find("f(a, b=1)") !=
          std::string::npos);
    CHECK(function_table(value::parse(R"([{"name": "f", "params": "a, b"}])")).find("f(a, b)") != std::string::npos);
}

TEST_CASE("function_table: what is missing stays blank", "[cli]") {
    CHECK(function_table(value::array()) == "FUNCTION  LANE  WHAT IT DOES\n");
    CHECK(function_table(value::parse("[3, {}]")) == "FUNCTION  LANE  WHAT IT DOES\n()\n()\n");
}
