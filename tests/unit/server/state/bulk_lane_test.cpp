#include "api/server/state/bulk_lane.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iterator>
#include <latch>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace gatherd::api::server {
namespace {

/// Holds jobs and what they take.
struct receiver {
    void take(std::unique_ptr<int> what) { got = *what; }
    std::atomic<int> got{0};
};

auto threads_of_this_process() {
    const std::filesystem::directory_iterator tasks{"/proc/self/task"};
    return std::distance(begin(tasks), end(tasks));
}

}  // namespace

TEST_CASE("bulk_lane: one thread runs its jobs in the order in which they came", "[server]") {
    constexpr int many = 20;
    std::latch all_are_there{1};
    std::vector<int> order;  // the lane's thread's until stop
    bulk_lane lane{1};
    lane.submit(nullptr, [&] { all_are_there.wait(); });
    for (int i = 0; i < many; ++i) {
        lane.submit(nullptr, [&order, i] { order.push_back(i); });
    }
    all_are_there.count_down();
    lane.stop();
    std::vector<int> expected(many);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(order == expected);
}

TEST_CASE("bulk_lane: a client with many jobs delays the job of another by one, and reports delay work by one",
          "[server]") {
    std::latch has_begun{1};
    std::latch all_are_there{1};
    std::string order;  // the lane's thread's until stop
    bulk_lane lane{1};
    const auto greedy = std::make_shared<int>();
    lane.submit(nullptr, [&] {
        has_begun.count_down();
        all_are_there.wait();
    });
    has_begun.wait();
    for (int i = 0; i < 3; ++i) {
        lane.submit_report(std::make_shared<int>(), [&order] { order += 'r'; });
    }
    for (int i = 0; i < 4; ++i) {
        lane.submit(greedy, [&order] { order += 'g'; });
    }
    lane.submit(std::make_shared<int>(), [&order] { order += 'n'; });
    all_are_there.count_down();
    lane.stop();
    CHECK(order == "rgrnrggg");
}

TEST_CASE("bulk_lane: what waits when it stops is run before stop returns", "[server]") {
    constexpr int many = 100;
    std::atomic<int> run{0};
    bulk_lane lane{2};
    for (int i = 0; i < many; ++i) {
        lane.submit(nullptr, [&run] {
            std::this_thread::yield();
            ++run;
        });
    }
    lane.stop();
    CHECK(run == many);
    lane.stop();  // again: there is nothing to do
    CHECK(run == many);
}

TEST_CASE("bulk_lane: it has finished when no job is left, nor one that a job submitted", "[server]") {
    std::atomic<int> run{0};
    bulk_lane lane{2};
    lane.finish();  // there was none
    for (int i = 0; i < 100; ++i) {
        lane.submit(nullptr, [&lane, &run] {
            lane.submit(nullptr, [&run] {
                std::this_thread::yield();
                ++run;
            });
        });
    }
    lane.finish();
    CHECK(run == 100);
    lane.submit(nullptr, [&run] { ++run; });
    lane.finish();
    CHECK(run == 101);
}

TEST_CASE("bulk_lane: a job that waits for another has it run beside it", "[server]") {
    std::latch both{2};
    bulk_lane lane{2};
    for (int i = 0; i < 2; ++i) {
        lane.submit(nullptr, [&both] { both.arrive_and_wait(); });
    }
    lane.stop();
    CHECK(both.try_wait());
}

TEST_CASE("bulk_lane: it starts as many threads as are needed, and no more than it may", "[server]") {
    std::latch is_over{1};
    const auto before = threads_of_this_process();
    bulk_lane lane{2};
    CHECK(threads_of_this_process() == before);
    lane.submit(nullptr, [&is_over] { is_over.wait(); });
    CHECK(threads_of_this_process() == before + 1);
    for (int i = 0; i < 10; ++i) {
        lane.submit(nullptr, [&is_over] { is_over.wait(); });
    }
    CHECK(threads_of_this_process() == before + 2);
    is_over.count_down();
}

TEST_CASE("bulk_lane: its threads give way to others", "[server]") {
    constexpr int nice = 5;
    std::atomic<int> niceness{-100};
    bulk_lane lane{1};
    lane.submit(nullptr, [&niceness] { niceness = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); });
    lane.stop();
    CHECK(niceness >= nice);
}

TEST_CASE("bulk_lane: what a job keeps alive may submit as it goes", "[server]") {
    std::latch is_run{1};
    bulk_lane lane{1};
    auto kept = std::shared_ptr<int>{new int{1}, [&](const int* gone) {
                                         delete gone;
                                         lane.submit(nullptr, [&is_run] { is_run.count_down(); });
                                     }};
    lane.submit(nullptr, [kept = std::move(kept)] {});
    is_run.wait();  // for ever, if it went under the lane's lock
    lane.stop();
    CHECK(is_run.try_wait());
}

TEST_CASE("bulk_lane: a member is called with a thing that is never copied, and its object let go", "[server]") {
    const auto object = std::make_shared<receiver>();
    bulk_lane lane{1};
    lane.submit(nullptr, object, &receiver::take, std::make_unique<int>(7));
    lane.stop();
    CHECK(object->got == 7);
    CHECK(object.use_count() == 1);
}

}  // namespace gatherd::api::server
