/// \file
/// The least that can stand between a client and a worker, as a yardstick: one thread copies bytes from the client's
/// connection to the worker's socketpair, and back.
///
/// Usage: relay COMMAND... PORT_FILE
#include "bench/workers/process.hpp"

int main(int count, char** words) {
    using namespace gatherd::bench;
    if (count < 3) {
        std::fputs("usage: relay COMMAND... PORT_FILE\n", stderr);
        return 2;
    }
    const std::string port_file = words[count - 1];
    words[count - 1] = nullptr;
    const int worker = start_worker(words + 1);
    const int listener = listen_and_tell(port_file.c_str());
    const int client = checked(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
    const int yes = 1;
    checked(::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), "TCP_NODELAY");
    const int epoll = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    for (const int socket : {client, worker}) {
        epoll_event wanted{.events = EPOLLIN, .data = {.fd = socket}};
        checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &wanted), "epoll_ctl");
    }
    std::vector<char> bytes(1 << 16);
    for (std::array<epoll_event, 2> events;;) {
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int source = events[static_cast<std::size_t>(i)].data.fd;
            const auto got = ::recv(source, bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (got == 0) {
                return 0;
            }
            if (got > 0) {
                send_whole(source == client ? worker : client, {bytes.data(), static_cast<std::size_t>(got)});
            }
        }
    }
}
