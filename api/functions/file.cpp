/// \file
/// The bodies of the functions of files. Each makes its system calls on the blocking pool.
#include "api/functions/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <random>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/argument.hpp"
#include "api/functions/option.hpp"
#include "api/functions/rooted_path.hpp"
#include "api/functions/system_error.hpp"
#include "api/shortened.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;
using roots_ptr = std::shared_ptr<const rooted_paths>;

constexpr std::size_t most_bytes = std::size_t{256} << 20;
constexpr std::size_t most_entries = 1'000'000;
constexpr mode_t new_file = 0666;  // as far as the umask allows

/// What a function and a path are called in messages.
struct site {
    std::string_view callee;
    std::string path;

    [[nodiscard]] raised failed(int number) const {
        return system_failure(number, std::string{callee} + ": '" + shortened(path) + "'");
    }
    [[nodiscard]] raised refused(const char* type, const std::string& reason) const {
        return {type, std::string{callee} + ": '" + shortened(path) + "': " + reason};
    }
};

/// Refuses what is no regular file: a FIFO would block, a device do what it likes.
void require_file(const site& at, const struct stat& found) {
    if (S_ISDIR(found.st_mode)) {
        throw at.failed(EISDIR);
    }
    if (!S_ISREG(found.st_mode)) {
        throw at.refused("PermissionError", "neither a file nor a folder");
    }
}

struct stat status_of(const site& at, const descriptor& open) {
    struct stat found {};
    if (fstat(open.number(), &found) != 0) {
        throw at.failed(errno);
    }
    return found;
}

/// Opens a regular file. It is looked at before, since opening a FIFO or a device has effects of its own, and after.
descriptor open_file(const rooted_paths& roots, const site& at, std::uint64_t flags) {
    require_file(at, status_of(at, roots.open(at.callee, at.path, O_PATH)));
    descriptor file = roots.open(at.callee, at.path, flags | O_NONBLOCK | O_NOCTTY);
    require_file(at, status_of(at, file));
    return file;
}

value read_file(const rooted_paths& roots, const site& at, bool is_binary, std::size_t max_bytes) {
    const descriptor file = open_file(roots, at, O_RDONLY);
    const auto size = static_cast<std::size_t>(status_of(at, file).st_size);
    const auto refuse_size = [&] {
        throw at.refused("OverflowError", "it has more than max_bytes, " + std::to_string(max_bytes));
    };
    if (size > max_bytes) {
        refuse_size();
    }
    constexpr std::size_t piece = std::size_t{64} << 10;
    std::string bytes;
    for (std::size_t filled = 0;;) {
        const std::size_t wanted = std::max(size, filled) + (filled <= size ? 1 : piece);  // one more finds the end
        bytes.reserve(wanted);
        memory_limit::check(0);  // with what is reserved: many may read at the same time
        bytes.resize(wanted);
        const ssize_t got = ::read(file.number(), bytes.data() + filled, bytes.size() - filled);
        if (got < 0 && errno != EINTR) {
            throw at.failed(errno);
        }
        filled += got < 0 ? 0 : static_cast<std::size_t>(got);
        if (filled > max_bytes) {
            refuse_size();
        }
        if (got == 0) {
            bytes.resize(filled);
            return bytes_value(std::move(bytes), is_binary);
        }
    }
}

void write_all(const site& at, const descriptor& file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            throw at.failed(errno);
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

void append_file(const rooted_paths& roots, const site& at, std::string_view bytes) {
    try {
        write_all(at, open_file(roots, at, O_WRONLY | O_APPEND), bytes);
        return;
    } catch (const raised& e) {
        if (e.type() != "FileNotFoundError") {
            throw;
        }
    }
    const descriptor file =
        roots.open(at.callee, at.path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, new_file);
    require_file(at, status_of(at, file));
    write_all(at, file, bytes);
}

/// A name that no other writer uses.
std::string name_beside() {
    std::random_device random;
    std::array<char, 40> name{};
    std::snprintf(name.data(), name.size(), ".gatherd-%08x%08x.tmp", random(), random());
    return name.data();
}

/// Where a link leads, beside it; or an empty text if it is none.
std::string link_target(const descriptor& folder, const std::string& name) {
    std::string target(4096, '\0');
    const ssize_t length = readlinkat(folder.number(), name.c_str(), target.data(), target.size());
    target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    return target;
}

/// Writes beside the file and renames: whoever reads it sees what was there before, or all of what is there now.
void write_file(const rooted_paths& roots, site at, std::string_view bytes) {
    auto [folder, name] = roots.open_parent(at.callee, at.path);
    constexpr int most_links = 40;
    for (int links = 0;; ++links) {
        const std::string target = link_target(folder, name);
        if (target.empty()) {
            break;
        }
        if (links == most_links) {
            throw at.failed(ELOOP);
        }
        const std::size_t slash = at.path.find_last_of('/');
        const bool is_absolute = target.starts_with('/');
        if (is_absolute) {
            static_cast<void>(roots.open(at.callee, at.path, O_PATH));  // raises, unless any path is allowed
        }
        at.path = is_absolute ? target : (slash == std::string::npos ? "" : at.path.substr(0, slash + 1)) + target;
        std::tie(folder, name) = roots.open_parent(at.callee, at.path);
    }
    struct stat old {};
    const bool is_there = fstatat(folder.number(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there) {
        require_file(at, old);
    }
    const std::string beside = name_beside();
    const descriptor file{
        openat(folder.number(), beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, new_file)};
    if (!file) {
        throw at.failed(errno);
    }
    try {
        constexpr mode_t permissions = 0777;
        if (is_there && fchmod(file.number(), old.st_mode & permissions) != 0) {
            throw at.failed(errno);
        }
        write_all(at, file, bytes);
        if (renameat(folder.number(), beside.c_str(), folder.number(), name.c_str()) != 0) {
            throw at.failed(errno);
        }
    } catch (const raised&) {
        unlinkat(folder.number(), beside.c_str(), 0);
        throw;
    }
}

value described_file(std::string name, const struct stat& found) {
    const char* const type = S_ISREG(found.st_mode)   ? "file"
                             : S_ISDIR(found.st_mode) ? "directory"
                             : S_ISLNK(found.st_mode) ? "link"
                                                      : "other";
    constexpr double billion = 1e9;
    return {
        {"name", text_from(std::move(name))},
        {"type", type},
        {"size", static_cast<std::uint64_t>(found.st_size)},
        {"modified", static_cast<double>(found.st_mtim.tv_sec) + static_cast<double>(found.st_mtim.tv_nsec) / billion}};
}

value list_folder(const rooted_paths& roots, const site& at) {
    descriptor folder = roots.open(at.callee, at.path, O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries{fdopendir(folder.number()), &closedir};
    if (entries == nullptr) {
        throw at.failed(errno);
    }
    const int number = folder.release();  // closed with the stream
    std::vector<std::pair<std::string, struct stat>> found;
    errno = 0;
    while (const dirent* const each = readdir(entries.get())) {
        const std::string_view name{each->d_name};
        struct stat its {};
        if (name == "." || name == ".." || fstatat(number, each->d_name, &its, AT_SYMLINK_NOFOLLOW) != 0) {
            errno = 0;  // it has gone since
            continue;
        }
        if (found.size() == most_entries) {
            throw at.refused("OverflowError", "it has more than " + std::to_string(most_entries) + " entries");
        }
        found.emplace_back(name, its);
    }
    if (errno != 0) {
        throw at.failed(errno);
    }
    std::ranges::sort(found, {}, &std::pair<std::string, struct stat>::first);
    value list = value::array();
    for (auto& [name, its] : found) {
        list.push_back(described_file(std::move(name), its));
    }
    return list;
}

value stat_file(const rooted_paths& roots, const site& at) {
    const auto found = status_of(at, roots.open(at.callee, at.path, O_PATH));
    std::string_view name = at.path;
    while (name.size() > 1 && name.ends_with('/')) {
        name.remove_suffix(1);
    }
    return described_file(std::string{name.substr(name.find_last_of('/') + 1)}, found);
}

void remove_file(const rooted_paths& roots, const site& at) {
    const auto [folder, name] = roots.open_parent(at.callee, at.path);
    struct stat found {};
    if (fstatat(folder.number(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
        throw at.failed(errno);
    }
    if (!S_ISLNK(found.st_mode)) {
        require_file(at, found);
    }
    if (unlinkat(folder.number(), name.c_str(), 0) != 0) {
        throw at.failed(errno);
    }
}

/// Makes a call on the blocking pool. A cancelled one goes on there; it owns what it uses.
template <typename Work>
executor::task<value> on_thread(call_context& context, Work work) {
    auto body = [account = context.account(), work = std::move(work)] {
        const executor::memory_turn turn{account.get()};
        return work();
    };
    auto called = executor::to_thread_unjoined(std::move(body));
    co_return co_await called;
}

site site_of(std::string_view callee, arguments given) {
    return {callee, argument{callee, "path", given[0]}.plain_text()};
}

executor::task<value> file_read(const roots_ptr& roots, call_context& context, arguments given) {
    auto at = site_of("file.read", given);
    const bool is_binary = argument{at.callee, "binary", given[1]}.flag();
    const std::size_t max_bytes = argument{at.callee, "max_bytes", given[2]}.count(0, most_bytes);
    return on_thread(context, [=] { return read_file(*roots, at, is_binary, max_bytes); });
}

executor::task<value> file_write(const roots_ptr& roots, call_context& context, arguments given) {
    auto at = site_of("file.write", given);
    const bool appends = argument{at.callee, "append", given[2]}.flag();
    const bool is_binary = argument{at.callee, "binary", given[3]}.flag();
    return on_thread(context, [=, bytes = argument{at.callee, "data", given[1]}.bytes(is_binary)] {
        appends ? append_file(*roots, at, bytes) : write_file(*roots, at, bytes);
        return value(nullptr);
    });
}

executor::task<value> file_list(const roots_ptr& roots, call_context& context, arguments given) {
    return on_thread(context, [roots, at = site_of("file.list", given)] { return list_folder(*roots, at); });
}

executor::task<value> file_stat(const roots_ptr& roots, call_context& context, arguments given) {
    return on_thread(context, [roots, at = site_of("file.stat", given)] { return stat_file(*roots, at); });
}

executor::task<value> file_remove(const roots_ptr& roots, call_context& context, arguments given) {
    return on_thread(context, [roots, at = site_of("file.remove", given)] {
        remove_file(*roots, at);
        return value(nullptr);
    });
}

using file_body = executor::task<value> (*)(const roots_ptr&, call_context&, arguments);

plan::function declared(const roots_ptr& roots, std::string name, std::string summary, file_body body,
                        std::vector<plan::parameter> more, std::vector<std::string> errors, std::string example) {
    std::vector<plan::parameter> parameters{
        {.name = "path", .type = "text", .help = "a root of file.roots, and where below it: data/reports/a.txt"}};
    std::move(more.begin(), more.end(), std::back_inserter(parameters));
    for (const char* each :
         {"FileNotFoundError", "NotADirectoryError", "PermissionError", "OSError", "TypeError", "ValueError"}) {
        errors.emplace_back(each);
    }
    return {.name = std::move(name),
            .summary = std::move(summary),
            .parameters = std::move(parameters),
            .body = plan::coroutine_body{[roots, body](call_context& context, arguments given) {
                return body(roots, context, given);
            }},
            .errors = std::move(errors),
            .example = {std::move(example), ""},
            .needs = "file.roots"};
}

}  // namespace

void add_file(plan::registry& functions, const file_settings& settings) {
    const roots_ptr roots = std::make_shared<const rooted_paths>(settings.roots, settings.is_anywhere);
    functions.add(
        declared(roots, "file.read", "The content of a file, as text.", file_read,
                 {option("binary", false, "boolean", "whether to give base64"),
                  option("max_bytes", std::uint64_t{16} << 20U, "integer", "how large the file may be", "bytes")},
                 {"IsADirectoryError", "OverflowError"}, R"({"call": "file.read", "args": ["data/greeting.txt"]})"));
    functions.add(declared(roots, "file.write",
                           "Writes a file: all of it at once for whoever reads it, or with append at its end.",
                           file_write,
                           {{.name = "data", .type = "text", .help = "the content"},
                            option("append", false, "boolean", "whether to add to what is there"),
                            option("binary", false, "boolean", "whether data is base64")},
                           {"IsADirectoryError"}, R"({"call": "file.write", "args": ["data/note.txt", "hello\n"]})"));
    functions.add(declared(roots, "file.list", "What is in a folder, by name.", file_list, {}, {"OverflowError"},
                           R"({"call": "file.list", "args": ["data"]})"));
    functions.add(declared(roots, "file.stat", "Type, size and time of change of a file or folder.", file_stat, {}, {},
                           R"({"call": "file.stat", "args": ["data/greeting.txt"]})"));
    functions.add(declared(
        roots, "file.remove", "Removes a file.", file_remove, {}, {"IsADirectoryError"},
        R"({"sequence": [{"call": "file.write", "args": ["data/old.txt", ""]}, {"call": "file.remove", "args": ["data/old.txt"]}]})"));
}

}  // namespace gatherd::api::functions
