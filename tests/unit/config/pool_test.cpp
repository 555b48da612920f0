#include "config/pool.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::config::pool, gatherd::config::pool_of_command, gatherd::config::read_pools;
using json = nlohmann::ordered_json;

namespace {

std::string fault_of(const char* text) {
    auto read = read_pools(json::parse(text));
    return std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : "none";
}

pool one(const char* command, const std::vector<pool>& taken = {}) {
    return std::get<pool>(pool_of_command(command, taken));
}

}  // namespace

TEST_CASE("pool: every member is read, and written as it is read", "[config]") {
    const auto text =
        json::parse(R"({"img": {"command": ["python3", "tasks.py"], "processes": 2, "functions": ["img.resize"],
        "concurrency": 4, "env": {"LANG": "C", "PASSWORD": null}, "cwd": "/srv", "max_calls": 1000, "max_memory": "512MiB", "max_age": "1h",
        "user": "www-data", "start_time": "5s", "cancel_time": "2s", "drain_time": "1m", "restart_min": "50ms",
        "restart_max": "5s"}})");
    const auto read = std::get<std::vector<pool>>(read_pools(text));
    REQUIRE(read.size() == 1);
    CHECK(read[0].name == "img");
    CHECK(read[0].processes == 2);
    CHECK(read[0].max_memory == std::uint64_t{512} << 20);
    CHECK(read[0].cancel_time == std::chrono::seconds{2});
    CHECK(to_json(read) == text);
}

TEST_CASE("pool: what is left out has its default", "[config]") {
    const auto read = std::get<std::vector<pool>>(
        read_pools(json::parse(R"({"a": {"command": ["x"], "processes": "auto", "max_calls": "off", "user": null}})")));
    CHECK(read[0] == pool{.name = "a", .command = {"x"}});
}

TEST_CASE("pool: a fault names the pool, the member and what would be right", "[config]") {
    CHECK(fault_of(R"({"a": {}})") == R"(a: it needs a command, as ["python3", "tasks.py"])");
    CHECK(fault_of(R"({"a b": {"command": ["x"]}})").starts_with("'a b' is no name of a pool"));
    CHECK(fault_of(R"({"a": {"command": "x"}})") ==
          R"(a.command must be the program and its arguments, as ["python3", "tasks.py"])");
    CHECK(fault_of(R"({"a": {"command": ["x"], "procesess": 1}})")
              .starts_with("a: unknown member 'procesess'; there are command, "));
    CHECK(fault_of(R"({"a": {"command": ["x"], "processes": 0}})") ==
          "a.processes must be a whole number (1 to 1000) or auto, one a CPU");
    CHECK(fault_of(R"({"a": {"command": ["x"], "start_time": "soon"}})").starts_with("a.start_time must be a time"));
    CHECK(fault_of(R"({"a": {"command": ["x"], "env": {"GATHERD_THREADS": "1"}}})")
              .starts_with("a.env must be an object of texts"));
    CHECK(fault_of(R"({"a": {"command": ["x"], "restart_min": "2s", "restart_max": "1s"}})") ==
          "a: restart_max is less than restart_min");
    CHECK(fault_of(R"({"a": {"command": ["x"], "functions": ["f"]}, "b": {"command": ["x"], "functions": ["f"]}})") ==
          "b.functions: f is a function of pool a already");
}

TEST_CASE("pool: a command is split as a shell would, and gives the name", "[config]") {
    CHECK(one("python3 tasks.py").command == std::vector<std::string>{"python3", "tasks.py"});
    CHECK(one("python3 -u 'my lib/tasks.py' \"a b\" c\\ d").command ==
          std::vector<std::string>{"python3", "-u", "my lib/tasks.py", "a b", "c d"});
    CHECK(one("python3 lib/tasks.py --fast").name == "tasks");
    CHECK(one("./worker").name == "worker");
    CHECK(one("python3 tasks.py", {{.name = "tasks"}}).name == "tasks-2");
    CHECK(std::get<std::string>(pool_of_command("python3 'tasks.py", {})) == "a quote is not closed");
    CHECK(std::get<std::string>(pool_of_command("  ", {})) ==
          "a command is expected, as 'python3 tasks.py' or tasks.py");
}
