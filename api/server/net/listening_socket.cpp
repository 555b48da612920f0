#include "api/server/net/listening_socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gatherd::api::server {
namespace {

constexpr int first_inherited = 3;                     // SD_LISTEN_FDS_START
constexpr auto unchanged = static_cast<unsigned>(-1);  // to chown(2), hence no user's or group's number

[[noreturn]] void refuse(const std::string& address, const std::string& why) {
    throw std::runtime_error{"cannot listen at " + address + ": " + why};
}

[[noreturn]] void refuse(const std::string& address) {
    refuse(address, std::strerror(errno));
}

std::string wanted_text(const std::string& host, std::uint16_t port) {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string text_of(const sockaddr_storage& at, socklen_t size) {
    if (at.ss_family == AF_UNIX) {
        const auto& local = reinterpret_cast<const sockaddr_un&>(at);
        const std::size_t length = size - offsetof(sockaddr_un, sun_path);
        return "unix:" + std::string{local.sun_path, strnlen(local.sun_path, length)};
    }
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (getnameinfo(reinterpret_cast<const sockaddr*>(&at), size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return "an unknown address";
    }
    const bool six = at.ss_family == AF_INET6;
    return (six ? "[" : "") + std::string{host.data()} + (six ? "]:" : ":") + port.data();
}

bool is_loopback(const sockaddr_storage& at) {
    constexpr std::uint32_t loopback_net = 127;
    if (at.ss_family == AF_INET) {
        return ntohl(reinterpret_cast<const sockaddr_in&>(at).sin_addr.s_addr) >> 24 == loopback_net;
    }
    return at.ss_family == AF_UNIX ||
           (at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(at).sin6_addr));
}

/// The number of a user or group, which may be given as such.
template <typename Find>
unsigned number_of(const std::string& name, const char* what, const Find& find) {
    unsigned number = 0;
    const char* const last = name.data() + name.size();
    const auto [end, failed] = std::from_chars(name.data(), last, number);
    if (end == last && failed == std::errc{} && number != unchanged) {
        return number;
    }
    const auto* const found = find(name.c_str());
    if (found == nullptr) {
        throw std::runtime_error{"unix.owner: no " + std::string{what} + " '" + name + "'"};
    }
    if constexpr (requires { found->pw_uid; }) {
        return found->pw_uid;
    } else {
        return found->gr_gid;
    }
}

unsigned user_of(const unix_access& access) {
    return access.user.empty() ? unchanged : number_of(access.user, "user", getpwnam);
}

unsigned group_of(const unix_access& access) {
    return access.group.empty() ? unchanged : number_of(access.group, "group", getgrnam);
}

/// Whether nobody listens at a Unix socket's file any more.
bool is_stale(const sockaddr_un& at, socklen_t size) {
    struct stat file {};
    if (lstat(at.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool refused =
        probe >= 0 && connect(probe, reinterpret_cast<const sockaddr*>(&at), size) != 0 && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

/// Binds a socket to a file that has this mode from the beginning: nothing is done to a path, which by then could lead
/// elsewhere. For the moment of it the whole process has another umask. Sets errno.
bool bind_with_mode(int descriptor, const sockaddr_un& at, unsigned mode) {
    constexpr unsigned all = 0777;
    const mode_t before = umask(static_cast<mode_t>(all & ~mode));
    const bool is_bound = bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    const int failed = errno;
    umask(before);
    errno = failed;
    return is_bound;
}

/// Gives a socket's file to somebody else, by a descriptor and only if it is a socket of ours: whoever may write to the
/// folder could have put a link to another file in its place. Sets errno.
bool change_owner(const std::string& path, unsigned user, unsigned group) {
    const int file = open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat found {};
    if (file < 0 || fstat(file, &found) != 0) {
        return false;
    }
    const bool is_ours = S_ISSOCK(found.st_mode) && found.st_uid == geteuid();
    const bool is_done = is_ours && fchownat(file, "", user, group, AT_EMPTY_PATH) == 0;
    const int failed = is_ours ? errno : EPERM;
    close(file);
    errno = failed;
    return is_done;
}

/// An option of a socket that is a number; -1 where the descriptor is no socket.
int option_of(int descriptor, int option) {
    int found = -1;
    socklen_t size = sizeof found;
    return getsockopt(descriptor, SOL_SOCKET, option, &found, &size) == 0 ? found : -1;
}

/// The value of a variable of the environment, which is then without it; empty where there is none.
std::string taken_variable(const char* name) {
    const char* const found = std::getenv(name);
    std::string value = found != nullptr ? found : "";
    unsetenv(name);
    return value;
}

}  // namespace

listening_socket::listening_socket(int descriptor) : descriptor_{descriptor} {}

listening_socket::listening_socket(listening_socket&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)},
      family_{other.family_},
      is_local_{other.is_local_},
      address_{std::move(other.address_)},
      file_{std::exchange(other.file_, {})} {}

listening_socket::~listening_socket() {
    remove_file();
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

int listening_socket::release() noexcept {
    return std::exchange(descriptor_, -1);
}

void listening_socket::remove_file() noexcept {
    if (!file_.empty()) {
        unlink(file_.c_str());
        file_.clear();
    }
}

/// Learns what the socket is from the system. Throws what `listen` does where it does not listen.
void listening_socket::describe() {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    if (getsockname(descriptor_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        refuse("an inherited socket");
    }
    family_ = at.ss_family;
    address_ = text_of(at, size);
    is_local_ = is_loopback(at);
}

listening_socket listening_socket::bound(const std::string& host, std::uint16_t told_port, std::uint16_t port) {
    const std::string wanted = wanted_text(host, told_port);
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); failed != 0) {
        refuse(wanted, gai_strerror(failed));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{found, &freeaddrinfo};
    listening_socket made{socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    constexpr int yes = 1;
    if (made.descriptor_ < 0 || setsockopt(made.descriptor_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) {
        refuse(wanted);
    }
    if (found->ai_family == AF_INET6) {  // an address of its own for IPv4, as the settings say it
        setsockopt(made.descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    }
    if (bind(made.descriptor_, found->ai_addr, found->ai_addrlen) != 0 || listen(made.descriptor_, SOMAXCONN) != 0) {
        refuse(wanted);
    }
    made.describe();
    return made;
}

listening_socket listening_socket::probe(const std::string& host, std::uint16_t port) {
    auto made = bound(host, port, 0);
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    getsockname(made.descriptor_, reinterpret_cast<sockaddr*>(&at), &size);
    (at.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(at).sin6_port
                              : reinterpret_cast<sockaddr_in&>(at).sin_port) = htons(port);
    // Bound, and not listened at: with SO_REUSEADDR that is in nobody's way.
    const listening_socket second{socket(made.family_, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    constexpr int yes = 1;
    setsockopt(second.descriptor_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(second.descriptor_, reinterpret_cast<const sockaddr*>(&at), size) != 0 && errno == EACCES) {
        refuse(wanted_text(host, port));
    }
    return made;
}

void listening_socket::check_local(const std::string& path, const unix_access& access) {
    const std::string wanted = "unix:" + path;
    if (path.size() >= sizeof sockaddr_un{}.sun_path) {
        refuse(wanted, "the path is longer than " + std::to_string(sizeof sockaddr_un{}.sun_path - 1) + " bytes");
    }
    const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    struct stat found {};
    if (stat(folder.c_str(), &found) != 0) {
        refuse(wanted);
    }
    if (!S_ISDIR(found.st_mode)) {
        refuse(wanted, std::strerror(ENOTDIR));
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        refuse(wanted);
    }
    if (lstat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode)) {
        refuse(wanted, std::strerror(EADDRINUSE));
    }
    static_cast<void>(user_of(access));
    static_cast<void>(group_of(access));
}

listening_socket listening_socket::local(const std::string& path, const unix_access& access) {
    check_local(path, access);
    const std::string wanted = "unix:" + path;
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, path.size());
    listening_socket made{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (made.descriptor_ < 0) {
        refuse(wanted);
    }
    if (!bind_with_mode(made.descriptor_, at, access.mode)) {
        const int failed = errno;
        if (failed != EADDRINUSE || !is_stale(at, sizeof at)) {
            refuse(wanted, std::strerror(failed));
        }
        unlink(path.c_str());
        if (!bind_with_mode(made.descriptor_, at, access.mode)) {
            refuse(wanted);
        }
    }
    made.file_ = path;
    const unsigned user = user_of(access);
    const unsigned group = group_of(access);
    if ((user != unchanged || group != unchanged) && !change_owner(path, user, group)) {
        refuse(wanted, std::string{"unix.owner: "} + std::strerror(errno));
    }
    if (listen(made.descriptor_, SOMAXCONN) != 0) {
        refuse(wanted);
    }
    made.describe();
    return made;
}

std::vector<listening_socket> listening_socket::inherited() {
    const std::string pid = taken_variable("LISTEN_PID");
    const std::string count = taken_variable("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    int sockets = 0;
    const char* const last = count.data() + count.size();
    const auto [end, failed] = std::from_chars(count.data(), last, sockets);
    const bool are_ours = pid == std::to_string(getpid()) && end == last && failed == std::errc{};
    std::vector<listening_socket> all;
    for (int i = 0; are_ours && i < sockets; ++i) {
        const int each = first_inherited + i;
        if (option_of(each, SO_ACCEPTCONN) != 1 || option_of(each, SO_TYPE) != SOCK_STREAM) {
            refuse("systemd", "descriptor " + std::to_string(each) + " is no listening stream socket");
        }
        fcntl(each, F_SETFD, FD_CLOEXEC);
        listening_socket one{each};
        one.describe();
        all.push_back(std::move(one));
    }
    if (all.empty()) {
        refuse("systemd", "no socket was handed over (LISTEN_FDS)");
    }
    return all;
}

}  // namespace gatherd::api::server
