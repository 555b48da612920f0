#include "cli/top/table.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace gatherd::cli::top;
using gatherd::api::value;

namespace {

std::vector<std::string> keys(const table& listed) {
    std::vector<std::string> all;
    for (const row& each : listed.rows) {
        all.push_back(each.key);
    }
    return all;
}

snapshot with(double at, value stats, value tasks = value::array(), value workers = value::array()) {
    snapshot made;
    made.at = at;
    made.wall = 1000;
    made.stats = std::move(stats);
    made.tasks = std::move(tasks);
    made.workers = std::move(workers);
    return made;
}

}  // namespace

TEST_CASE("rates: since the look before, else since the daemon's start", "[cli]") {
    const auto first = with(10, {{"uptime", 100.0}, {"requests", 500}});
    const auto second = with(12, {{"uptime", 102.0}, {"requests", 700}});
    CHECK(rates{nullptr, first}.of_stats("/requests") == Approx(5));
    CHECK(rates{&first, second}.of_stats("/requests") == Approx(100));
}

TEST_CASE("rates: a daemon that was started anew begins anew", "[cli]") {
    const auto first = with(10, {{"uptime", 100.0}, {"requests", 500}});
    const auto second = with(12, {{"uptime", 2.0}, {"requests", 8}});
    CHECK(rates{&first, second}.of_stats("/requests") == Approx(4));
}

TEST_CASE("rates: any JSON is taken", "[cli]") {
    const snapshot none;
    const auto odd = with(1, "a text", 7, value{{"worker", 1}});
    CHECK(rates{nullptr, none}.of_stats("/requests") == 0);
    CHECK(rates{&none, odd}.of_stats("/threads/0/run") == 0);
    for (const auto which : {tab::tasks, tab::functions, tab::pools, tab::workers, tab::threads}) {
        CHECK_NOTHROW(make_table(which, rates{&none, odd}));
        CHECK(make_table(which, rates{nullptr, none}).rows.empty());
    }
}

TEST_CASE("table: tasks have their age, and are sorted and filtered", "[cli]") {
    const auto now = with(1, {{"uptime", 1.0}},
                          {{{"id", "a"}, {"name", "Nightly"}, {"state", "running"}, {"created", 990.0}},
                           {{"id", "b"}, {"name", "b"}, {"state", "running"}, {"created", 900.0}},
                           {{"id", "c"}, {"name", "other"}, {"state", "running"}, {"created", 999.0}}});
    auto listed = make_table(tab::tasks, rates{nullptr, now});
    sort(listed, listed.sorted_at_first, false);
    CHECK(keys(listed) == std::vector<std::string>{"b", "a", "c"});
    CHECK(listed.rows[0].cells[0].text == "-");  // it has no name of its own
    CHECK(listed.rows[0].cells[3].text == "1m40s");
    sort(listed, 0, true);
    CHECK(keys(listed) == std::vector<std::string>{"c", "a", "b"});
    filter(listed, "nIGHT");
    CHECK(keys(listed) == std::vector<std::string>{"a"});
}

TEST_CASE("table: requests that run have their age, those that wait none", "[cli]") {
    const auto now =
        with(1, {{"uptime", 1.0}},
             {{{"id", "5:1"}, {"request", 1}, {"client", "here"}, {"state", "running"}, {"started", 900.0}},
              {{"id", "5:2"}, {"request", 2}, {"client", "here"}, {"state", "waiting"}, {"started", nullptr}}});
    const auto listed = make_table(tab::tasks, rates{nullptr, now});
    CHECK(listed.rows[0].cells[3].text == "1m40s");
    CHECK(listed.rows[1].cells[3].text == "-");
}

TEST_CASE("table: functions and workers have rates, pools are the sums of their processes", "[cli]") {
    const value workers_then = {{{"worker", "w1"}, {"pool", "img"}, {"calls", 10}}};
    const value workers_now = {{{"worker", "w1"}, {"pool", "img"}, {"calls", 30}, {"running", 1}, {"concurrency", 2}},
                               {{"worker", "w2"}, {"pool", "img"}, {"calls", 5}, {"running", 2}, {"concurrency", 2}},
                               {{"worker", "w3"}, {"name", "own"}, {"calls", 1}}};
    const auto then =
        with(1, {{"uptime", 10.0}, {"calls", {{"f", {{"ok", 100}, {"failed", 0}}}}}}, value::array(), workers_then);
    const auto now = with(3, {{"uptime", 12.0}, {"calls", {{"f", {{"ok", 108}, {"failed", 2}, {"time_run", 11.0}}}}}},
                          value::array(), workers_now);
    const rates between{&then, now};
    const auto functions = make_table(tab::functions, between);
    CHECK(functions.rows[0].cells[4].number == Approx(5));
    CHECK(functions.rows[0].cells[5].number == Approx(1));
    CHECK(functions.rows[0].cells[8].number == Approx(0.1));
    const auto pools = make_table(tab::pools, between);
    REQUIRE(keys(pools) == std::vector<std::string>{"(in no pool)", "img"});
    CHECK(pools.rows[1].cells[1].number == 2);
    CHECK(pools.rows[1].cells[2].number == 3);
    CHECK(pools.rows[1].cells[4].number == Approx(10));  // what was not there before has no rate yet
    CHECK(make_table(tab::workers, between).rows.size() == 3);
}

TEST_CASE("table: threads keep their order, the bulk ones last", "[cli]") {
    const auto now =
        with(1, {{"uptime", 2.0}, {"threads", {{{"run", 4}}, {{"run", 8}}}}, {"bulk_threads", {{{"run", 2}}}}});
    auto listed = make_table(tab::threads, rates{nullptr, now});
    sort(listed, listed.sorted_at_first, false);
    CHECK(keys(listed) == std::vector<std::string>{"worker 0", "worker 1", "bulk 0"});
    CHECK(listed.rows[1].cells[1].number == Approx(4));
}
