#include "api/process/resident_memory.hpp"

#include <unistd.h>

#include <fstream>

namespace gatherd::api::process {

std::uint64_t resident_bytes(const std::string& process) {
    std::ifstream file{"/proc/" + process + "/statm"};
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace gatherd::api::process
