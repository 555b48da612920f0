#include "api/server/net/transport.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/error.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

namespace gatherd::api::server {
namespace {

constexpr std::size_t most_at_once = std::numeric_limits<int>::max();

constexpr int dead_peer_milliseconds = 60'000;  // without an acknowledgement of what was sent
constexpr int keepalive_idle_seconds = 30;      // then a probe each ten seconds
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;

void set_option(int socket, int level, int name, int number) noexcept {
    static_cast<void>(setsockopt(socket, level, name, &number, sizeof number));  // it would only make it better
}

}  // namespace

void set_client_options(int socket) noexcept {
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, dead_peer_milliseconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

void transport::session_deleter::operator()(SSL* session) const noexcept {
    SSL_free(session);
}

transport::transport(socket_type socket, const std::shared_ptr<asio::ssl::context>& tls) : socket_{std::move(socket)} {
    asio::error_code failed;  // then each read and write fails as well
    socket_.non_blocking(true, failed);
    if (tls != nullptr) {
        tls_.reset(SSL_new(tls->native_handle()));
        if (tls_ == nullptr || SSL_set_fd(tls_.get(), socket_.native_handle()) != 1) {
            throw std::bad_alloc{};
        }
        SSL_set_accept_state(tls_.get());
    }
}

transport::~transport() = default;

std::size_t transport::read_some(std::span<char> into, asio::error_code& failed) {
    if (tls_ == nullptr) {
        return socket_.read_some(asio::buffer(into.data(), into.size()), failed);
    }
    ERR_clear_error();
    const int got = SSL_read(tls_.get(), into.data(), static_cast<int>(std::min(into.size(), most_at_once)));
    return finish(got, needed_to_read_, failed);
}

std::size_t transport::write_some(std::string_view from, asio::error_code& failed) {
    if (tls_ == nullptr) {
        return socket_.write_some(asio::buffer(from.data(), from.size()), failed);
    }
    ERR_clear_error();
    const int gone = SSL_write(tls_.get(), from.data(), static_cast<int>(std::min(from.size(), most_at_once)));
    return finish(gone, needed_to_write_, failed);
}

std::size_t transport::write_now(std::string_view bytes) noexcept {
    if (tls_ != nullptr) {
        return 0;  // its session is the connection's worker's
    }
    const auto gone = send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return gone > 0 ? static_cast<std::size_t>(gone) : 0;
}

std::size_t transport::unacknowledged() noexcept {
    int bytes = 0;
    return ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

/// What became of an SSL_read or SSL_write, in Asio's words.
std::size_t transport::finish(int outcome, socket_type::wait_type& needed, asio::error_code& failed) noexcept {
    const int system = errno;
    failed = {};
    switch (SSL_get_error(tls_.get(), outcome)) {
        case SSL_ERROR_NONE:
            return static_cast<std::size_t>(outcome);
        case SSL_ERROR_WANT_READ:
            needed = socket_type::wait_read;
            failed = asio::error::would_block;
            break;
        case SSL_ERROR_WANT_WRITE:
            needed = socket_type::wait_write;
            failed = asio::error::would_block;
            break;
        case SSL_ERROR_ZERO_RETURN:
            failed = asio::error::eof;
            break;
        case SSL_ERROR_SYSCALL:
            failed = system == 0 ? asio::error_code{asio::error::connection_reset}
                                 : asio::error_code{system, asio::error::get_system_category()};
            break;
        default:
            failed = asio::error_code{static_cast<int>(ERR_get_error()), asio::error::get_ssl_category()};
            break;
    }
    return 0;
}

bool transport::has_buffered() const noexcept {
    return tls_ != nullptr && SSL_pending(tls_.get()) > 0;
}

bool transport::is_ready() const noexcept {
    return tls_ == nullptr || SSL_is_init_finished(tls_.get()) != 0;
}

bool transport::has_hung_up() noexcept {
    pollfd state{.fd = socket_.native_handle(), .events = 0, .revents = 0};
    if (poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        return true;
    }
    char urgent = 0;
    static_cast<void>(recv(socket_.native_handle(), &urgent, 1, MSG_OOB | MSG_DONTWAIT));
    return false;
}

void transport::shut_send() noexcept {
    if (tls_ != nullptr && is_ready()) {
        ERR_clear_error();
        static_cast<void>(SSL_shutdown(tls_.get()));  // best effort: a full socket takes no notice any more
    }
    asio::error_code ignored;
    socket_.shutdown(socket_type::shutdown_send, ignored);
}

void transport::shut() noexcept {
    asio::error_code ignored;
    socket_.shutdown(socket_type::shutdown_both, ignored);
}

void transport::close() noexcept {
    asio::error_code ignored;
    socket_.close(ignored);
}

}  // namespace gatherd::api::server
