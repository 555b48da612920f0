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

TEST_CASE("function_table: a long signature leaves room for the other columns", "[cli]") {
    const auto list =
        value::parse(R"([{"name": "http.get", "params": [{"name": "url"}, {"name": "headers", "default": {}},
        {"name": "timeout", "default": 30}, {"name": "max_body", "default": 16777216}, {"name": "check"}], "lane": "async", "summary": "S"}])");
    CHECK(function_table(list) ==
          "FUNCTION                                    LANE   WHAT IT DOES\n"
          "http.get(url, headers={}, timeout=30, ...)  async  S\n");
    CHECK(gatherd::cli::function_page(list, "http.get").find("max_body=16777216") != std::string::npos);
    const auto nameless = value::parse(R"([{"name": "f", "params": ")" + std::string(80, 'x') + R"("}])");
    CHECK(function_table(nameless).find("f(...)") != std::string::npos);
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
