#include "cli/jobs/results_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cli/failures.hpp"

namespace gatherd::cli::jobs {

namespace {

/// Where an argument's results are, as GNU parallel names folders.
std::string folder_name(const std::string& argument) {
    std::string name;
    for (const char each : argument) {
        switch (each) {
            case '/':
                name += "\\_";
                break;
            case '\\':
                name += "\\\\";
                break;
            case '\t':
                name += "\\t";
                break;
            default:
                name += each;
        }
    }
    return name;
}

}  // namespace

result_file::result_file(const std::string& path)
    : path_{path}, descriptor_{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)} {
    if (descriptor_ < 0) {
        refuse_write();
    }
}

result_file::~result_file() {
    ::close(descriptor_);
}

void result_file::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) {
            refuse_write();
        }
        bytes.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
    }
}

void result_file::refuse_write() const {
    throw usage_error{"--results: cannot write '" + path_ + "': " + std::strerror(errno)};
}

result_files open_results(std::string folder, const job_values& values) {
    for (std::size_t i = 0; i < values.arguments.size(); ++i) {
        folder += "/" + std::to_string(i + 1) + "/" + folder_name(values.arguments[i]);
    }
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) {
        throw usage_error{"--results: cannot make the folder '" + folder + "': " + failed.message()};
    }
    result_files files{.out = std::make_unique<result_file>(folder + "/stdout"),
                       .err = std::make_unique<result_file>(folder + "/stderr")};
    result_file{folder + "/seq"}.write(std::to_string(values.number));
    return files;
}

}  // namespace gatherd::cli::jobs
