// Tasks that do almost nothing, created a hundred at a time and awaited one by one: work that is too small to be
// shared.
#include <cstddef>
#include <vector>

#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

constexpr long batch = 100;

executor::task<long> one(long number) {
    co_return number;
}

executor::task<long> batches(long tasks) {
    long sum = 0;
    std::vector<executor::task_handle<long>> created;
    for (long done = 0; done < tasks; done += batch) {
        created.clear();
        for (long i = 0; i < batch; ++i) {
            created.push_back(executor::create_task(one(1)));
        }
        for (const auto& each : created) {
            sum += co_await each;
        }
    }
    co_return sum;
}

/// The batches of a task that another one created: its children go another way than those of a program's root.
executor::task<long> deeper(long tasks) {
    co_return co_await executor::create_task(batches(tasks));
}

template <executor::task<long> (*Main)(long)>
void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, Main(of.size)) == of.size, "batches/gatherd");
    }
    set_pieces(state, of.size);
}

}  // namespace

void add_batches(std::int64_t size) {
    add_rows("batches", "gatherd", size, rows<batches>);
    add_rows("batches_deeper", "gatherd", size, rows<deeper>);
}

}  // namespace gatherd::bench
