// Not built under sanitizers: there every block comes from operator new.
#include "gatherd/executor/detail/frame_pool.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

using gatherd::executor::frame_pool;

namespace {

constexpr std::size_t slab_size = 64 * 1024;  // as frame_pool.hpp has it
constexpr std::size_t page_size = 4096;
constexpr std::size_t kept_slabs = 64;  // as frame_pool.cpp has it

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
std::size_t resident(const slabs& of) {
    std::size_t count = 0;
    for (const std::uintptr_t slab : of) {
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

}  // namespace

TEST_CASE("frame_pool: a block has the size that was asked for, and is aligned", "[executor]") {
    for (const std::size_t size : {1UL, 31UL, 32UL, 33UL, 500UL, 2048UL, 2049UL, 100'000UL}) {
        void* const first = frame_pool::allocate(size);
        void* const second = frame_pool::allocate(size);
        CHECK(reinterpret_cast<std::uintptr_t>(first) % alignof(std::max_align_t) == 0);
        std::memset(first, 1, size);
        std::memset(second, 2, size);
        CHECK(static_cast<unsigned char*>(first)[size - 1] == 1);
        frame_pool::deallocate(second, size);
        frame_pool::deallocate(first, size);
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
        for (int round = 0; round < rounds; ++round) {
            made.acquire();
            give_back(on_the_way, size);
            frame_pool::send_home();  // else as many as a batch may be missing
            ended.release();
        }
    }};
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
        std::thread{[&] { give_back(take(1000, 256, seen), 256); }}.join();
    }
    CHECK(seen.size() <= 2 * (1000 * 256 / (slab_size - page_size) + 1));
}

TEST_CASE("frame_pool: a block may outlive its thread", "[executor]") {
    slabs seen;
    std::vector<void*> left;
    std::thread{[&] { left = take(1000, 256, seen); }}.join();
    for (const void* const each : left) {
        REQUIRE(*static_cast<const unsigned char*>(each) == 0x5a);
    }
    give_back(left, 256);
    std::thread{[&] { give_back(take(1000, 256, seen), 256); }}.join();  // it takes over what the other one had
    CHECK(seen.size() <= 2 * (1000 * 256 / (slab_size - page_size) + 1));
}

// Takes a second: so long must a slab have been idle.
TEST_CASE("frame_pool: trim gives the pages of idle slabs back, but for some megabytes", "[executor]") {
    slabs seen;
    give_back(take(32 * 1024, 2048, seen), 2048);  // 64 MiB
    REQUIRE(seen.size() > 10 * kept_slabs);
    CHECK(resident(seen) > 10 * kept_slabs);
    while (frame_pool::trim()) {  // "look again in a second"
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    CHECK(resident(seen) <= kept_slabs + 2);  // and what the thread takes its next blocks from
}
