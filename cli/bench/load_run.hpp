/// \file
/// A whole load test: its processes started, watched and counted together.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cli/bench/load_options.hpp"
#include "cli/bench/server_usage.hpp"
#include "cli/bench/tally.hpp"
#include "cli/bench/workload.hpp"
#include "config/address.hpp"

namespace gatherd::cli::bench {

/// What the server's processes used, where it could be seen.
struct server_record {
    std::vector<int> processes;
    usage before;                           // there was a connection
    usage connected;                        // all connections were there, and nothing was asked
    usage begun;                            // the time that is measured
    usage ended;                            // the time that is measured
    usage finished;                         // all was answered, and the connections still open
    std::uint64_t peak_resident_bytes = 0;  // as seen every 20 ms
    std::uint64_t peak_private_bytes = 0;
};

struct load_outcome {
    tally counted;
    std::chrono::nanoseconds measured{};  // the time over which counted.tasks and counted.requests were counted
    std::optional<server_record> server;
    bool interrupted = false;  // by SIGINT or SIGTERM
};

/// How far a run is, for a person.
struct load_progress {
    std::chrono::nanoseconds elapsed;
    std::uint64_t tasks;
    std::uint64_t failures;
};

/// Runs the test in processes of its own and calls `progress` several times a second. SIGINT or SIGTERM end the run
/// early; what was counted by then is given. Blocks the caller, which must have one thread only: it forks.
/// Throws connection_error where the server cannot be reached.
[[nodiscard]] load_outcome run_load(const config::address& server, const load_options& options, const workload& shapes,
                                    const std::function<void(const load_progress&)>& progress);

}  // namespace gatherd::cli::bench
