#include <pthread.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <thread>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/to_thread.hpp"

using namespace gatherd::executor;

namespace {

task<cpu_mask> of_a_task() {
    co_return cpu_mask::of_this_thread();
}

task<cpu_mask> of_a_blocking_call() {
    co_return co_await to_thread([] { return cpu_mask::of_this_thread(); });
}

task<cpu_mask> of_a_thread_of_its_own(bool frees_itself) {
    cpu_mask seen;
    scheduler* const on = scheduler::current();
    std::thread{[&] {
        if (frees_itself) {
            on->use_all_cpus();
        }
        seen = cpu_mask::of_this_thread();
    }}.join();
    co_return seen;
}

task<cpu_mask> of_a_computation() {
    co_return co_await compute([] { return cpu_mask::of_this_thread(); });
}

/// Stays on its worker until every worker runs one of these: so each has to show its own mask.
task<> shows_mask(std::vector<cpu_mask>& masks, std::atomic<std::size_t>& arrived) {
    masks[worker::current()->index()] = cpu_mask::of_this_thread();
    ++arrived;
    while (arrived < masks.size()) {
        std::this_thread::yield();
    }
    co_return;
}

task<> shows_all(std::vector<cpu_mask>& masks) {
    std::atomic<std::size_t> arrived{0};
    std::vector<task_handle<>> all;
    for (std::size_t i = 0; i < masks.size(); ++i) {
        all.push_back(create_task(shows_mask(masks, arrived)));
    }
    for (const auto& each : all) {
        co_await each;
    }
}

std::vector<cpu_mask> masks_of_workers(scheduler& on) {
    std::vector<cpu_mask> masks(on.workers());
    run(on, shows_all(masks));
    return masks;
}

}  // namespace

TEST_CASE("pinning: each worker has a CPU, and beyond the last they begin again", "[executor]") {
    const std::vector<std::size_t> cpus = cpu_mask::of_this_thread().cpus();
    scheduler on{{.workers = cpus.size() + 1, .pin_workers = true}};
    CHECK(on.pinned_workers() == on.workers());
    const auto masks = masks_of_workers(on);
    for (std::size_t i = 0; i < masks.size(); ++i) {
        CHECK(masks[i] == cpu_mask::single(cpus[i % cpus.size()]));
    }
}

TEST_CASE("pinning: of the CPUs that the maker may use, no other is taken", "[executor]") {
    const std::size_t last = cpu_mask::of_this_thread().cpus().back();
    std::thread{[last] {
        REQUIRE(cpu_mask::single(last).apply_to(pthread_self()));
        scheduler on{{.workers = 2, .pin_workers = true}};
        CHECK(masks_of_workers(on) == std::vector<cpu_mask>(2, cpu_mask::single(last)));
        CHECK(run(on, of_a_blocking_call()) == cpu_mask::single(last));
    }}.join();
}

TEST_CASE("pinning: the lanes' threads use all CPUs", "[executor]") {
    const cpu_mask all = cpu_mask::of_this_thread();
    scheduler on{{.workers = 2, .pin_workers = true}};
    REQUIRE(run(on, of_a_task()).cpus().size() == 1);
    CHECK(run(on, of_a_blocking_call()) == all);
    CHECK(run(on, of_a_computation()) == all);
}

TEST_CASE("pinning: a thread that a task starts inherits the CPU, unless it asks for all", "[executor]") {
    const cpu_mask all = cpu_mask::of_this_thread();
    scheduler on{{.workers = 1, .pin_workers = true}};
    CHECK(run(on, of_a_thread_of_its_own(false)) == cpu_mask::single(all.cpus().front()));
    CHECK(run(on, of_a_thread_of_its_own(true)) == all);
}

TEST_CASE("pinning: who does not ask for it is left alone", "[executor]") {
    const cpu_mask all = cpu_mask::of_this_thread();
    scheduler on{{.workers = 2}};
    CHECK(on.pinned_workers() == 0);
    CHECK(masks_of_workers(on) == std::vector<cpu_mask>(2, all));
    CHECK(run(on, of_a_thread_of_its_own(true)) == all);
}
