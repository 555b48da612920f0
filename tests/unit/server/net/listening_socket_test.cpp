#include "api/server/net/listening_socket.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace gatherd::api::server {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

/// A folder for socket files, which goes with it.
class scratch_folder {
public:
    scratch_folder() {
        std::string name = fs::temp_directory_path() / "gatherd-unit-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~scratch_folder() { fs::remove_all(path_); }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

private:
    fs::path path_;
};

sockaddr_un at_file(const std::string& path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, path.size());
    return at;
}

template <typename Address>
bool can_connect(const Address& to) {
    const int client = socket(reinterpret_cast<const sockaddr&>(to).sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    close(client);
    return connected;
}

bool can_connect(const std::string& path) {
    return can_connect(at_file(path));
}

std::uint16_t port_of(const listening_socket& of) {
    return static_cast<std::uint16_t>(std::stoi(of.address().substr(of.address().rfind(':') + 1)));
}

sockaddr_in at_port(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return at;
}

/// The file of a socket that a process left behind.
void leave_stale(const std::string& path) {
    const int left = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un at = at_file(path);
    REQUIRE(bind(left, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    close(left);
    REQUIRE(fs::is_socket(path));
}

unsigned mode_of(const std::string& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
}

}  // namespace

TEST_CASE("listening_socket: port 0 is any free one, told by its address", "[server]") {
    const auto first = listening_socket::tcp("127.0.0.1", 0);
    const auto second = listening_socket::tcp("127.0.0.1", 0);
    CHECK(port_of(first) != 0);
    CHECK(port_of(first) != port_of(second));
    CHECK(first.address() == "127.0.0.1:" + std::to_string(port_of(first)));
    CHECK(first.family() == AF_INET);
    CHECK(first.is_local());
    CHECK(can_connect(at_port(port_of(first))));
}

TEST_CASE("listening_socket: a port that is taken is refused by name", "[server]") {
    const auto first = listening_socket::tcp("127.0.0.1", 0);
    CHECK_THROWS_WITH(listening_socket::tcp("127.0.0.1", port_of(first)),
                      "cannot listen at " + first.address() + ": Address already in use");
}

TEST_CASE("listening_socket: it listens until it goes, unless its descriptor was handed over", "[server]") {
    sockaddr_in at{};
    int descriptor = -1;
    {
        auto first = listening_socket::tcp("127.0.0.1", 0);
        at = at_port(port_of(first));
        const auto second = std::move(first);
        CHECK(second.address() == "127.0.0.1:" + std::to_string(ntohs(at.sin_port)));
        CHECK(can_connect(at));
    }
    CHECK_FALSE(can_connect(at));
    {
        auto first = listening_socket::tcp("127.0.0.1", 0);
        at = at_port(port_of(first));
        descriptor = first.release();
    }
    CHECK(can_connect(at));
    close(descriptor);
}

TEST_CASE("listening_socket: a Unix socket's file has the mode that was asked for, whatever the umask", "[server]") {
    const scratch_folder folder;
    const std::string path = folder.file("s");
    const mode_t umask_before = umask(0);
    for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
        umask(mask);
        for (const unsigned mode : {0600U, 0660U, 0666U}) {
            const auto made = listening_socket::local(path, {.mode = mode, .user = {}, .group = {}});
            CHECK(mode_of(path) == mode);
        }
    }
    umask(umask_before);
}

TEST_CASE("listening_socket: a Unix socket is local, and its file goes with it", "[server]") {
    const scratch_folder folder;
    const std::string path = folder.file("s");
    {
        auto first = listening_socket::local(path, {});
        CHECK(first.address() == "unix:" + path);
        CHECK(first.family() == AF_UNIX);
        CHECK(first.is_local());
        const auto second = std::move(first);
        CHECK(can_connect(path));
    }
    CHECK_FALSE(fs::exists(path));
    auto early = listening_socket::local(path, {});
    early.remove_file();
    CHECK_FALSE(fs::exists(path));
    std::ofstream{path} << "another's";
    early.remove_file();
    CHECK(fs::exists(path));
}

TEST_CASE("listening_socket: a file that nobody listens at is replaced", "[server]") {
    const scratch_folder folder;
    const std::string path = folder.file("s");
    leave_stale(path);
    CHECK_FALSE(can_connect(path));
    const auto made = listening_socket::local(path, {});
    CHECK(can_connect(path));
}

TEST_CASE("listening_socket: a file that somebody listens at, or that is no socket, stays as it is", "[server]") {
    const scratch_folder folder;
    const std::string path = folder.file("s");
    {
        const auto first = listening_socket::local(path, {});
        CHECK_THROWS_WITH(listening_socket::local(path, {}),
                          "cannot listen at unix:" + path + ": Address already in use");
        CHECK(can_connect(path));
    }
    std::ofstream{path} << "text";
    CHECK_THROWS_WITH(listening_socket::local(path, {}), Contains("Address already in use"));
    CHECK(fs::file_size(path) == 4);
    const std::string link = folder.file("link");
    leave_stale(folder.file("stale"));
    fs::create_symlink(folder.file("stale"), link);
    CHECK_THROWS_AS(listening_socket::local(link, {}), std::runtime_error);
    CHECK(fs::is_symlink(link));
}

TEST_CASE("listening_socket: a path longer than an address holds is refused, not cut", "[server]") {
    const scratch_folder folder;
    const std::string most = folder.file("");
    const std::string fits = most + std::string(sizeof(sockaddr_un::sun_path) - 1 - most.size(), 'x');
    CHECK_THROWS_WITH(listening_socket::local(fits + "x", {}), Contains("longer than 107 bytes"));
    CHECK_FALSE(fs::exists(fits));
    const auto made = listening_socket::local(fits, {});
    CHECK(made.address() == "unix:" + fits);
    CHECK(fs::exists(fits));
}

TEST_CASE("listening_socket: an owner that there is not is refused, and leaves no file", "[server]") {
    const scratch_folder folder;
    const std::string path = folder.file("s");
    const std::string too_large = "4294967296";  // one more than a number of a user can be
    for (const std::string& user :
         {std::string{"nobody of that name"}, too_large, std::string{"4294967295"}, std::string{"-1"}}) {
        CHECK_THROWS_WITH(listening_socket::local(path, {.mode = 0600, .user = user, .group = {}}),
                          "unix.owner: no user '" + user + "'");
        CHECK_FALSE(fs::exists(path));
    }
    CHECK_THROWS_WITH(listening_socket::local(path, {.mode = 0600, .user = {}, .group = too_large}),
                      "unix.owner: no group '" + too_large + "'");
    const auto own = listening_socket::local(
        path, {.mode = 0600, .user = std::to_string(getuid()), .group = std::to_string(getgid())});
    struct stat file {};
    REQUIRE(stat(path.c_str(), &file) == 0);
    CHECK(file.st_uid == getuid());
    CHECK(file.st_gid == getgid());
}

}  // namespace gatherd::api::server
