#include "gatherd/executor/detail/injection_queue.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <vector>

#include "gatherd/executor/detail/work_list.hpp"
#include "gatherd/executor/work.hpp"

using namespace gatherd::executor;

namespace {

struct item : work {
    item() : work{[](work&) noexcept {}} {}
};

/// Five items, pushed as a list of two and a list of three, and their numbers in what comes out.
struct five {
    std::array<item, 5> items;
    injection_queue<> queue;

    five() {
        push(0, 2);
        push(2, 5);
    }
    void push(std::size_t first, std::size_t last) {
        work_list list;
        for (std::size_t i = first; i < last; ++i) {
            list.push(items[i]);
        }
        queue.push(list);
        CHECK(list.empty());
    }
    [[nodiscard]] std::vector<std::ptrdiff_t> take(std::size_t most) {
        work_list taken;
        queue.take(most, taken);
        std::vector<std::ptrdiff_t> numbers;
        while (!taken.empty()) {
            numbers.push_back(static_cast<item*>(&taken.pop()) - items.data());
        }
        return numbers;
    }
};

}  // namespace

TEST_CASE("injection_queue: items come out in the order in which they went in, as many as asked for", "[executor]") {
    five all;
    CHECK(all.queue.size() == 5);
    CHECK(all.take(3) == std::vector<std::ptrdiff_t>{0, 1, 2});
    CHECK(all.queue.size() == 2);
    all.push(0, 1);
    CHECK(all.take(0).empty());
    CHECK(all.take(64) == std::vector<std::ptrdiff_t>{3, 4, 0});
    CHECK(all.queue.empty());
    CHECK(all.take(64).empty());
}

TEST_CASE("injection_queue: what is taken stands behind what was taken before", "[executor]") {
    five all;
    work_list taken;
    all.queue.take(1, taken);
    all.queue.take(1, taken);
    CHECK(&taken.pop() == &all.items[0]);
    CHECK(&taken.pop() == &all.items[1]);
}
