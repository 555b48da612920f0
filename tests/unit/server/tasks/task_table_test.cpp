#include "api/server/tasks/task_table.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/server/tasks/created_task.hpp"
#include "idle_service.hpp"

namespace gatherd::api::server {
namespace {

using tests::idle_service;

/// A table beside the service's own, so that nothing but the test ends its tasks.
struct table_of_its_own {
    explicit table_of_its_own(const limits& of = {}) : bounds{of} {}

    /// A task that runs, as far as the table knows.
    std::shared_ptr<created_task> add(const std::string& id, std::chrono::nanoseconds keep = std::chrono::hours{1}) {
        created_task::options how;
        how.keep = keep;
        how.share = share;
        auto made =
            std::make_shared<created_task>(service.of.state(), table, id, std::move(how), nullptr, task_allowance{});
        table.add(made);
        return made;
    }
    void add_finished(const std::string& id, std::size_t bytes = 1) { table.finish(add(id), bytes); }

    [[nodiscard]] std::string ids() {
        std::string all;
        for (const auto& each : table.all()) {
            all += each->id() + " ";
        }
        return all;
    }
    [[nodiscard]] int met(const char* limit) const { return counts.limits_met().at(limit).get<int>(); }

    idle_service service;
    std::shared_ptr<client_share> share = std::make_shared<client_share>();
    counters counts{service.on};
    live_value<limits> bounds;
    task_table table{service.on, bounds, counts};
};

limits with_kept_results(std::size_t most) {
    limits bounds;
    bounds.kept_results = most;
    return bounds;
}

}  // namespace

TEST_CASE("task_table: beyond the results that may be kept the one that finished first goes, and is counted",
          "[server]") {
    table_of_its_own of{with_kept_results(2)};
    const auto late = of.add("late");  // added first, finished last
    of.add_finished("a");
    of.add_finished("b");
    CHECK(of.table.dropped() == 0);
    of.table.finish(late, 1);
    CHECK(of.ids() == "late b ");
    CHECK(of.table.kept() == 2);
    CHECK(of.table.dropped() == 1);
    CHECK(of.met("limits.kept_results") == 1);
    CHECK(of.met("limits.kept_bytes") == 0);
}

TEST_CASE("task_table: beyond the bytes that may be kept as many of the oldest results go as must", "[server]") {
    limits bounds;
    bounds.kept_bytes = 100;
    table_of_its_own of{bounds};
    of.add_finished("a", 40);
    of.add_finished("b", 40);
    of.add_finished("c", 20);
    CHECK(of.ids() == "a b c ");  // as much as there may be
    of.add_finished("d", 50);
    CHECK(of.ids() == "c d ");
    CHECK(of.table.kept_bytes() == 70);
    CHECK(of.share->bytes() == 70);
    CHECK(of.table.dropped() == 2);
    CHECK(of.met("limits.kept_bytes") == 2);
    of.add_finished("larger than all", 101);
    CHECK(of.table.size() == 0);
    CHECK(of.share->bytes() == 0);
}

TEST_CASE("task_table: where memory is short the oldest half of what is kept goes", "[server]") {
    table_of_its_own of;
    for (const char* id : {"a", "b", "c", "d"}) {
        of.add_finished(id, 10);
    }
    of.table.drop_half();
    CHECK(of.ids() == "c d ");
    CHECK(of.table.kept_bytes() == 20);
    CHECK(of.table.dropped() == 2);
}

TEST_CASE("task_table: what runs is never dropped, however little may be kept", "[server]") {
    table_of_its_own of{with_kept_results(0)};
    for (const char* id : {"a", "b", "c"}) {
        static_cast<void>(of.add(id));
    }
    of.add_finished("d");
    CHECK(of.ids() == "a b c ");
    CHECK(of.table.find("d") == nullptr);
    CHECK(of.table.find("a") != nullptr);
    CHECK(of.table.dropped() == 1);
}

TEST_CASE("task_table: fewer results that may be kept hold from the next call on", "[server]") {
    table_of_its_own of{with_kept_results(3)};
    of.add_finished("a");
    of.add_finished("b");
    of.add_finished("c");
    of.bounds.replace(with_kept_results(1));
    CHECK(of.table.find("a") == nullptr);
    CHECK(of.ids() == "c ");
}

TEST_CASE("task_table: a result is kept as long as its task asked, from its end", "[server]") {
    table_of_its_own of;
    const auto at_once = of.add("not at all", std::chrono::nanoseconds{0});
    const auto forever = of.add("for ever", std::chrono::nanoseconds::max());
    CHECK(of.table.find("not at all") == at_once);  // it runs: its time has not begun
    of.table.finish(at_once, 10);
    of.table.finish(forever, 10);
    CHECK(of.table.kept() == 1);
    CHECK(of.table.find("not at all") == nullptr);
    CHECK(of.table.find("for ever") == forever);
    CHECK(of.met("tasks.keep") == 1);
    CHECK(of.table.dropped() == 0);  // that was its time
    CHECK(of.share->bytes() == 10);
}

TEST_CASE("task_table: what has outlived its time goes by itself, however much that is", "[server]") {
    table_of_its_own of;
    constexpr int many = 3000;
    for (int i = 0; i < many; ++i) {
        of.table.finish(of.add(std::to_string(i), std::chrono::milliseconds{100 + i % 3}), 1);
    }
    while (of.share->bytes() > 0) {  // without a call of the table
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    CHECK(of.met("tasks.keep") == many);
}

TEST_CASE("task_table: only a finished task is forgotten, once", "[server]") {
    table_of_its_own of;
    const auto running = of.add("running");
    of.add_finished("finished", 10);
    of.add_finished("other", 5);
    CHECK_FALSE(of.table.forget("running"));
    CHECK_FALSE(of.table.forget("nobody"));
    CHECK(of.table.forget("finished"));
    CHECK_FALSE(of.table.forget("finished"));
    CHECK(of.ids() == "running other ");
    CHECK(of.share->bytes() == 5);
    CHECK(of.table.dropped() == 0);
    of.table.finish(running, 1);
    CHECK(of.table.forget("running"));
}

TEST_CASE("task_table: results that end together go one by one", "[server]") {
    table_of_its_own of;
    for (const char* id : {"a", "b", "c"}) {  // the same end of their time: the last that the clock knows
        of.table.finish(of.add(id, std::chrono::nanoseconds::max()), 1);
    }
    CHECK(of.table.forget("b"));
    CHECK(of.table.forget("a"));
    CHECK(of.ids() == "c ");
    CHECK(of.table.find("c") != nullptr);
}

TEST_CASE("task_table: an id is 128 bits that differ each time", "[server]") {
    constexpr std::size_t many = 2000;
    std::set<std::string> ids;
    std::array<std::set<char>, 32> digits;
    for (std::size_t i = 0; i < many; ++i) {
        const std::string id = task_table::new_id();
        REQUIRE(id.size() == digits.size());
        for (std::size_t at = 0; at < digits.size(); ++at) {
            digits[at].insert(id[at]);
        }
        ids.insert(id);
    }
    CHECK(ids.size() == many);
    const std::string all = "0123456789abcdef";
    for (const auto& seen : digits) {  // by chance one is missing in one of 10^53 runs
        CHECK(std::string{seen.begin(), seen.end()} == all);
    }
}

TEST_CASE("task_table: ids do not follow from what a process remembers", "[server]") {
    const std::string before = task_table::new_id();
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();  // remembers what we do
    REQUIRE(child >= 0);
    if (child == 0) {
        const std::string id = task_table::new_id();
        _exit(write(ends[1], id.data(), id.size()) == static_cast<ssize_t>(id.size()) ? 0 : 1);
    }
    close(ends[1]);
    std::string theirs(before.size(), '\0');
    CHECK(read(ends[0], theirs.data(), theirs.size()) == static_cast<ssize_t>(theirs.size()));
    close(ends[0]);
    int status = 1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(theirs != task_table::new_id());
    CHECK(theirs != before);
}

TEST_CASE("created_task: a status is of one moment, also while the task ends", "[server]") {
    constexpr int rounds = 200;
    table_of_its_own of;
    std::atomic<int> contradictions{0};
    for (int i = 0; i < rounds; ++i) {
        const auto task = of.add(std::to_string(i));
        std::atomic<bool> is_asking{false};
        std::thread other{[&] {
            for (bool has_ended = false; !has_ended;) {
                const value status = task->status();
                has_ended = status["state"] == "done";
                contradictions += has_ended == status["finished"].is_null() ? 1 : 0;
                is_asking = true;
            }
        }};
        while (!is_asking) {
        }
        task->ended({plan::program_end::way::returned, value{1}, nullptr});
        other.join();
    }
    CHECK(contradictions == 0);
}

}  // namespace gatherd::api::server
