/// \file
/// How many threads can run at once here: cores, affinity and the container's CPU quota.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

namespace gatherd::executor {

/// The number of workers that make sense: the cores that this process may use (its affinity mask), but not more than
/// its control group's CPU quota, rounded up; at least 1. Reads /proc and /sys once a call.
[[nodiscard]] std::size_t available_parallelism();

/// The CPU quota of a control group in cores (1.5 for "150000 100000"), or none where there is no limit.
///
/// Follows version 2 (cpu.max) and version 1 (cpu.cfs_quota_us), up from the group that `membership` (the text of
/// /proc/self/cgroup) names to the root of the mounted tree; the tightest limit counts.
/// `mount`: where the hierarchy is mounted, /sys/fs/cgroup.
[[nodiscard]] std::optional<double> cgroup_cpu_quota(std::string_view membership, const std::filesystem::path& mount);

}  // namespace gatherd::executor
