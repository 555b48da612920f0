/// \file
/// What the bare server and its kin share: one thread, one epoll, lines in and lines out.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatherd::bench {

/// Ends the process with the reason where a call of the system failed.
inline int checked(int result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

/// Listens at a free port of 127.0.0.1 and writes "127.0.0.1:PORT" to the file, as `gatherd serve --port-file` does.
inline int listen_and_tell(const char* port_file) {
    const int listener = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    checked(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    checked(::listen(listener, 4096), "listen");
    socklen_t size = sizeof address;
    checked(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    std::ofstream{port_file} << "127.0.0.1:" << ntohs(address.sin_port) << std::endl;
    return listener;
}

/// Serves for ever: `answer(line, out)` is called for each line and appends what is to be sent.
///
/// As little as a server can do: what a socket has is read at once, its whole lines are answered, and all answers go
/// out in one write. Reading from a client that does not read stops until it does.
template <typename Answer>
[[noreturn]] void serve_lines(int listener, const Answer& answer) {
    struct client {
        std::string in;   // the beginning of a line
        std::string out;  // what the socket did not take
    };
    const int epoll = checked(::epoll_create1(0), "epoll_create1");
    std::unordered_map<int, client> clients;
    std::vector<char> scratch(std::size_t{1} << 18);
    std::string out;
    const auto watch = [epoll](int socket, int operation, std::uint32_t events) {
        epoll_event wanted{.events = events, .data = {.fd = socket}};
        checked(::epoll_ctl(epoll, operation, socket, &wanted), "epoll_ctl");
    };
    const auto send_all = [&](int socket, client& to) {
        const bool was_blocked = !to.out.empty();
        if (was_blocked) {
            to.out += out;
            out.swap(to.out);
            to.out.clear();
        }
        std::size_t sent = 0;
        while (sent < out.size()) {
            const auto count = ::send(socket, out.data() + sent, out.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0) {
                break;
            }
            sent += static_cast<std::size_t>(count);
        }
        to.out.assign(out, sent);
        if (was_blocked != !to.out.empty()) {
            watch(socket, EPOLL_CTL_MOD, to.out.empty() ? EPOLLIN : EPOLLOUT);
        }
        out.clear();
    };
    const auto take_lines = [&](std::string_view bytes) {
        std::size_t taken = 0;
        for (std::size_t end; (end = bytes.find('\n', taken)) != bytes.npos; taken = end + 1) {
            answer(bytes.substr(taken, end - taken), out);
        }
        return taken;
    };
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    for (std::array<epoll_event, 128> events;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int socket = events[static_cast<std::size_t>(i)].data.fd;
            if (socket == listener) {
                const int accepted = ::accept(listener, nullptr, nullptr);
                if (accepted >= 0) {
                    const int yes = 1;
                    ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    watch(accepted, EPOLL_CTL_ADD, EPOLLIN);
                }
                continue;
            }
            client& of = clients[socket];
            if (!of.out.empty()) {
                send_all(socket, of);
                continue;
            }
            const auto got = ::recv(socket, scratch.data(), scratch.size(), MSG_DONTWAIT);
            if (got <= 0) {
                if (got == 0 || errno != EAGAIN) {
                    clients.erase(socket);
                    ::close(socket);
                }
                continue;
            }
            const std::string_view bytes{scratch.data(), static_cast<std::size_t>(got)};
            if (of.in.empty()) {
                of.in = bytes.substr(take_lines(bytes));
            } else {
                of.in += bytes;
                of.in.erase(0, take_lines(of.in));
            }
            send_all(socket, of);
        }
    }
}

}  // namespace gatherd::bench
