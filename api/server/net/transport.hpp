/// \file
/// A client's byte stream: a socket, in clear or under TLS.
#pragma once

#include <openssl/types.h>
#include <asio/basic_stream_socket.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace asio::ssl {
class context;
}

namespace gatherd::api::server {

/// Reads and writes without waiting. The kind of socket and TLS are data, not types: in clear they cost one test of a
/// pointer.
///
/// TLS shakes hands by itself during the first reads and writes, which then give would_block until that is done.
///
/// Threads: one at a time.
class transport {
public:
    /// Of a reactor, and of no other executor: Asio's any_io_executor would take 96 bytes more of each idle connection.
    using socket_type = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

    /// `tls` null: in clear. The socket becomes non-blocking.
    transport(socket_type socket, const std::shared_ptr<asio::ssl::context>& tls);
    ~transport();
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    /// As of Asio's sockets: would_block, eof, or what else went wrong.
    std::size_t read_some(std::span<char> into, asio::error_code& failed);
    std::size_t write_some(std::string_view bytes, asio::error_code& failed);

    /// Writes what the system takes without waiting, and tells how much; none after a fault, and none under TLS. From
    /// any thread, while no other one writes or closes.
    [[nodiscard]] std::size_t write_now(std::string_view bytes) noexcept;

    /// Bytes that were written and that the other end has not taken yet; 0 where the system does not tell.
    [[nodiscard]] std::size_t unacknowledged() noexcept;

    /// After would_block: what to wait for before reading or writing again. TLS may have to write in order to read.
    [[nodiscard]] socket_type::wait_type needed_to_read() const noexcept { return needed_to_read_; }
    [[nodiscard]] socket_type::wait_type needed_to_write() const noexcept { return needed_to_write_; }

    /// Bytes have left the socket that read_some has not given yet: waiting for the socket could be in vain.
    [[nodiscard]] bool has_buffered() const noexcept;

    /// False while TLS shakes hands.
    [[nodiscard]] bool is_ready() const noexcept;
    [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }

    /// Says that nothing more will be written.
    void shut_send() noexcept;
    void close() noexcept;

    /// Whether the peer has reset the connection, has hung up, or was found dead. Its end of input alone is none of
    /// these. Urgent data, which also ends a wait for errors, is thrown away.
    [[nodiscard]] bool has_hung_up() noexcept;

    /// Ends both directions, whoever else holds the other end: what has come by now can be read, and then the input
    /// ends.
    void shut() noexcept;

    [[nodiscard]] socket_type& socket() noexcept { return socket_; }

private:
    struct session_deleter {
        void operator()(SSL* session) const noexcept;
    };

    std::size_t finish(int outcome, socket_type::wait_type& needed, asio::error_code& failed) noexcept;

    socket_type socket_;
    std::unique_ptr<SSL, session_deleter> tls_;  // which keeps its context
    socket_type::wait_type needed_to_read_ = socket_type::wait_read;
    socket_type::wait_type needed_to_write_ = socket_type::wait_write;
};

/// Of a TCP connection: small answers leave at once, and a host that vanished is found in about a minute. What the
/// system refuses is left as it is. A Unix socket refuses all of it, and needs none.
void set_client_options(int socket) noexcept;

}  // namespace gatherd::api::server
