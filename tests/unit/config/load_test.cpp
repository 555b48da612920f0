#include "config/load.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace gatherd::config;
using namespace std::chrono_literals;

namespace {

/// A file of settings that goes with its scope.
class settings_file {
public:
    explicit settings_file(std::string_view text)
        : path_{
              (std::filesystem::temp_directory_path() / ("gatherd-load-test-" + std::to_string(::getpid()))).string()} {
        std::ofstream{path_} << text;
    }
    ~settings_file() { std::filesystem::remove(path_); }
    settings_file(const settings_file&) = delete;
    settings_file& operator=(const settings_file&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

    /// The faults of loading it alone, without the path in front.
    [[nodiscard]] std::vector<std::string> faults() const {
        auto all = load({.file = path_}).faults;
        for (auto& each : all) {
            REQUIRE(each.starts_with(path_));
            each.erase(0, path_.size() + 1);
        }
        return all;
    }

private:
    std::string path_;
};

using lines = std::vector<std::string>;

lines variable_faults(const environment& variables) {
    return load({.variables = variables}).faults;
}

}  // namespace

TEST_CASE("load: without sources the defaults hold", "[config]") {
    const auto outcome = load({});
    CHECK(outcome.faults.empty());
    CHECK(outcome.values.listen == std::vector<address>{{"127.0.0.1", 7117}});
    CHECK(outcome.values.limits.depth == 512);
    CHECK(outcome.values.limits.unread_time == 60s);
    CHECK(outcome.origins.at("limits.depth") == "default");
}

TEST_CASE("load: flags go over the environment, that over the file, that over the defaults", "[config]") {
    const settings_file file{"{\n\"threads\": 1,\n\"tasks\": {\"keep\": \"1s\"},\n\"limits\": {\"depth\": 10}}"};
    const auto outcome = load({.file = file.path(),
                               .variables = {{"GATHERD_THREADS", "2"}, {"GATHERD_LIMITS_DEPTH", "20"}},
                               .flags = {{"threads", "3"}}});
    REQUIRE(outcome.faults.empty());
    CHECK(outcome.values.threads == 3);
    CHECK(outcome.values.limits.depth == 20);
    CHECK(outcome.values.limits.keep == 1s);
    CHECK(outcome.values.blocking.threads == 64);
    CHECK(outcome.origins.at("threads") == "--threads");
    CHECK(outcome.origins.at("limits.depth") == "GATHERD_LIMITS_DEPTH");
    CHECK(outcome.origins.at("tasks.keep") == file.path() + ":3");
    CHECK(outcome.origins.at("blocking.threads") == "default");
}

TEST_CASE("load: every fault of every source is told, with its place", "[config]") {
    const settings_file file{"{\n  \"threads\": -1,\n  \"limits\": {\"dept\": 3}\n}"};
    const auto outcome = load({.file = file.path(),
                               .variables = {{"GATHERD_LISTN", "x"}},
                               .flags = {{"drain.grace", "soon"}, {"treads", "1"}}});
    CHECK(
        outcome.faults ==
        lines{file.path() + ":2:3: threads: -1 is not a whole number (0 or auto, 1 to 1024)",
              file.path() + ":3:14: unknown setting limits.dept; did you mean limits.depth?",
              "GATHERD_LISTN: unknown variable; did you mean GATHERD_LISTEN?",
              R"(--drain.grace: "soon" is not a time as "250ms", "1.5s", "2m", "1h" or a number of seconds (0s to 1d))",
              "--treads: unknown setting; did you mean threads?"});
}

TEST_CASE("load: an unknown group is told once, with a hint", "[config]") {
    const settings_file file{R"({"limtis": {"depth": 3, "connections": 4}})"};
    CHECK(file.faults() == lines{"1:2: unknown setting limtis; did you mean limits?"});
}

TEST_CASE("load: a group that is given a value is told to be an object", "[config]") {
    const settings_file file{R"({"limits": 3})"};
    CHECK(file.faults() == lines{"1:2: limits is a group: write an object with its settings"});
    const settings_file former{R"({"workers": 4})"};
    CHECK(former.faults() ==
          lines{"1:2: workers is a group: write an object with its settings; did you mean threads?"});
}

TEST_CASE("load: a setting given twice is a fault, nested or dotted", "[config]") {
    const settings_file file{"{\"limits\": {\"depth\": 3},\n\"limits.depth\": 4}"};
    CHECK(file.faults() == lines{"2:1: limits.depth was given already, on line 1"});
}

TEST_CASE("load: a malformed file is told with its place, besides the faults before it", "[config]") {
    const settings_file file{"{\"treads\": 1,\n // so many\n}"};
    CHECK(file.faults() ==
          lines{"1:2: unknown setting treads; did you mean threads?", "2:2: JSON has no comments: take this one out"});
}

TEST_CASE("load: a file that cannot be read is told with the reason", "[config]") {
    CHECK(load({.file = "/nowhere/gatherd.json"}).faults ==
          lines{"/nowhere/gatherd.json: cannot be read: No such file or directory"});
    CHECK(load({.file = "/"}).faults == lines{"/: cannot be read: Is a directory"});
    CHECK(load({.file = "/dev/zero"}).faults == lines{"/dev/zero: is larger than 64KiB: not a file of settings"});
}

TEST_CASE("load: GATHERD_CONFIG names the file, --config over it", "[config]") {
    const settings_file file{R"({"threads": 5})"};
    CHECK(load({.variables = {{"GATHERD_CONFIG", file.path()}}}).values.threads == 5);
    CHECK(load({.file = file.path(), .variables = {{"GATHERD_CONFIG", "/nowhere"}}}).faults.empty());
    CHECK(load({.variables = {{"GATHERD_CONFIG", ""}}}).faults.empty());
}

TEST_CASE("load: variables that are not ours are not looked at", "[config]") {
    CHECK(variable_faults({{"PATH", "/bin"}, {"gatherd_listen", "x"}, {"GATHERDX", "x"}}).empty());
    CHECK(variable_faults({{"GATHERD_CONNECT", "host:1"}}).empty());
}

TEST_CASE("load: an empty variable counts as unset", "[config]") {
    const auto outcome = load({.variables = {{"GATHERD_THREADS", ""}, {"GATHERD_LISTEN", ""}}});
    CHECK(outcome.faults.empty());
    CHECK(outcome.origins.at("threads") == "default");
}

TEST_CASE("load: what a container engine sets for a service named gatherd is passed over", "[config]") {
    CHECK(variable_faults({{"GATHERD_SERVICE_HOST", "10.0.0.1"},
                           {"GATHERD_SERVICE_PORT", "7117"},
                           {"GATHERD_SERVICE_PORT_JSON", "7117"},
                           {"GATHERD_PORT", "tcp://10.0.0.1:7117"},
                           {"GATHERD_PORT_7117_TCP", "tcp://10.0.0.1:7117"},
                           {"GATHERD_PORT_7117_TCP_ADDR", "10.0.0.1"}})
              .empty());
    CHECK(variable_faults({{"GATHERD_PORT", "7117"}}) ==
          lines{"GATHERD_PORT: unknown variable; did you mean GATHERD_LISTEN?"});
    CHECK(load({.variables = {{"GATHERD_PORT_FILE", "/run/port"}}}).values.port_file == "/run/port");
}

TEST_CASE("load: a variable or flag out of range names itself, not the setting", "[config]") {
    CHECK(variable_faults({{"GATHERD_LIMITS_DEPTH", "1"}}) ==
          lines{R"(GATHERD_LIMITS_DEPTH: "1" is out of range (2 to 1000))"});
    CHECK(load({.flags = {{"port_file", std::string(1, '\0')}}}).faults ==
          lines{R"(--port-file: "\u0000" holds a NUL, which no file name can)"});
}

TEST_CASE("load: a fault leaves the earlier source's value and origin", "[config]") {
    const auto outcome = load({.variables = {{"GATHERD_THREADS", "7"}}, .flags = {{"threads", "x"}}});
    CHECK(outcome.values.threads == 7);
    CHECK(outcome.origins.at("threads") == "GATHERD_THREADS");
}
