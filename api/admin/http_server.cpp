#include "api/admin/http_server.hpp"

#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "api/admin/hang_up_watch.hpp"
#include "api/admin/http_request.hpp"
#include "api/admin/read_head.hpp"
#include "api/admin/reading_clients.hpp"
#include "api/log/event.hpp"
#include "api/process/descriptor.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::size_t reserved_connections = 32;
constexpr std::size_t being_closed = 16;                    // connections beyond all of these, until their end is seen
constexpr std::size_t head_bytes = std::size_t{32} * 1024;  // of a request, with what is read of its body

/// What libmicrohttpd carries from a request's target to its first call of `handle`.
char nul_in_target = 0;

void* look_at_target(void* /*self*/, const char* target, MHD_Connection* /*connection*/) noexcept {
    return has_nul(target) ? &nul_in_target : nullptr;
}

}  // namespace

/// All of it belongs to its thread, but start, stop and what never changes.
class http_server::core {
public:
    core(server::listening_socket at, const http_server_options& options, router routes);
    ~core();
    core(const core&) = delete;
    core& operator=(const core&) = delete;

    void start();
    void stop() noexcept;
    void hurry();

    [[nodiscard]] std::size_t owed() const noexcept { return requests_.owed.load(std::memory_order_relaxed); }
    [[nodiscard]] asio::io_context& loop() noexcept { return loop_; }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] bool is_local() const noexcept { return is_local_; }

private:
    static MHD_Result handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                             const char* version, const char* piece, std::size_t* size, void** slot) noexcept;
    static void complete(void* self, MHD_Connection* connection, void** slot, MHD_RequestTerminationCode how) noexcept;
    static void note_connection(void* self, MHD_Connection* connection, void** slot,
                                MHD_ConnectionNotificationCode what) noexcept;

    void run();
    void pump();
    void pump_soon();
    void arm();
    void note_end(std::uint64_t request);
    void end_all();

    const std::string address_;
    const bool is_local_;
    const int family_;
    const std::size_t most_connections_;
    const std::chrono::seconds unread_time_;
    process::descriptor listening_;

    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{loop_.get_executor()};
    MHD_Daemon* daemon_ = nullptr;
    asio::posix::stream_descriptor events_{loop_};  // libmicrohttpd's epoll; not ours to close
    asio::steady_timer timeout_{loop_};
    bool is_waiting_ = false;
    bool is_pump_posted_ = false;
    reading_clients clients_;
    hang_up_watch hang_ups_;
    http_requests requests_;
    std::thread thread_;
};

// ---- what libmicrohttpd calls --------------------------------------------------------------------

MHD_Result http_server::core::handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                                     const char* /*version*/, const char* piece, std::size_t* size,
                                     void** slot) noexcept {
    auto& own = *static_cast<core*>(self);
    try {
        const bool has_nul = *slot == &nul_in_target;
        if (*slot != nullptr && !has_nul) {
            return static_cast<http_request*>(*slot)->go_on(piece, *size);
        }
        *slot = nullptr;
        const auto* const from = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (from == nullptr || from->socket_context == nullptr) {
            return MHD_NO;
        }
        auto& its = *static_cast<http_client*>(from->socket_context);
        request_head head = read_head(connection, url, method, its.descriptor);
        head.has_nul = has_nul;
        auto* const made = new http_request{own.requests_, connection, its};
        *slot = made;  // deleted by `complete`
        return made->start(head);
    } catch (const std::exception& failed) {
        log::error("a request to the admin port was given up", {{"error", failed.what()}});
        return MHD_NO;
    }
}

void http_server::core::complete(void* self, MHD_Connection* /*connection*/, void** slot,
                                 MHD_RequestTerminationCode /*how*/) noexcept {
    void* const left = std::exchange(*slot, nullptr);
    if (left != nullptr && left != &nul_in_target) {
        auto* const ended = static_cast<http_request*>(left);
        static_cast<core*>(self)->clients_.read_on(ended->client());
        delete ended;
    }
}

void http_server::core::note_connection(void* self, MHD_Connection* connection, void** slot,
                                        MHD_ConnectionNotificationCode what) noexcept {
    auto& own = *static_cast<core*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const auto* const socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        try {
            auto made = std::make_unique<http_client>();
            made->descriptor = socket->connect_fd;
            own.clients_.enter(*made);
            *slot = made.release();
        } catch (const std::exception&) {
            ::shutdown(socket->connect_fd, SHUT_RDWR);  // no memory
        }
    } else if (auto* const gone = static_cast<http_client*>(std::exchange(*slot, nullptr))) {
        own.clients_.leave(*gone);
        delete gone;
    }
}

/// The client of that request has gone.
void http_server::core::note_end(std::uint64_t request) {
    if (const auto its = requests_.all.find(request); its != requests_.all.end()) {
        its->second->note_end();
    }
}

// ---- the loop ------------------------------------------------------------------------------------

http_server::core::core(server::listening_socket at, const http_server_options& options, router routes)
    : address_{at.address()},
      is_local_{at.is_local()},
      family_{at.family()},
      most_connections_{options.connections + reserved_connections},
      unread_time_{options.unread_time},
      listening_{at.release()},
      clients_{loop_, most_connections_, options.message_time},
      hang_ups_{loop_, [this](std::uint64_t request) { note_end(request); }},
      requests_{.routes = std::move(routes),
                .most_handled = options.connections,
                .clients = clients_,
                .hang_ups = hang_ups_,
                .pump_soon = [this] { pump_soon(); }} {}

http_server::core::~core() {
    stop();
}

void http_server::core::start() {
    fcntl(listening_.number(), F_SETFL, fcntl(listening_.number(), F_GETFL) | O_NONBLOCK);
    const unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (family_ == AF_INET6 ? static_cast<unsigned>(MHD_USE_IPv6) : 0U);
    daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, &handle, this,                                             //
                               MHD_OPTION_LISTEN_SOCKET, listening_.number(),                                         //
                               MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(most_connections_ + being_closed),  //
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, head_bytes,                                        //
                               MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(unread_time_.count()),            //
                               MHD_OPTION_URI_LOG_CALLBACK, &look_at_target, this,                                    //
                               MHD_OPTION_NOTIFY_COMPLETED, &complete, this,                                          //
                               MHD_OPTION_NOTIFY_CONNECTION, &note_connection, this, MHD_OPTION_END);
    if (daemon_ == nullptr) {
        throw std::runtime_error{"cannot serve the admin port at " + address_ + ": " + std::strerror(errno)};
    }
    listening_.release();  // libmicrohttpd closes it
    events_.assign(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    thread_ = std::thread{[this] { run(); }};
}

void http_server::core::run() {
    pthread_setname_np(pthread_self(), "admin");
    hang_ups_.start();
    pump();
    loop_.run();
}

void http_server::core::stop() noexcept {
    if (thread_.joinable()) {
        asio::post(loop_, [this] { end_all(); });
        thread_.join();
    }
}

void http_server::core::hurry() {
    asio::post(loop_, [this] { clients_.hurry(); });
}

void http_server::core::pump() {
    MHD_run(daemon_);
    arm();
}

void http_server::core::pump_soon() {
    if (!requests_.is_stopping && !std::exchange(is_pump_posted_, true)) {
        asio::post(loop_, [this] {
            is_pump_posted_ = false;
            if (!requests_.is_stopping) {
                pump();
            }
        });
    }
}

/// Arranges the next round: when a socket is ready, or when libmicrohttpd asks for it.
void http_server::core::arm() {
    if (!std::exchange(is_waiting_, true)) {
        events_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& failed) {
            is_waiting_ = false;
            if (!failed && !requests_.is_stopping) {
                pump();
            }
        });
    }
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(daemon_, &milliseconds) != MHD_YES) {
        timeout_.cancel();
    } else if (milliseconds == 0) {
        pump_soon();
    } else {
        timeout_.expires_after(std::chrono::milliseconds{milliseconds});
        timeout_.async_wait([this](const asio::error_code& failed) {
            if (!failed && !requests_.is_stopping) {
                pump();
            }
        });
    }
}

/// A daemon of libmicrohttpd must not be stopped while a connection is suspended.
void http_server::core::end_all() {
    requests_.is_stopping = true;
    for (const auto& [number, each] : requests_.all) {
        if (each->is_suspended()) {
            each->hang_up();
        }
    }
    MHD_run(daemon_);
    events_.release();
    hang_ups_.stop();
    MHD_stop_daemon(daemon_);
    timeout_.cancel();
    clients_.stop();
    loop_.stop();
}

// ---- the server ----------------------------------------------------------------------------------

http_server::http_server(server::listening_socket at, const http_server_options& options, router routes)
    : core_{std::make_unique<core>(std::move(at), options, std::move(routes))} {}

http_server::~http_server() = default;

void http_server::start() {
    core_->start();
}

void http_server::stop() noexcept {
    core_->stop();
}

void http_server::hurry() const {
    core_->hurry();
}

std::size_t http_server::owed() const noexcept {
    return core_->owed();
}

asio::io_context& http_server::loop() noexcept {
    return core_->loop();
}

const std::string& http_server::address() const noexcept {
    return core_->address();
}

bool http_server::is_local() const noexcept {
    return core_->is_local();
}

}  // namespace gatherd::api::admin
