/// \file
/// process.run: a program of the machine, without a shell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// What process.run may do. By default nothing: no program is allowed.
struct process_settings {
    std::vector<std::string> allow{};  ///< names looked up in `path`, absolute paths, or "*"
    std::string path = "/usr/local/bin:/usr/bin:/bin";
    std::vector<std::string> env{};              ///< variables that a call may set, or "*"
    std::uint64_t max_memory = 0;                ///< bytes; 0: not bounded
    std::uint64_t max_cpu = 0;                   ///< seconds; 0: not bounded
    std::size_t running = 64;                    ///< processes at a time
    std::size_t starting = 2;                    ///< of these, on their way into being at a time
    std::map<std::string, std::string> roots{};  ///< file.roots: where a call may run its program
    bool is_anywhere = false;                    ///< no roots: a call may run its program in any folder
    std::optional<std::uint64_t> open_files{};   ///< the soft limit that a process begins with
};

/// Adds process.run. Throws std::invalid_argument if an allowed program lies below a root, where clients may write.
void add_process(plan::registry& functions, const process_settings& settings);

}  // namespace gatherd::api::functions
