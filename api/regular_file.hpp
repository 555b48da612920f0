/// \file
/// What may stand where a file is to be read.
#pragma once

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

}  // namespace gatherd::api
