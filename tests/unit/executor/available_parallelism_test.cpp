#include "gatherd/executor/available_parallelism.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

using gatherd::executor::available_parallelism, gatherd::executor::cgroup_cpu_quota;
namespace fs = std::filesystem;

namespace {

/// A made-up /sys/fs/cgroup, removed at the end.
class hierarchy {
public:
    hierarchy() : root_{fs::temp_directory_path() / ("cgroup" + std::to_string(std::random_device{}()))} {}
    ~hierarchy() { fs::remove_all(root_); }
    void write(const std::string& file, const std::string& text) const {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream{root_ / file} << text;
    }
    [[nodiscard]] const fs::path& root() const { return root_; }

private:
    fs::path root_;
};

}  // namespace

TEST_CASE("available_parallelism: at least one", "[executor]") {
    CHECK(available_parallelism() >= 1);
}

TEST_CASE("cgroup_cpu_quota: version 2, the tightest of a group and its parents", "[executor]") {
    const hierarchy tree;
    tree.write("pod/cpu.max", "150000 100000\n");
    tree.write("pod/app/cpu.max", "max 100000\n");
    CHECK(cgroup_cpu_quota("0::/pod/app\n", tree.root()) == 1.5);
}

TEST_CASE("cgroup_cpu_quota: a container sees its own group at the root of the mount", "[executor]") {
    const hierarchy tree;
    tree.write("cpu.max", "50000 100000\n");
    CHECK(cgroup_cpu_quota("0::/\n", tree.root()) == 0.5);
    CHECK(cgroup_cpu_quota("0::/docker/0123456789\n", tree.root()) == 0.5);
}

TEST_CASE("cgroup_cpu_quota: version 1", "[executor]") {
    const hierarchy tree;
    tree.write("cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "200000\n");
    tree.write("cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
    CHECK(cgroup_cpu_quota("5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n", tree.root()) == 2.0);
}

TEST_CASE("cgroup_cpu_quota: none where nothing limits", "[executor]") {
    const hierarchy tree;
    CHECK_FALSE(cgroup_cpu_quota("0::/\n", tree.root()));
    tree.write("cpu.max", "max 100000\n");
    CHECK_FALSE(cgroup_cpu_quota("0::/\n", tree.root()));
    tree.write("cpu/cpu.cfs_quota_us", "-1\n");
    tree.write("cpu/cpu.cfs_period_us", "100000\n");
    CHECK_FALSE(cgroup_cpu_quota("4:cpu,cpuacct:/\n", tree.root()));
}
