// A TCP server that sends back what it gets, one task for each connection, until Ctrl-C.
//
//   echo_server [PORT]    by default any free port, which it prints
#include <array>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "gatherd/executor/run.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/use_task.hpp"

using asio::ip::tcp;
using namespace gatherd::executor;

// A coroutine's parameters live in its frame: the socket is closed when the session ends.
task<> session(tcp::socket peer) {
    std::array<char, 4096> buffer;
    try {
        while (true) {
            const std::size_t n = co_await peer.async_read_some(asio::buffer(buffer), use_task);
            co_await asio::async_write(peer, asio::buffer(buffer, n), use_task);
        }
    } catch (const std::system_error& error) {
        std::printf("session: %s\n", error.code().message().c_str());
        std::fflush(stdout);
    }
}

task<> serve(unsigned short port) {
    tcp::acceptor acceptor{this_io(), tcp::endpoint{asio::ip::address_v4::loopback(), port}};
    std::printf("listening on port %u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    const auto accepts = [&acceptor](task_group& sessions) -> task<> {
        scheduler& workers = *scheduler::current();
        for (std::size_t i = 0;; ++i) {
            // The event loops of the workers take turns with the connections.
            tcp::socket peer = co_await acceptor.async_accept(workers.io(i % workers.workers()), use_task);
            sessions.create_task(session(std::move(peer)));
        }
    };
    co_await with_task_group(accepts);  // a cancellation cancels the sessions too, and waits for them
}

int main(int argc, char** argv) {
    const auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0);
    try {
        run(serve(port), {.handle_sigint = true});
    } catch (const keyboard_interrupt&) {
        std::puts("stopped");
    } catch (const std::system_error& error) {
        std::fprintf(stderr, "echo_server: %s\n", error.what());
        return 1;
    }
}
