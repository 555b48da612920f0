#include "bench/rows.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace gatherd::bench {

void add_rows(const char* workload, const char* runtime, std::int64_t size, body run) {
    for (const int workers : {1, 2}) {
        const std::string name =
            std::string{workload} + '/' + runtime + '/' + std::to_string(size) + '/' + std::to_string(workers);
        benchmark::RegisterBenchmark(name.c_str(), run, shape{size, workers})
            ->UseRealTime()
            ->MeasureProcessCPUTime()
            ->Unit(benchmark::kMillisecond);
    }
}

void expect(bool right, const char* what) {
    if (!right) {
        std::fprintf(stderr, "executor_bench: wrong result: %s\n", what);
        std::abort();
    }
}

}  // namespace gatherd::bench
