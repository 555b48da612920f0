/// \file
/// A pool of processes that the daemon keeps running, as the settings hold it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace gatherd::config {

/// One member of the setting pools.
struct pool {
    std::string name{};                  // letters, digits, '_', '-' and '.', up to 64
    std::vector<std::string> command{};  // at least one word
    std::uint64_t processes = 0;         // 0: one a CPU
    std::vector<std::string> functions{};
    std::uint64_t concurrency = 0;  // 0: as the process says
    std::map<std::string, std::optional<std::string>>
        env{};                     // none: what the daemon's own environment has, which must be there
    std::string cwd{};             // empty: the daemon's
    std::uint64_t max_calls = 0;   // 0: off, as the next two
    std::uint64_t max_memory = 0;  // bytes
    std::chrono::milliseconds max_age{0};
    std::string user{};  // empty: the daemon's
    std::chrono::milliseconds start_time = std::chrono::seconds{10};
    std::optional<std::chrono::milliseconds> cancel_time{};  // none: workers.cancel_time
    std::chrono::milliseconds drain_time = std::chrono::seconds{30};
    std::chrono::milliseconds restart_min = std::chrono::milliseconds{100};
    std::chrono::milliseconds restart_max = std::chrono::seconds{10};

    friend bool operator==(const pool&, const pool&) = default;
};

/// Reads pools by their names: `{"img": {"command": ["python3", "tasks.py"], "processes": 2}}`. Gives the list, or what
/// is wrong with it for a person.
[[nodiscard]] std::variant<std::vector<pool>, std::string> read_pools(const nlohmann::ordered_json& object);

/// A JSON Schema of what read_pools takes.
[[nodiscard]] nlohmann::ordered_json pools_schema();

/// What read_pools reads back: of each pool what differs from the defaults.
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<pool>& pools);

/// A pool of that command, as a shell would split it: words, and quotes around what has spaces in it. Its name is that
/// of the script, else of the program, with a number behind it if another one of `taken` has it. Or what is wrong.
[[nodiscard]] std::variant<pool, std::string> pool_of_command(std::string_view command, const std::vector<pool>& taken);

}  // namespace gatherd::config
