/// \file
/// What may stand where a file is to be read or executed.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace gatherd::api {

/// Whether there is something else at that path: a pipe could be waited for without end, a device do what it likes.
/// False also where there is nothing, which whoever opens it is told. Links are followed.
[[nodiscard]] inline bool is_no_regular_file(const std::string& path) {
    std::error_code ignored;
    const auto found = std::filesystem::status(path, ignored);
    return std::filesystem::exists(found) && !std::filesystem::is_regular_file(found);
}

/// Whether a file is at that path that this process may execute. A folder is none, though it may be entered.
[[nodiscard]] inline bool is_program(const std::string& path) {
    return !is_no_regular_file(path) && access(path.c_str(), X_OK) == 0;
}

}  // namespace gatherd::api
