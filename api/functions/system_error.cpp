#include "api/functions/system_error.hpp"

#include <cerrno>
#include <system_error>

namespace gatherd::api::functions {

namespace {

const char* exception_for(int number) noexcept {
    switch (number) {
        case ENOENT:
            return "FileNotFoundError";
        case EEXIST:
            return "FileExistsError";
        case EISDIR:
            return "IsADirectoryError";
        case ENOTDIR:
            return "NotADirectoryError";
        case EACCES:
        case EPERM:
        case EXDEV:  // openat2: the path leads out of its root
            return "PermissionError";
        default:
            return "OSError";
    }
}

}  // namespace

plan::raised system_failure(int number, const std::string& about) {
    const std::string reason =
        number == EXDEV ? "the path leads out of its root" : std::generic_category().message(number);
    return {exception_for(number), about + ": " + reason};
}

}  // namespace gatherd::api::functions
