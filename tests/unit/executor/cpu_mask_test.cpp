#include "gatherd/executor/detail/cpu_mask.hpp"

#include <pthread.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

using gatherd::executor::cpu_mask;

TEST_CASE("cpu_mask: a thread runs where its mask says, and who it starts does so too", "[executor]") {
    const cpu_mask all = cpu_mask::of_this_thread();
    REQUIRE_FALSE(all.empty());
    const std::size_t last = all.cpus().back();
    cpu_mask of_itself;
    cpu_mask of_its_child;
    std::thread{[&] {
        REQUIRE(cpu_mask::single(last).apply_to(pthread_self()));
        of_itself = cpu_mask::of_this_thread();
        std::thread{[&] { of_its_child = cpu_mask::of_this_thread(); }}.join();
    }}.join();
    CHECK(of_itself == cpu_mask::single(last));
    CHECK(of_its_child == cpu_mask::single(last));
    CHECK(cpu_mask::of_this_thread() == all);
}

TEST_CASE("cpu_mask: it names its CPUs in ascending order, also beyond a word of the kernel", "[executor]") {
    CHECK(cpu_mask{}.cpus().empty());
    CHECK(cpu_mask::single(0).cpus() == std::vector<std::size_t>{0});
    CHECK(cpu_mask::single(64).cpus() == std::vector<std::size_t>{64});
    CHECK(cpu_mask::single(5000).cpus() == std::vector<std::size_t>{5000});
    const auto all = cpu_mask::of_this_thread().cpus();
    CHECK(std::ranges::is_sorted(all));
}

TEST_CASE("cpu_mask: a CPU that is not there is refused, and changes nothing", "[executor]") {
    const cpu_mask before = cpu_mask::of_this_thread();
    CHECK_FALSE(cpu_mask::single(100'000).apply_to(pthread_self()));
    CHECK_FALSE(cpu_mask{}.apply_to(pthread_self()));
    CHECK(cpu_mask::of_this_thread() == before);
}
