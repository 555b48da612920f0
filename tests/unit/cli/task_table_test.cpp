#include "cli/commands/task_table.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/text_table.hpp"

using gatherd::api::value, gatherd::cli::task_table, gatherd::cli::text_table;

TEST_CASE("task_table: a line a task, times in UTC", "[cli]") {
    const auto list = value::parse(R"([
        {"id": "t1", "name": null, "state": "running", "created": 1000000000.5, "started": 1000000001, "finished": null},
        {"id": "t2", "name": "nap", "state": "pending", "created": 0}])");
    CHECK(task_table(list) ==
          "ID  NAME  STATE    CREATED              STARTED              FINISHED (UTC)\n"
          "t1  -     running  2001-09-09 01:46:40  2001-09-09 01:46:41  -\n"
          "t2  nap   pending  1970-01-01 00:00:00  -                    -\n");
}

TEST_CASE("task_table: any JSON can be shown", "[cli]") {
    CHECK(task_table(value::array()) == "ID  NAME  STATE  CREATED  STARTED  FINISHED (UTC)\n");
    CHECK_FALSE(
        task_table(value::parse(R"([3, {}, {"id": [1], "created": 1e300, "started": -1, "finished": "x"}])")).empty());
}

TEST_CASE("text_table: rows may differ in length", "[cli]") {
    CHECK(text_table({{"a"}, {"bb", "c"}, {}}) == "a\nbb  c\n\n");
}

TEST_CASE("text_table: a text of others makes no row of its own", "[cli]") {
    CHECK(text_table({{"a\nb\tc\x1b", "d"}}) == "a\\nb\\tc\\u001b  d\n");
}
