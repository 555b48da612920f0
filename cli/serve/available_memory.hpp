/// \file
/// How much memory this process may use: the machine's, or its container's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace gatherd::cli {

/// Bytes of memory that this process may use: the machine's, but not more than its control group allows.
[[nodiscard]] std::uint64_t available_memory();

/// The memory limit of a control group in bytes, or none where there is no limit. Follows version 2 (memory.max) and
/// version 1 (memory.limit_in_bytes), up from the group that `membership` (the text of /proc/self/cgroup) names to the
/// root of the mounted tree; the tightest limit counts. `mount`: where the hierarchy is mounted, /sys/fs/cgroup.
[[nodiscard]] std::optional<std::uint64_t> cgroup_memory_limit(std::string_view membership,
                                                               const std::filesystem::path& mount);

}  // namespace gatherd::cli
