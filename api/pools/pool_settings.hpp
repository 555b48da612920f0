/// \file
/// What a pool is to be.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatherd::api::pools {

/// One of the settings `pools`.
struct pool_settings {
    std::string name{};
    std::vector<std::string> command{};  ///< at least one word
    std::size_t processes = 1;
    std::vector<std::string> functions{};      ///< names that it will serve
    std::optional<std::size_t> concurrency{};  ///< calls at a time of each process; none: as it says itself
    std::map<std::string, std::string> env{};  ///< beyond the daemon's
    std::string cwd{};                         ///< empty: the daemon's
    std::uint64_t max_calls = 0;               ///< of a process; 0: not bounded
    std::uint64_t max_memory = 0;              ///< bytes that a process has in memory; 0: not bounded
    std::chrono::milliseconds max_age{0};      ///< of a process; 0: not bounded
    std::string user{};                        ///< empty: the daemon's
    std::chrono::milliseconds start_time = std::chrono::seconds{10};  ///< until it serves
    std::optional<std::chrono::milliseconds> cancel_time{};           ///< none: workers.cancel_time
    std::chrono::milliseconds drain_time = std::chrono::seconds{30};  ///< for its calls, when it is to end
    std::chrono::milliseconds restart_min = std::chrono::milliseconds{100};
    std::chrono::milliseconds restart_max = std::chrono::seconds{10};

    friend bool operator==(const pool_settings&, const pool_settings&) = default;
};

}  // namespace gatherd::api::pools
