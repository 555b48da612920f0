#include "cli/serve/available_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace gatherd::cli {

namespace {

/// One group's own limit, in either version's file; "max", or a number beyond all memory, is none.
std::optional<std::uint64_t> limit_in(const std::filesystem::path& group) {
    constexpr std::uint64_t beyond_all_memory = std::uint64_t{1} << 60;
    for (const char* const name : {"memory.max", "memory.limit_in_bytes"}) {
        std::ifstream file{group / name};
        std::uint64_t bytes = 0;
        if (file >> bytes && bytes > 0 && bytes < beyond_all_memory) {
            return bytes;
        }
    }
    return std::nullopt;
}

void tighten(std::optional<std::uint64_t>& least, const std::filesystem::path& group) {
    if (const auto limit = limit_in(group)) {
        least = std::min(least.value_or(*limit), *limit);
    }
}

}  // namespace

std::optional<std::uint64_t> cgroup_memory_limit(std::string_view membership, const std::filesystem::path& mount) {
    std::optional<std::uint64_t> least;
    std::istringstream lines{std::string{membership}};
    for (std::string line; std::getline(lines, line);) {  // "0::/group", or "4:memory:/group"
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) {
            continue;
        }
        const std::string controller = line.substr(first + 1, second - first - 1);
        if (!controller.empty() && controller != "memory") {
            continue;
        }
        const auto hierarchy = mount / controller;
        // In a container the path may be the host's, and not exist here: the mount itself is looked at in any case.
        tighten(least, hierarchy);
        for (auto group = std::filesystem::path{line.substr(second + 1)}.relative_path(); !group.empty();
             group = group.parent_path()) {
            tighten(least, hierarchy / group);
        }
    }
    return least;
}

std::uint64_t available_memory() {
    auto machine =
        static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    std::ostringstream membership;
    membership << std::ifstream{"/proc/self/cgroup"}.rdbuf();
    rlimit space{};
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
        // Whoever takes half of this leaves that much for libraries, stacks, and what malloc reserves and does not use.
        constexpr std::uint64_t others = std::uint64_t{192} << 20;
        const std::uint64_t whole = space.rlim_cur;
        machine = std::min(machine, std::clamp(whole > others ? 2 * (whole - others) : 0, whole / 4, whole));
    }
    return std::min(machine, cgroup_memory_limit(membership.str(), "/sys/fs/cgroup").value_or(machine));
}

}  // namespace gatherd::cli
