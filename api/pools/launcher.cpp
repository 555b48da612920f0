#include "api/pools/launcher.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "api/regular_file.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::string_view socket_variable = "GATHERD_WORKER_FD=3";
constexpr std::string_view own_variables = "GATHERD_";
constexpr const char* standard_path = "/usr/local/bin:/usr/bin:/bin";

constexpr std::array<std::pair<std::string_view, const char*>, 4> interpreters{
    {{".py", "python3"}, {".js", "node"}, {".mjs", "node"}, {".php", "php"}}};

/// The script that a command names by its whole path: the first argument that is no option. Others than whole paths may
/// be looked for elsewhere than in the folder, as `node -r dotenv/config.js`. Empty: it names none.
std::string script_of(const std::vector<std::string>& command) {
    const auto first = std::find_if(command.begin() + 1, command.end(),
                                    [](const std::string& word) { return !word.starts_with('-'); });
    const bool is_script =
        first != command.end() && first->starts_with('/') &&
        std::ranges::any_of(interpreters, [&](const auto& each) { return first->ends_with(each.first); });
    return is_script ? *first : std::string{};
}

std::string in_folder(const std::string& path, const std::string& folder) {
    return path.starts_with('/') || folder.empty() ? path : folder + '/' + path;
}

/// A file that the system can execute by what its first line says.
bool is_executable_script(const std::string& path) {
    if (!is_program(path)) {
        return false;
    }
    std::array<char, 2> first{};
    std::ifstream file{path, std::ios::binary};
    return file.read(first.data(), first.size()) && first[0] == '#' && first[1] == '!';
}

/// The file of a program: a path itself, of a name the first one in the folders of `path`. Empty: there is none.
std::string find_program(const std::string& program, std::string_view path) {
    if (program.find('/') != std::string::npos) {
        return program;
    }
    while (!path.empty()) {
        const std::string_view folder = path.substr(0, path.find(':'));
        path.remove_prefix(std::min(folder.size() + 1, path.size()));
        std::string file = std::string{folder} + '/' + program;
        if (!folder.empty() && is_program(file)) {
            return file;
        }
    }
    return {};
}

/// Throws where it is no file, or the daemon may not do that with it. For a process of another user the system has the
/// last word.
void check_access(const std::string& path, int mode, const char* verb) {
    struct stat found {};
    const bool is_there = stat(path.c_str(), &found) == 0;
    if (is_there && S_ISDIR(found.st_mode)) {
        errno = EISDIR;
    } else if (is_there && mode == X_OK && !S_ISREG(found.st_mode)) {
        errno = EACCES;  // as execve says
    } else if (is_there && access(path.c_str(), mode) == 0) {
        return;
    }
    throw std::runtime_error{"'" + path + "' cannot be " + verb + ": " + std::strerror(errno)};
}

/// A user's ids, and what its processes expect of their environment.
struct found_user {
    process::process_user ids;
    std::array<std::pair<const char*, std::string>, 3> variables;
};

found_user find_user(const std::string& name) {
    constexpr std::size_t most_text = std::size_t{64} << 10;
    std::vector<char> text(most_text);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
        throw std::runtime_error{"there is no user '" + name + "'"};
    }
    int count = 0;
    getgrouplist(name.c_str(), found->pw_gid, nullptr, &count);
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (getgrouplist(name.c_str(), found->pw_gid, groups.data(), &count) < 0) {
        throw std::runtime_error{"the groups of user '" + name + "' cannot be read"};
    }
    groups.resize(static_cast<std::size_t>(count));
    return {{found->pw_uid, found->pw_gid, std::move(groups)},
            {{{"HOME", found->pw_dir}, {"USER", found->pw_name}, {"LOGNAME", found->pw_name}}}};
}

}  // namespace

std::vector<std::string> with_interpreter(std::vector<std::string> command, const std::string& folder) {
    for (const auto& [extension, interpreter] : interpreters) {
        if (!command.front().ends_with(extension)) {
            continue;
        }
        if (!is_executable_script(in_folder(command.front(), folder))) {
            command.insert(command.begin(), interpreter);
        } else if (command.front().find('/') == std::string::npos) {
            command.front().insert(0, "./");  // a script of this folder, not a program of PATH
        }
        break;
    }
    return command;
}

launcher::launcher(const pool_settings& settings, std::optional<std::uint64_t> open_files)
    : command_{with_interpreter(settings.command, settings.cwd)},
      script_{command_.size() > settings.command.size() ? settings.command.front() : script_of(command_)},
      folder_{settings.cwd},
      open_files_{open_files} {
    path_ = standard_path;
    const auto add = [this](const std::string& variable) {
        constexpr std::string_view path = "PATH=";
        if (variable.starts_with(path)) {
            path_ = variable.substr(path.size());
        }
        environment_.push_back(variable);
    };
    auto own = settings.env;
    if (!settings.user.empty()) {
        auto user = find_user(settings.user);
        user_ = std::move(user.ids);
        own.insert(user.variables.begin(), user.variables.end());
    }
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string variable{*each};
        if (!variable.starts_with(own_variables) && !own.contains(variable.substr(0, variable.find('=')))) {
            add(variable);
        }
    }
    for (const auto& [name, text] : own) {
        add(name + '=' + text);
    }
    environment_.emplace_back(socket_variable);
    if (user_) {
        if (geteuid() != 0) {
            if (user_->user != geteuid()) {
                throw std::runtime_error{"only a daemon of root may start processes as user '" + settings.user + "'"};
            }
            user_.reset();  // it is that already, and may not set its groups
        }
    }
}

process::process_request launcher::request() const {
    process::process_request made;
    made.argv = command_;
    made.environment = environment_;
    made.user = user_;
    if (open_files_) {
        made.open_files = *open_files_;
    }
    if (!folder_.empty()) {
        made.folder = process::descriptor{open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (!made.folder) {
            throw std::runtime_error{"its folder '" + folder_ + "': " + std::strerror(errno)};
        }
    }
    made.program = find_program(command_.front(), path_);
    if (made.program.empty()) {
        throw std::runtime_error{"there is no program '" + command_.front() + "' in PATH"};
    }
    check_access(in_folder(made.program, folder_), X_OK, "executed");
    if (!script_.empty()) {
        check_access(in_folder(script_, folder_), R_OK, "read");
    }
    return made;
}

}  // namespace gatherd::api::pools
