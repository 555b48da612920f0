#include "bench/peak_memory.hpp"

#include <malloc.h>

#include <fstream>
#include <string>

namespace gatherd::bench {
namespace {

/// One figure of /proc/self/status, where sizes are in KiB.
std::int64_t status_bytes(const std::string& name) {
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":")) {
            return std::stoll(line.substr(name.size() + 1)) * 1024;
        }
    }
    return 0;
}

}  // namespace

peak_memory::peak_memory() {
    malloc_trim(0);
    std::ofstream{"/proc/self/clear_refs"} << '5';  // proc(5): sets VmHWM to VmRSS
    before_ = status_bytes("VmRSS");
}

std::int64_t peak_memory::bytes() const {
    return status_bytes("VmHWM") - before_;
}

}  // namespace gatherd::bench
