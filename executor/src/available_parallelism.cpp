#include "gatherd/executor/available_parallelism.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

#include "gatherd/executor/detail/cpu_mask.hpp"

namespace gatherd::executor {
namespace {

std::string read_text(const std::filesystem::path& file) {
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::optional<double> quota_of(double quota, double period) {
    if (quota <= 0 || period <= 0) {
        return std::nullopt;
    }
    return quota / period;
}

/// One group's own limit, in either version's files.
std::optional<double> limit_in(const std::filesystem::path& group) {
    std::istringstream both{read_text(group / "cpu.max")};  // "150000 100000", or "max 100000"
    double quota = 0;
    double period = 0;
    if (both >> quota >> period) {
        return quota_of(quota, period);
    }
    std::istringstream v1_quota{read_text(group / "cpu.cfs_quota_us")};  // -1: none
    std::istringstream v1_period{read_text(group / "cpu.cfs_period_us")};
    if (v1_quota >> quota && v1_period >> period) {
        return quota_of(quota, period);
    }
    return std::nullopt;
}

/// The tightest limit from `group` up to the root of the hierarchy at `mount`. In a container the path of /proc may be
/// the host's, and not exist here: the mount itself is looked at in any case.
std::optional<double> tightest(const std::filesystem::path& mount, std::filesystem::path group) {
    std::optional<double> least = limit_in(mount);
    group = group.relative_path();
    while (!group.empty()) {
        if (const auto limit = limit_in(mount / group)) {
            least = std::min(least.value_or(*limit), *limit);
        }
        group = group.parent_path();
    }
    return least;
}

bool names_cpu(std::string_view controllers) {
    std::istringstream list{std::string{controllers}};
    for (std::string one; std::getline(list, one, ',');) {
        if (one == "cpu") {
            return true;
        }
    }
    return false;
}

std::size_t cores_allowed() {
    const cpu_mask allowed = cpu_mask::of_this_thread();
    return allowed.empty() ? std::thread::hardware_concurrency() : allowed.cpus().size();
}

}  // namespace

std::optional<double> cgroup_cpu_quota(std::string_view membership, const std::filesystem::path& mount) {
    std::optional<double> least;
    std::istringstream lines{std::string{membership}};
    for (std::string line; std::getline(lines, line);) {  // "0::/group", or "4:cpu,cpuacct:/group"
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) {
            continue;
        }
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && !names_cpu(controllers)) {
            continue;
        }
        const std::filesystem::path group = line.substr(second + 1);
        for (const auto& hierarchy : {controllers.empty() ? mount : mount / controllers, mount / "cpu"}) {
            if (const auto limit = tightest(hierarchy, group)) {
                least = std::min(least.value_or(*limit), *limit);
            }
        }
    }
    return least;
}

std::size_t available_parallelism() {
    const std::size_t cores = std::max<std::size_t>(cores_allowed(), 1);
    const auto quota = cgroup_cpu_quota(read_text("/proc/self/cgroup"), "/sys/fs/cgroup");
    if (!quota) {
        return cores;
    }
    return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(*quota)), 1, cores);
}

}  // namespace gatherd::executor
