/// \file
/// A connection and its client, moved on by hand.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "api/functions/standard.hpp"
#include "api/server/net/connection.hpp"
#include "idle_service.hpp"

namespace gatherd::api::server::tests {

/// The connection's reactor is the test's own thread: nothing happens but in `turn` and `read_line`, so what has not
/// been sent after a turn was not sent, but for answers of programs that have waited.
class connected_client {
public:
    explicit connected_client(limits bounds = {}) : service_{bounds} {
        functions::add_standard(service_.functions);
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) == 0);
        ours_ = std::make_shared<connection>(
            service_.of.connections(),
            transport::socket_type{reactor_, asio::generic::stream_protocol{AF_UNIX, 0}, ends_[0]}, nullptr,
            peer_address{});
        ours_->start();
    }
    ~connected_client() {
        service_.stop();  // before the reactor goes, to which its threads may still post
        ::close(ends_[1]);
    }
    connected_client(const connected_client&) = delete;
    connected_client& operator=(const connected_client&) = delete;

    /// Whatever is ready on our side is done.
    void turn() {
        reactor_.restart();
        reactor_.poll();
    }

    /// The client sends that, and it is handled as far as it can be now.
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(ends_[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
            bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
            turn();
        }
    }

    /// The client sends that, less than the system keeps for a socket. Nothing is handled yet.
    void write(std::string_view bytes) {
        REQUIRE(::send(ends_[1], bytes.data(), bytes.size(), MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size()));
    }

    /// One thing that is ready on our side is done. False: there was none.
    [[nodiscard]] bool step() {
        reactor_.restart();
        return reactor_.poll_one() > 0;
    }

    /// What has come to the client by now, after a turn.
    [[nodiscard]] std::string read() {
        turn();
        return take();
    }

    /// What has come to the client by now.
    [[nodiscard]] std::string take() {
        std::array<char, 4096> bytes{};
        std::string all;
        for (ssize_t count = 0; (count = ::recv(ends_[1], bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0;) {
            all.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return all;
    }

    /// Up to the end of a line, however long that takes.
    [[nodiscard]] std::string read_line() {
        std::string all = read();
        while (!all.ends_with('\n')) {
            wait();
            all += read();
        }
        return all;
    }

    /// Up to the end of all, however long that takes.
    [[nodiscard]] std::string read_to_end() {
        std::string all;
        char byte = 0;
        while (::recv(ends_[1], &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0) {
            all += take();
            wait();
        }
        return all;
    }

    [[nodiscard]] const std::shared_ptr<connection>& ours() const noexcept { return ours_; }
    [[nodiscard]] service& of() noexcept { return service_.of; }

private:
    /// Until something has happened on our side, or for a moment: a thread of the scheduler may write its answer
    /// itself, of which the reactor knows nothing.
    void wait() {
        reactor_.restart();
        reactor_.run_one_for(std::chrono::milliseconds{1});
    }

    idle_service service_;
    asio::io_context reactor_;
    std::array<int, 2> ends_{};
    std::shared_ptr<connection> ours_;  // goes before its reactor
};

}  // namespace gatherd::api::server::tests
