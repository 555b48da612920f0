// Results and locals whose alignment is above what operator new gives by itself.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"

using namespace gatherd::executor;

namespace {

/// Counts the objects of it that stand where they may not.
template <std::size_t Alignment, std::size_t Size>
struct alignas(Alignment) aligned {
    explicit aligned(int n = 0) noexcept : number{n} { look(); }
    aligned(const aligned& other) noexcept : number{other.number} { look(); }
    aligned& operator=(const aligned& other) noexcept {
        number = other.number;
        return *this;
    }
    ~aligned() { look(); }

    void look() const noexcept {
        const volatile auto address = reinterpret_cast<std::uintptr_t>(this);  // the compiler trusts alignas
        misplaced += address % Alignment != 0 ? 1 : 0;
    }

    static inline std::atomic<int> misplaced{0};

    int number;
    std::byte rest[Size - sizeof(int)]{};
};

using plain = aligned<8, 8>;

template <typename T>
task<T> gives(int n) {
    const T local{n};
    co_await yield();
    local.look();
    co_return local;
}

template <typename T>
task<> puts(queue<T>& items) {
    co_await items.put(T{3});
    co_await items.put(T{4});
}

template <typename T>
forked<T> forks(int depth) {
    if (depth == 0) {
        co_return T{1};
    }
    T left{};
    T right{};
    co_await fork(left, forks<T>(depth - 1));
    co_await call(right, forks<T>(depth - 1));
    co_await join();
    co_return T{left.number + right.number};
}

template <typename T>
task<int> uses_all() {
    int sum = 0;
    const T awaited = co_await gives<T>(1);
    awaited.look();
    sum += awaited.number;

    const auto handle = create_task(gives<T>(2));
    const T& of_task = co_await handle;
    of_task.look();
    sum += of_task.number;

    queue<T> items{1};
    const auto putting = create_task(puts(items));
    const T first = co_await items.get();
    const T second = co_await items.get();
    sum += first.number + second.number;
    co_await putting;

    std::vector<task<T>> range;
    for (int i = 5; i < 8; ++i) {
        range.push_back(gives<T>(i));
    }
    for (const T& each : co_await gather(std::move(range))) {
        each.look();
        sum += each.number;
    }
    const auto both = co_await gather(gives<T>(8), gives<plain>(9));
    std::get<0>(both).look();
    sum += std::get<0>(both).number + std::get<1>(both).number;

    promise<T> result;
    result.set_result(T{10});
    const future<T> to_come = result.get_future();
    const T& of_future = co_await to_come;
    of_future.look();
    sum += of_future.number;

    const auto call = [] { return T{11}; };
    const T called = co_await to_thread(call);
    const T computed = co_await fork_join(forks<T>(3));
    co_return sum + called.number + computed.number;
}

}  // namespace

TEMPLATE_TEST_CASE("alignment: results, items and locals stand where their type says", "[executor]", (aligned<32, 32>),
                   (aligned<64, 64>), (aligned<64, 192>), (aligned<32, 2080>), (aligned<64, 2112>), (aligned<64, 4096>),
                   (aligned<4096, 4096>), (aligned<4096, 8192>)) {
    CHECK(run(uses_all<TestType>()) == 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 8);
    CHECK(TestType::misplaced == 0);
}
