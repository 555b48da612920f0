// listening_socket::inherited, in a process of its own: what it takes are the first descriptors beyond standard error,
// and its own number is in the environment.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/server/net/listening_socket.hpp"

namespace gatherd::api::server {
namespace {

constexpr int first_inherited = 3;
constexpr int out_of_the_way = 100;  // no descriptor of a test is so high

/// What the child process finds, a line for each socket or the error: runs there.
std::string found() {
    std::string text;
    try {
        for (const auto& each : listening_socket::inherited()) {
            text += each.address() + (each.is_local() ? " local" : " far") + '\n';
        }
        for (int each = first_inherited; fcntl(each, F_GETFD) >= 0; ++each) {
            text += "it was not closed\n";
        }
    } catch (const std::runtime_error& why) {
        text += why.what() + std::string{"\n"};
    }
    for (const char* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
        text += std::getenv(name) != nullptr ? std::string{name} + " is still there\n" : "";
    }
    return text;
}

/// In a child process that got these descriptors, and `count` as LISTEN_FDS; with the right LISTEN_PID or another.
std::string found_with(const std::vector<int>& sockets, const std::string& count, bool is_its_own = true) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const int report = fcntl(ends[1], F_DUPFD, out_of_the_way);
        std::vector<int> copies;
        for (const int each : sockets) {
            copies.push_back(fcntl(each, F_DUPFD, out_of_the_way));
        }
        for (int each = first_inherited; each < out_of_the_way; ++each) {
            close(each);
        }
        for (std::size_t i = 0; i < copies.size(); ++i) {
            dup2(copies[i], first_inherited + static_cast<int>(i));
            close(copies[i]);
        }
        setenv("LISTEN_PID", std::to_string(getpid() + (is_its_own ? 0 : 1)).c_str(), 1);
        setenv("LISTEN_FDS", count.c_str(), 1);
        setenv("LISTEN_FDNAMES", "gatherd", 1);
        const std::string text = found();
        const auto written = write(report, text.data(), text.size());
        _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    close(ends[1]);
    std::string text;
    std::array<char, 4096> room{};
    for (ssize_t size = 0; (size = read(ends[0], room.data(), room.size())) > 0;) {
        text.append(room.data(), static_cast<std::size_t>(size));
    }
    close(ends[0]);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    return text;
}

/// A descriptor that goes with it.
struct descriptor {
    explicit descriptor(int which) : number{which} { REQUIRE(number >= 0); }
    ~descriptor() { close(number); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int number;
};

std::string refused(int number) {
    return "cannot listen at systemd: descriptor " + std::to_string(number) + " is no listening stream socket\n";
}

const std::string nothing = "cannot listen at systemd: no socket was handed over (LISTEN_FDS)\n";

}  // namespace

TEST_CASE("listening_socket: it takes the sockets that it was started with, in order, once", "[server]") {
    auto first = listening_socket::tcp("127.0.0.1", 0);
    auto second = listening_socket::tcp("127.0.0.1", 0);
    const auto lines = [](const listening_socket& of) { return of.address() + " local\n"; };
    const descriptor one{first.release()};
    const descriptor two{second.release()};
    CHECK(found_with({one.number, two.number}, "2") == lines(first) + lines(second));
    CHECK(found_with({one.number}, "1") == lines(first));
    auto everywhere = listening_socket::tcp("0.0.0.0", 0);
    const descriptor third{everywhere.release()};
    CHECK(found_with({third.number}, "1") == everywhere.address() + " far\n");
}

TEST_CASE("listening_socket: sockets for another process are not taken", "[server]") {
    auto made = listening_socket::tcp("127.0.0.1", 0);
    const descriptor one{made.release()};
    CHECK(found_with({one.number}, "1", false) == nothing);
}

TEST_CASE("listening_socket: a count that is no number of sockets is none", "[server]") {
    auto made = listening_socket::tcp("127.0.0.1", 0);
    const descriptor one{made.release()};
    for (const char* const count : {"", "0", "-1", "one", "1x", " 1", "99999999999999999999"}) {
        CAPTURE(count);
        CHECK(found_with({one.number}, count) == nothing);
    }
    CHECK(found_with({one.number}, "2") == refused(4));  // there is no fourth
    CHECK(found_with({one.number}, "2147483647") == refused(4));
}

TEST_CASE("listening_socket: what was handed over and does not listen to streams is refused", "[server]") {
    auto made = listening_socket::tcp("127.0.0.1", 0);
    const descriptor good{made.release()};
    const descriptor file{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const descriptor datagram{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const descriptor silent{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};  // that nobody told to listen
    const descriptor packets{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    const sockaddr_un unnamed{AF_UNIX, {}};
    REQUIRE(bind(packets.number, reinterpret_cast<const sockaddr*>(&unnamed), sizeof unnamed.sun_family) == 0);
    REQUIRE(listen(packets.number, 1) == 0);
    for (const int each : {file.number, datagram.number, silent.number, packets.number}) {
        CAPTURE(each);
        CHECK(found_with({each}, "1") == refused(3));
        CHECK(found_with({good.number, each}, "2") == refused(4));
    }
}

}  // namespace gatherd::api::server
