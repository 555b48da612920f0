#include "cli/client/json_place.hpp"

#include <catch2/catch.hpp>

using gatherd::cli::json_place;

TEST_CASE("json_place: a pointer is told as a path into what the user wrote", "[cli]") {
    CHECK(json_place("/tasks/0/args", "/tasks") == "[0].args");
    CHECK(json_place("/task/gather/1", "/task") == "gather[1]");
    CHECK(json_place("/task/args/0/await", "/task") == "args[0].await");
    CHECK(json_place("/tasks/3/let/a", "") == "tasks[3].let.a");
    CHECK(json_place("/task", "/task").empty());
    CHECK(json_place("", "").empty());
}

TEST_CASE("json_place: what is not below the base is told whole", "[cli]") {
    CHECK(json_place("/timeout", "/tasks") == "timeout");
    CHECK(json_place("/tasks_", "/tasks") == "tasks_");
}

TEST_CASE("json_place: a name that is no word stands in quotes", "[cli]") {
    CHECK(json_place("/let/a b", "") == R"(let["a b"])");
    CHECK(json_place("/a~1b/c~0d", "") == R"(["a/b"]["c~d"])");
    CHECK(json_place("/x/", "") == R"(x[""])");
}
