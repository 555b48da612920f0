/// \file
/// Paths below the folders that clients may reach: "data/reports/a.txt" is a file below the root "data".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "api/process/descriptor.hpp"

namespace gatherd::api::functions {

using process::descriptor;

/// The folders of file.roots, by name, each of them open. What a path leads to is found by openat2 with
/// RESOLVE_BENEATH: neither `..` nor a link nor a race with one leads out of a root.
///
/// All members that take a path raise what Python would: PermissionError where there are no roots, or the path leads
/// out of its root; FileNotFoundError for an unknown root; and what the system refuses. `callee` is for messages.
///
/// Threads: all members are safe from any thread; they may block.
class rooted_paths {
public:
    /// Throws std::invalid_argument if one cannot be opened. `is_anywhere`: there are no roots, and paths are those of
    /// the process.
    explicit rooted_paths(const std::map<std::string, std::string>& roots, bool is_anywhere = false);

    /// Opens what is there. `flags` and `mode` as of open.
    [[nodiscard]] descriptor open(std::string_view callee, const std::string& path, std::uint64_t flags,
                                  mode_t mode = 0) const;

    /// The folder in which a path ends, and its last name there. A root itself has none: PermissionError.
    [[nodiscard]] std::pair<descriptor, std::string> open_parent(std::string_view callee,
                                                                 const std::string& path) const;

private:
    struct location {
        int root;  ///< a descriptor
        std::string below;
    };
    [[nodiscard]] location locate(std::string_view callee, const std::string& path) const;

    bool is_anywhere_;
    std::map<std::string, descriptor, std::less<>> roots_{};
};

}  // namespace gatherd::api::functions
