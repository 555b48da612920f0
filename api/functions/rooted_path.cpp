#include "api/functions/rooted_path.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "api/functions/system_error.hpp"
#include "api/shortened.hpp"

namespace gatherd::api::functions {

namespace {

std::string about(std::string_view callee, const std::string& path) {
    return std::string{callee} + ": '" + shortened(path) + "'";
}

}  // namespace

rooted_paths::rooted_paths(const std::map<std::string, std::string>& roots, bool is_anywhere)
    : is_anywhere_{is_anywhere} {
    for (const auto& [name, folder] : roots) {
        descriptor opened{::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (!opened) {
            throw std::invalid_argument{"file.roots: '" + name + "': cannot open the folder " + folder + ": " +
                                        std::strerror(errno)};
        }
        roots_.emplace(name, std::move(opened));
    }
}

rooted_paths::location rooted_paths::locate(std::string_view callee, const std::string& path) const {
    if (is_anywhere_) {
        return {AT_FDCWD, path};
    }
    if (roots_.empty()) {
        throw plan::raised{"PermissionError", std::string{callee} + ": no folder is allowed; set file.roots"};
    }
    const std::string_view all = path;
    const std::string_view name = all.substr(0, all.find('/'));
    if (path.starts_with('/') || name == "..") {
        throw plan::raised{"PermissionError", about(callee, path) + ": a path begins with a root of file.roots"};
    }
    const auto root = roots_.find(name);
    if (root == roots_.end()) {
        throw plan::raised{"FileNotFoundError",
                           about(callee, path) + ": file.roots has no root '" + shortened(name) + "'"};
    }
    std::string_view below = all.substr(name.size());
    below.remove_prefix(std::min(below.find_first_not_of('/'), below.size()));
    return {root->second.number(), below.empty() ? "." : std::string{below}};
}

descriptor rooted_paths::open(std::string_view callee, const std::string& path, std::uint64_t flags,
                              mode_t mode) const {
    const location place = locate(callee, path);
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = mode;
    how.resolve = is_anywhere_ ? 0 : RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    constexpr int most_tries = 100;  // each of which a rename somewhere in the tree may spoil, if the path has a ".."
    int opened = -1;
    for (int tries = 0; tries < most_tries; ++tries) {
        opened = static_cast<int>(syscall(SYS_openat2, place.root, place.below.c_str(), &how, sizeof how));
        if (opened >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    if (opened < 0) {
        throw system_failure(errno, about(callee, path));
    }
    return descriptor{opened};
}

std::pair<descriptor, std::string> rooted_paths::open_parent(std::string_view callee, const std::string& path) const {
    std::string_view whole = path;
    while (whole.ends_with('/')) {
        whole.remove_suffix(1);
    }
    const std::size_t slash = whole.find_last_of('/');
    const std::string name{slash == std::string_view::npos ? whole : whole.substr(slash + 1)};
    static_cast<void>(locate(callee, path));
    if (name.empty() || name == "." || name == ".." || (slash == std::string_view::npos && !is_anywhere_)) {
        throw plan::raised{"PermissionError", about(callee, path) + ": not the name of a file below a root"};
    }
    const std::string parent{slash == std::string_view::npos ? "." : slash == 0 ? "/" : whole.substr(0, slash)};
    return {open(callee, parent, O_PATH | O_DIRECTORY), name};
}

}  // namespace gatherd::api::functions
