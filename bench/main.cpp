// executor_bench [--tiny] [--benchmark_filter=REGEX] [--benchmark_...]: the executor beside its peers.
//
// scripts/bench.sh runs all of it in rounds and writes docs/PERFORMANCE.md.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string_view>

#include "bench/workloads.hpp"

namespace {

/// Removes a flag of ours from the command line, of which Google Benchmark must not see it. True: it was there.
bool take_flag(int& argc, char** argv, std::string_view flag) {
    char** const end = argv + argc;
    char** const kept = std::remove_if(argv + 1, end, [flag](const char* each) { return each == flag; });
    argc -= static_cast<int>(end - kept);
    return kept != end;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace gatherd::bench;
    const sizes of = take_flag(argc, argv, "--tiny") ? sizes::tiny() : sizes{};
    add_fib(of.fib);
    add_fib_task(of.fib_task);
    add_skynet(of.skynet);
    add_nqueens(of.nqueens);
    add_spawn_join(of.spawn_join);
    add_batches(of.batches);
    add_post(of.post);
    add_yield(of.yield);
    add_sleepers(of.sleepers);
    add_wake(of.wake);
    add_pingpong(of.pingpong);
    add_channel(of.channel);
    add_mutex(of.mutex);
    benchmark::AddCustomContext("compiler", COMPILER);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    const bool some_matched = benchmark::RunSpecifiedBenchmarks() > 0;
    benchmark::Shutdown();
    return some_matched ? 0 : 1;
}
