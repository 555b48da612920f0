/// \file
/// How a process of a pool is started: from the settings to what the system needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/pools/pool_settings.hpp"
#include "api/process/process_spawner.hpp"

namespace gatherd::api::pools {

/// The command with the interpreter that the extension of its program tells (.py, .js, .mjs, .php), where it is left
/// out: the program is no executable script of its own. `folder`: where the program is looked for; empty: here.
[[nodiscard]] std::vector<std::string> with_interpreter(std::vector<std::string> command, const std::string& folder);

/// Threads: any, once it is made.
class launcher {
public:
    /// Looks up the user and its groups, which may take a while. Throws std::runtime_error where there is no such user,
    /// or the daemon may not become it.
    explicit launcher(const pool_settings& settings, std::optional<std::uint64_t> open_files);

    /// For one process. Throws std::runtime_error where the program, its script or the folder cannot be found, or the
    /// program cannot be executed.
    [[nodiscard]] process::process_request request() const;

private:
    const std::vector<std::string> command_;
    const std::string script_;  // that has to be there to be read; empty: none that the command tells
    const std::string folder_;
    std::vector<std::string> environment_{};
    std::string path_{};  // where programs are looked for
    std::optional<process::process_user> user_{};
    const std::optional<std::uint64_t> open_files_;
};

}  // namespace gatherd::api::pools
