#include "config/nearest_name.hpp"

#include <catch2/catch.hpp>
#include <vector>

using gatherd::config::nearest_name;

namespace {
const std::vector<std::string> names{"listen", "threads", "limits.depth", "limits.message_bytes", "port_file"};
}

TEST_CASE("nearest_name: a slip of the finger finds the name that was meant", "[config]") {
    CHECK(nearest_name("lisen", names) == "listen");
    CHECK(nearest_name("treads", names) == "threads");
    CHECK(nearest_name("limits.dept", names) == "limits.depth");
    CHECK(nearest_name("limit.depth", names) == "limits.depth");
}

TEST_CASE("nearest_name: the last part alone finds its whole name", "[config]") {
    CHECK(nearest_name("depth", names) == "limits.depth");
    CHECK(nearest_name("messagebytes", names) == "limits.message_bytes");
}

TEST_CASE("nearest_name: case and dashes are no difference", "[config]") {
    CHECK(nearest_name("Port-File", names) == "port_file");
}

TEST_CASE("nearest_name: what resembles nothing gets no proposal", "[config]") {
    CHECK(nearest_name("colour", names).empty());
    CHECK(nearest_name("", names).empty());
    CHECK(nearest_name(std::string(100'000, 'w'), names).empty());
    CHECK(nearest_name("threads", {}).empty());
    CHECK(nearest_name("workers", {}).empty());
}

TEST_CASE("nearest_name: a setting's old name leads to its new one", "[config]") {
    const std::vector<std::string> settings{"threads", "pin_threads", "blocking.threads"};
    CHECK(nearest_name("workers", settings) == "threads");
    CHECK(nearest_name("pin_workers", settings) == "pin_threads");
    const std::vector<std::string> flags{"--threads", "--pin-threads"};
    CHECK(nearest_name("--workers", flags) == "--threads");
    CHECK(nearest_name("--pin-workers", flags) == "--pin-threads");
    const std::vector<std::string> variables{"GATHERD_THREADS"};
    CHECK(nearest_name("GATHERD_WORKERS", variables) == "GATHERD_THREADS");
}
