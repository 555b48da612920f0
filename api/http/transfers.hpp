/// \file
/// Requests on their way: libcurl's multi interface on a worker's reactor.
#pragma once

#include <curl/curl.h>

#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/http/allow_list.hpp"
#include "api/http/answer_head.hpp"
#include "api/http/client.hpp"
#include "api/http/message.hpp"
#include "api/http/socket_watch.hpp"
#include "api/http/target.hpp"

namespace gatherd::api::http {

/// One request to one server, and its answer. Whoever starts it keeps it, and all that it points to, until its end.
struct exchange {
    const target* where = nullptr;
    const request* message = nullptr;
    std::vector<asio::ip::address> addresses{};  ///< those of the host that may be connected to

    answer_head head{};
    std::string body{};  ///< empty where the head is a redirect's
};

/// How an exchange ended: with an answer, or by a fault.
using exchange_end = std::optional<fault>;

/// Sends requests and receives answers. Connections are kept for the next request to the same host and port, of
/// whomever, and speak HTTP/2 where the server does.
///
/// libcurl resolves no name, follows no redirect, keeps no cookies and knows no proxy here. It connects to the
/// addresses of the exchange alone; the rules are asked once more before each socket is opened, and before each request
/// is sent on a connection, new or kept.
///
/// Threads: the reactor's alone; but it may be destroyed on another one when the reactor has ended.
class transfers : private socket_watch::owner {
public:
    /// `body_bytes` counts those of all bodies that are being received, by others as well.
    transfers(asio::io_context& reactor, socket_watch& sockets, const allow_list& rules, client_settings settings,
              std::atomic<std::size_t>& body_bytes);
    ~transfers();
    transfers(const transfers&) = delete;
    transfers& operator=(const transfers&) = delete;

    using callback = std::function<void(exchange_end)>;

    /// Calls `done` at the end of it, maybe before this returns.
    void start(exchange& begun, callback done);

    /// Ends it at once: its connection is closed, or of HTTP/2 its stream; its `done` is dropped. False: it has ended.
    bool cancel(exchange& begun) noexcept;

    /// To be set before the first start(): what this object is a part of, so that a timer finds out whether it is gone.
    void set_whole(const std::weak_ptr<void>& whole) { whole_ = whole; }

private:
    class slot;

    void ready(int socket, bool readable, bool writable) override;
    void drive(curl_socket_t socket, int events);
    void collect_ended();
    void arm_timer();
    std::unique_ptr<slot> take_slot();
    void give_back(std::unique_ptr<slot> used) noexcept;

    static int on_close_socket(void* self, curl_socket_t socket);
    static int on_socket(CURL* easy, curl_socket_t socket, int wanted, void* self, void* unused);
    static int on_timer(CURLM* multi, long milliseconds, void* self);

    struct multi_deleter {
        void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
    };

    socket_watch& sockets_;
    const allow_list& rules_;
    const client_settings settings_;
    std::atomic<std::size_t>& body_bytes_;  // relaxed: a count, and nothing else
    asio::steady_timer timer_;
    std::optional<std::chrono::steady_clock::time_point> due_{};    // when libcurl wants to be called
    std::optional<std::chrono::steady_clock::time_point> armed_{};  // when the timer will fire, at the latest due_
    std::weak_ptr<void> whole_{};
    std::unique_ptr<CURLM, multi_deleter> multi_;
    std::vector<std::unique_ptr<slot>> idle_{};
    std::unordered_map<const exchange*, std::unique_ptr<slot>> running_{};
};

}  // namespace gatherd::api::http
