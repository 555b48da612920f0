// A million pieces of work from a thread outside the pool: `post` one by one, `post_bulk` all that are ready at once.
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "bench/onetbb_pool.hpp"
#include "bench/roll_call.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::bench {
namespace {

namespace on_gatherd {

/// One piece: the queue links it, and its owner is the caller.
struct piece : executor::work {
    piece(roll_call& list, std::size_t number) noexcept : work{&answer}, all{list}, member{number} {}

    static void answer(executor::work& self) noexcept {
        auto& own = static_cast<piece&>(self);
        own.all.answer(own.member);
    }

    roll_call& all;
    std::size_t member;
};

using pieces = std::span<executor::work* const>;

void submit_each(executor::scheduler& to, pieces all) {
    for (executor::work* const each : all) {
        to.submit(*each);
    }
}

void submit_bulk(executor::scheduler& to, pieces all) {
    to.submit_bulk(all);
}

template <void (*Submit)(executor::scheduler&, pieces)>
void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    const auto size = static_cast<std::size_t>(of.size);
    std::vector<executor::work*> waiting(size);
    std::allocator<piece> memory;
    piece* const first = memory.allocate(size);  // kept, as the other runtimes keep what they once allocated
    for (auto _ : state) {
        roll_call all{size};
        for (std::size_t i = 0; i < size; ++i) {
            waiting[i] = new (first + i) piece{all, i};
        }
        Submit(pool, waiting);
        expect(all.wait_for_all(), "post/gatherd");
    }
    memory.deallocate(first, size);
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_onetbb {

void rows(benchmark::State& state, shape of) {
    onetbb_queue pool{of.workers};
    const auto size = static_cast<std::size_t>(of.size);
    for (auto _ : state) {
        roll_call all{size};
        for (std::size_t i = 0; i < size; ++i) {
            pool.enqueue([&all, i] { all.answer(i); });
        }
        expect(all.wait_for_all(), "post/onetbb_enqueue");
    }
    set_pieces(state, of.size);
}

}  // namespace on_onetbb

namespace on_asio {

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    const auto size = static_cast<std::size_t>(of.size);
    for (auto _ : state) {
        roll_call all{size};
        for (std::size_t i = 0; i < size; ++i) {
            asio::post(pool, [&all, i] { all.answer(i); });
        }
        expect(all.wait_for_all(), "post/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_post(std::int64_t size) {
    add_rows("post", "gatherd", size, on_gatherd::rows<on_gatherd::submit_each>);
    add_rows("post_bulk", "gatherd", size, on_gatherd::rows<on_gatherd::submit_bulk>);
    for (const char* const workload : {"post", "post_bulk"}) {  // neither of these takes several at once
        add_rows(workload, "onetbb_enqueue", size, on_onetbb::rows);
        add_rows(workload, "asio", size, on_asio::rows);
    }
}

}  // namespace gatherd::bench
