// Not built under sanitizers: there every block comes from operator new.
#include "gatherd/executor/detail/frame_pool.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <latch>
#include <optional>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

using gatherd::executor::frame_pool;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t slab_size = 64 * 1024;  // as frame_pool.hpp has it
constexpr std::size_t page_size = 4096;
constexpr std::size_t kept_slabs = 8;  // as frame_pool.cpp has it

using slabs = std::set<std::uintptr_t>;

[[nodiscard]] std::uintptr_t slab_of(const void* block) {
    return reinterpret_cast<std::uintptr_t>(block) / slab_size;
}

std::vector<void*> take(std::size_t count, std::size_t size, slabs& seen) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) {
        blocks.push_back(frame_pool::allocate(size));
        std::memset(blocks.back(), 0x5a, size);  // so that it has pages
        seen.insert(slab_of(blocks.back()));
    }
    return blocks;
}

void give_back(const std::vector<void*>& blocks, std::size_t size) {
    for (void* const each : blocks) {
        frame_pool::deallocate(each, size);
    }
}

/// How many of these slabs have a page in memory.
std::size_t resident(const slabs& some) {
    std::size_t count = 0;
    for (const std::uintptr_t slab : some) {
        unsigned char pages[slab_size / page_size] = {};
        REQUIRE(mincore(reinterpret_cast<void*>(slab * slab_size), slab_size, pages) == 0);
        bool any = false;
        for (const unsigned char each : pages) {
            any = any || (each & 1) != 0;
        }
        count += any ? 1 : 0;
    }
    return count;
}

/// The clock that rest() is given: it goes on by a second when a test says so.
std::chrono::steady_clock::time_point passed(std::chrono::seconds more = 0s) {
    static auto now = std::chrono::steady_clock::now();
    return now += more;
}

/// What an idle worker does: it looks again each second, as long as it is told to. Gives how often.
int rest_until_done() {
    int looks = 0;
    while (frame_pool::rest(passed(1s))) {
        ++looks;
        REQUIRE(looks < 10);
    }
    return looks;
}

/// A worker without work.
void idle_worker() {
    std::thread{[] {
        const frame_pool::membership own;
        frame_pool::deallocate(frame_pool::allocate(16), 16);  // it has done something
        rest_until_done();
    }}.join();
}

/// The slabs that all pools use, when what nobody needs has been given up.
std::size_t used_slabs() {
    idle_worker();
    return frame_pool::slabs().used;
}

constexpr std::size_t much = 64 * 1024;  // blocks of 1 KiB: 64 MiB

}  // namespace

TEST_CASE("frame_pool: a block has the size that was asked for, and the alignment that the size may need",
          "[executor]") {
    for (const bool has_pool : {false, true}) {
        std::optional<frame_pool::membership> own;
        if (has_pool) {
            own.emplace();
        }
        for (const std::size_t size : {1UL, 31UL, 32UL, 33UL, 64UL, 192UL, 500UL, 1024UL, 1536UL, 2048UL, 2049UL,
                                       2080UL, 4096UL, 12'288UL, 16'384UL, 100'000UL}) {
            std::vector<void*> blocks;
            for (int i = 0; i < 100; ++i) {
                void* const block = frame_pool::allocate(size);
                const std::size_t divides = size & (~size + 1);
                const std::size_t wanted = divides < 16 ? 16 : divides > 4096 ? 4096 : divides;
                REQUIRE(reinterpret_cast<std::uintptr_t>(block) % wanted == 0);
                std::memset(block, i, size);
                blocks.push_back(block);
            }
            for (int i = 0; i < 100; ++i) {
                auto* const bytes = static_cast<unsigned char*>(blocks[static_cast<std::size_t>(i)]);
                REQUIRE((bytes[0] == i && bytes[size - 1] == i));
                frame_pool::deallocate(bytes, size);
            }
        }
    }
}

TEST_CASE("frame_pool: a block that was given back is the next one", "[executor]") {
    void* const first = frame_pool::allocate(100);
    frame_pool::deallocate(first, 100);
    void* const again = frame_pool::allocate(100);
    CHECK(again == first);
    frame_pool::deallocate(again, 100);
}

TEST_CASE("frame_pool: blocks that another thread gives back come home", "[executor]") {
    constexpr std::size_t blocks_a_round = 10'000;
    constexpr std::size_t size = 256;
    constexpr int rounds = 100;  // half a million kilobytes, if none came home
    slabs seen;
    std::vector<void*> on_the_way;
    std::binary_semaphore made{0};
    std::binary_semaphore ended{0};
    std::thread consumer{[&] {
        const frame_pool::membership own;
        for (int round = 0; round < rounds; ++round) {
            made.acquire();
            give_back(on_the_way, size);
            frame_pool::rest(passed());  // else as many as a batch may be missing
            ended.release();
        }
    }};
    const frame_pool::membership own;
    for (int round = 0; round < rounds; ++round) {
        on_the_way = take(blocks_a_round, size, seen);
        made.release();
        ended.acquire();
    }
    consumer.join();
    const std::size_t of_one_round = blocks_a_round / ((slab_size - page_size) / size) + 1;
    CHECK(seen.size() <= 2 * of_one_round);
}

TEST_CASE("frame_pool: what a thread held is used by the next one, after its end", "[executor]") {
    slabs seen;
    for (int round = 0; round < 50; ++round) {
        std::thread{[&] {
            const frame_pool::membership own;
            give_back(take(1000, 256, seen), 256);
        }}.join();
    }
    CHECK(seen.size() <= 2 * (1000 * 256 / (slab_size - page_size) + 1));
}

TEST_CASE("frame_pool: a block may outlive its thread", "[executor]") {
    const std::size_t before = used_slabs();
    slabs seen;
    std::vector<void*> left;
    std::thread{[&] {
        const frame_pool::membership own;
        left = take(1000, 256, seen);
    }}.join();
    for (const void* const each : left) {
        REQUIRE(*static_cast<const unsigned char*>(each) == 0x5a);
    }
    give_back(left, 256);
    CHECK(used_slabs() == before);
}

TEST_CASE("frame_pool: several threads without a pool of their own share one", "[executor]") {
    constexpr std::size_t threads = 4;
    const std::size_t before = used_slabs();
    std::latch all_there{threads};
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < threads; ++i) {
        all.emplace_back([&all_there] {
            all_there.arrive_and_wait();
            for (int round = 0; round < 20; ++round) {
                slabs seen;
                give_back(take(500, 128, seen), 128);
            }
        });
    }
    for (auto& each : all) {
        each.join();
    }
    CHECK(used_slabs() == before);
}

TEST_CASE(
    "frame_pool: what a thread without a pool made and a worker ended is given up, though the thread does nothing",
    "[executor]") {
    const std::size_t before = used_slabs();
    slabs seen;
    const std::vector<void*> made = take(much, 1024, seen);
    REQUIRE(frame_pool::slabs().used >= before + seen.size() - 1);
    std::thread{[&made] {
        const frame_pool::membership own;
        give_back(made, 1024);
        rest_until_done();
    }}.join();
    CHECK(frame_pool::slabs().used == before);
    CHECK(frame_pool::slabs().kept <= kept_slabs);
    CHECK(resident(seen) <= kept_slabs);
}

TEST_CASE("frame_pool: what a worker made and others ended is given up, though the worker sleeps", "[executor]") {
    const std::size_t before = used_slabs();
    slabs seen;
    std::vector<void*> made;
    std::latch sleeps{1};
    std::latch is_over{1};
    std::thread maker{[&] {
        const frame_pool::membership own;
        made = take(much, 1024, seen);
        frame_pool::rest(passed());
        sleeps.count_down();
        is_over.wait();
    }};
    sleeps.wait();
    SECTION("by a worker") {
        std::thread{[&made] {
            const frame_pool::membership own;
            give_back(made, 1024);
            frame_pool::rest(passed());
        }}.join();
    }
    SECTION("by a thread without a pool") {
        give_back(made, 1024);
    }
    CHECK(used_slabs() == before);
    CHECK(resident(seen) <= kept_slabs);
    is_over.count_down();
    maker.join();
}

TEST_CASE("frame_pool: what was ended while its maker ran is given up when the maker sleeps", "[executor]") {
    const std::size_t before = used_slabs();
    slabs seen;
    std::vector<void*> made;
    std::latch runs{1};
    std::latch goes_to_sleep{1};
    std::latch sleeps{1};
    std::latch is_over{1};
    std::thread maker{[&] {
        const frame_pool::membership own;
        made = take(much, 1024, seen);
        runs.count_down();
        goes_to_sleep.wait();
        frame_pool::rest(passed());
        sleeps.count_down();
        is_over.wait();
    }};
    runs.wait();
    std::thread{[&made] {
        const frame_pool::membership own;
        give_back(made, 1024);
    }}.join();
    CHECK(used_slabs() > before);  // only the maker may touch its slabs while it runs
    goes_to_sleep.count_down();
    sleeps.wait();
    CHECK(used_slabs() == before);
    is_over.count_down();
    maker.join();
}

TEST_CASE("frame_pool: a worker that rests again without work is told to look no more", "[executor]") {
    idle_worker();
    const frame_pool::membership own;
    CHECK_FALSE(frame_pool::rest(passed(1s)));
    frame_pool::deallocate(frame_pool::allocate(16), 16);
    CHECK(frame_pool::rest(passed(1s)));
    CHECK(rest_until_done() <= 2);
}
