/// \file
/// What one row of the results is: a workload on a runtime, of a size, on so many workers.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace gatherd::bench {

/// How large a row is.
struct shape {
    std::int64_t size;
    int workers;
};

/// Makes the runtime, then repeats the workload `for (auto _ : state)`; checks what comes out with expect().
using body = void (*)(benchmark::State& state, shape of);

/// Registers `<workload>/<runtime>/<size>/<workers>`, for one worker and for two. Wall-clock time counts; the CPU time
/// shown is that of all threads.
void add_rows(const char* workload, const char* runtime, std::int64_t size, body run);

/// Ends the program when a result is wrong: a wrong answer has no speed.
void expect(bool right, const char* what);

/// How many pieces one repetition was made of: gives the time a piece.
inline void set_pieces(benchmark::State& state, std::int64_t pieces) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * pieces);
}

}  // namespace gatherd::bench
