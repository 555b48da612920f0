/// \file
/// How a load test runs: what its command line says, without what is sent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cli/bench/schedule.hpp"

namespace gatherd::cli::bench {

struct load_options {
    std::size_t processes = 1;
    std::size_t connections = 1;  // of all processes together
    std::size_t pipeline = 1;     // requests of a connection at a time
    std::optional<double> rate;   // requests a second of all together: an open loop
    phases times;
    std::optional<std::uint64_t> requests;  // of all together: the run ends with them
    std::chrono::nanoseconds patience{};    // after the end, from one answer that is owed to the next
    bool any_result = false;                // results are not compared
};

}  // namespace gatherd::cli::bench
