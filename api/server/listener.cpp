#include "api/server/listener.hpp"

#include <spdlog/spdlog.h>
#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "api/server/connection.hpp"
#include "api/server/service.hpp"
#include "api/wire/response.hpp"

namespace gatherd::api::server {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds pause_without_descriptors{100};

tcp::endpoint resolve(asio::io_context& io, const std::string& host, std::uint16_t port) {
    asio::error_code failed;
    const auto address = asio::ip::make_address(host, failed);
    if (!failed) {
        return {address, port};
    }
    tcp::resolver resolver{io};
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, failed);
    if (failed || found.empty()) {
        throw std::runtime_error{"cannot listen at " + host + ": " + failed.message()};
    }
    return *found.begin();
}

std::string text_of(const tcp::endpoint& at) {
    std::ostringstream text;
    text << at;
    return text.str();
}

}  // namespace

listener::listener(service& of, const std::string& host, std::uint16_t port)
    : service_{of}, acceptor_{of.runs_on().io(0)} {
    const tcp::endpoint wanted = resolve(of.runs_on().io(0), host, port);
    try {
        acceptor_.open(wanted.protocol());
        acceptor_.set_option(tcp::acceptor::reuse_address{true});
        if (wanted.address().is_v6()) {
            acceptor_.set_option(asio::ip::v6_only{true});
        }
        acceptor_.bind(wanted);
        acceptor_.listen(asio::socket_base::max_listen_connections);
        bound_ = acceptor_.local_endpoint();
    } catch (const asio::system_error& e) {
        throw std::runtime_error{"cannot listen at " + text_of(wanted) + ": " + e.code().message()};
    }
}

std::string listener::address() const {
    return text_of(bound_);
}

void listener::start() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept_next(); });
}

void listener::stop() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
        asio::error_code ignored;
        self->acceptor_.close(ignored);
        self->pause_.cancel();
    });
}

void listener::accept_next() {
    if (!acceptor_.is_open()) {
        return;
    }
    const std::size_t home = next_home_++ % service_.runs_on().workers();
    acceptor_.async_accept(service_.runs_on().io(home),
                           [self = shared_from_this(), home](const asio::error_code& failed, tcp::socket socket) {
                               self->accepted(failed, std::move(socket), home);
                           });
}

void listener::accepted(const asio::error_code& failed, tcp::socket socket, std::size_t home) {
    if (failed == asio::error::operation_aborted) {
        return;
    }
    if (failed) {
        // Out of descriptors, most likely: those who have one finish, then there is one for the next.
        spdlog::warn("cannot accept: {}", failed.message());
        pause_.set(service_.runs_on(), pause_without_descriptors, [self = shared_from_this()] { self->accept_next(); });
        return;
    }
    service_.counts().connections_accepted.fetch_add(1, std::memory_order_relaxed);
    const auto who = std::make_shared<connection>(service_, std::move(socket), home);
    if (service_.enter(who)) {
        asio::post(service_.runs_on().io(home), [who] { who->start(); });
    } else {
        service_.counts().connections_refused.fetch_add(1, std::memory_order_relaxed);
        asio::post(service_.runs_on().io(home), [who] { who->refuse(); });
    }
    accept_next();
}

}  // namespace gatherd::api::server
