#include "api/admin/http_server.hpp"

#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <list>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>

#include "api/http/lower_case.hpp"
#include "api/log/event.hpp"
#include "api/process/descriptor.hpp"

namespace gatherd::api::admin {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds time_when_hurried{2000};  // for the rest of a request, while the daemon stops
constexpr std::size_t reserved_connections = 32;
constexpr std::size_t being_closed = 16;                       // connections beyond all of these, until their end is seen
constexpr std::size_t head_bytes = std::size_t{32} * 1024;     // of a request, with what is read of its body
constexpr std::size_t piece_bytes = std::size_t{32} * 1024;    // of an answer

/// One TCP connection.
struct client {
    int descriptor = -1;
    bool is_reading = true;  // it has not sent a whole request since `since`
    clock::time_point since = clock::now();
    std::list<client*>::iterator place{};  // among those that are read
};

/// What a socket says of an end of its connection.
sockaddr_storage end_of(int descriptor, bool is_ours, socklen_t& size) noexcept {
    sockaddr_storage end{};
    size = sizeof end;
    auto* const at = reinterpret_cast<sockaddr*>(&end);
    static_cast<void>(is_ours ? getsockname(descriptor, at, &size) : getpeername(descriptor, at, &size));
    return end;
}

bool is_loopback(const sockaddr_storage& at) noexcept {
    constexpr std::uint32_t loopback_net = 127;
    if (at.ss_family == AF_INET) {
        return ntohl(reinterpret_cast<const sockaddr_in&>(at).sin_addr.s_addr) >> 24 == loopback_net;
    }
    return at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(at).sin6_addr) != 0;
}

/// Collects what the routes look at.
MHD_Result note_header(void* into, MHD_ValueKind /*kind*/, const char* name, const char* text) noexcept {
    try {
        auto& head = *static_cast<request_head*>(into);
        const std::string lower = http::lower_case(name);
        const std::string value = text == nullptr ? "" : text;
        if (lower == "host") {
            head.hosts.push_back(value);
        } else if (lower == "origin") {
            head.origins.push_back(value);
        } else if (lower == "authorization") {
            head.authorizations.push_back(value);
        } else if (lower == "content-type") {
            head.content_type += value;
        } else if (lower == "content-encoding") {
            head.content_encoding += value;
        } else if (lower == "transfer-encoding") {
            head.is_chunked = true;
            if (http::lower_case(value) != "chunked") {
                head.fault = "of Transfer-Encoding only chunked is understood";
            }
        } else if (lower == "content-length") {
            std::uint64_t bytes = 0;
            std::from_chars(value.data(), value.data() + value.size(), bytes);  // libmicrohttpd has seen that it is one
            if (head.content_length && *head.content_length != bytes) {
                head.fault = "two different Content-Length";
            }
            head.content_length = bytes;
        }
        return MHD_YES;
    } catch (const std::exception&) {
        return MHD_NO;
    }
}

MHD_Result note_argument(void* into, MHD_ValueKind /*kind*/, const char* name, const char* text) noexcept {
    try {
        static_cast<request_head*>(into)->query.emplace_back(name, text == nullptr ? "" : text);
        return MHD_YES;
    } catch (const std::exception&) {
        return MHD_NO;
    }
}

request_head head_of(MHD_Connection* connection, const char* url, const char* method, int descriptor) {
    request_head head{.method = method, .path = url};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, &note_header, &head);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &note_argument, &head);
    if (head.is_chunked) {
        head.content_length.reset();
    }
    socklen_t size = 0;
    const auto peer = end_of(descriptor, false, size);
    head.peer = server::peer_address_of(reinterpret_cast<const sockaddr&>(peer), size);
    socklen_t own_size = 0;
    head.is_on_loopback = is_loopback(peer) && is_loopback(end_of(descriptor, true, own_size));
    return head;
}

}  // namespace

/// All of it belongs to its thread, but start, stop and what never changes.
class http_server::core {
public:
    core(server::listening_socket at, http_server_options options, router routes);
    ~core();
    core(const core&) = delete;
    core& operator=(const core&) = delete;

    void start();
    void stop() noexcept;
    void hurry();

    [[nodiscard]] std::size_t owed() const noexcept { return owed_.load(std::memory_order_relaxed); }
    [[nodiscard]] asio::io_context& loop() noexcept { return loop_; }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] bool is_local() const noexcept { return is_local_; }

private:
    class request;

    static MHD_Result handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                             const char* version, const char* piece, std::size_t* size, void** slot) noexcept;
    static void complete(void* self, MHD_Connection* connection, void** slot,
                         MHD_RequestTerminationCode how) noexcept;
    static void note_connection(void* self, MHD_Connection* connection, void** slot,
                                MHD_ConnectionNotificationCode what) noexcept;

    void run();
    void pump();
    void pump_soon();
    void arm();
    void watch_hang_ups();
    void take_hang_ups();
    void enter(client& made);
    void read_on(client& from);
    void stop_reading(client& from) noexcept;
    void watch_readers();
    void end_all();

    const std::string address_;
    const bool is_local_;
    const int family_;
    process::descriptor listening_;
    const http_server_options options_;
    const router routes_;

    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{loop_.get_executor()};
    MHD_Daemon* daemon_ = nullptr;
    asio::posix::stream_descriptor events_{loop_};  // libmicrohttpd's epoll; not ours to close
    process::descriptor hang_ups_;                  // an epoll of connections whose requests wait
    asio::posix::stream_descriptor hang_up_events_{loop_};
    asio::steady_timer timeout_{loop_};
    asio::steady_timer reading_timer_{loop_};
    bool is_waiting_ = false;
    bool is_pump_posted_ = false;
    bool is_stopping_ = false;
    std::size_t connections_ = 0;
    std::size_t working_ = 0;
    std::atomic<std::size_t> owed_{0};  // only counted
    std::list<client*> readers_{};  // the one that began first comes first
    std::uint64_t last_request_ = 0;
    std::unordered_map<std::uint64_t, request*> requests_{};  // all that there are, by number
    bool is_hurried_ = false;
    std::thread thread_;
};

// ---- one request ---------------------------------------------------------------------------------

class http_server::core::request final : public exchange {
public:
    request(core& server, MHD_Connection* connection, client& from)
        : server_{server}, connection_{connection}, client_{from}, number_{++server.last_request_} {
        server.requests_.emplace(number_, this);
    }

    ~request() override {
        if (handler_ != nullptr && !is_gone_) {
            handler_->detach();
        }
        server_.requests_.erase(number_);
        server_.working_ -= is_counted_ ? 1 : 0;
        server_.owed_.fetch_sub(is_owed_ ? 1 : 0, std::memory_order_relaxed);
        if (response_ != nullptr) {
            MHD_destroy_response(response_);
        }
    }
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    [[nodiscard]] client& from() const noexcept { return client_; }

    MHD_Result start(const request_head& head) {
        if (head.fault != nullptr) {
            answer(text_answer(MHD_HTTP_BAD_REQUEST, head.fault));
            return can_answer_early(head) ? send() : MHD_NO;
        }
        route_outcome outcome = server_.routes_(head);
        if (auto* const made = std::get_if<std::shared_ptr<request_handler>>(&outcome.what)) {
            if (!outcome.is_reserved && server_.working_ >= server_.options_.connections) {
                outcome.what = text_answer(MHD_HTTP_SERVICE_UNAVAILABLE,
                                           "as many requests as admin.connections allows are being handled");
                std::get<http_answer>(outcome.what).headers.push_back({"Retry-After", "1"});
            } else {
                is_counted_ = !outcome.is_reserved;
                server_.working_ += is_counted_ ? 1 : 0;
                handler_ = std::move(*made);
                if (head.has_body()) {
                    watch_for_its_end();
                }
                handler_->attach(*this);
            }
        }
        if (auto* const whole = std::get_if<http_answer>(&outcome.what)) {
            answer(std::move(*whole));
            if (head.has_body() && can_answer_early(head)) {
                return send();
            }
        }
        return MHD_YES;
    }

    MHD_Result go_on(const char* piece, std::size_t& size) {
        if (is_gone_ || server_.is_stopping_) {
            return MHD_NO;
        }
        if (size > 0) {
            size -= handler_ == nullptr ? size : handler_->take({piece, size});
            if (size > 0) {
                suspend();
            }
            return MHD_YES;
        }
        if (!std::exchange(is_whole_, true)) {
            server_.stop_reading(client_);
            stop_watching();
            if (handler_ != nullptr) {
                is_owed_ = handler_->is_owed();
                server_.owed_.fetch_add(is_owed_ ? 1 : 0, std::memory_order_relaxed);
            }
            if (handler_ != nullptr && response_ == nullptr) {
                handler_->begin();
            }
        }
        if (response_ != nullptr) {
            return send();
        }
        suspend();
        return MHD_YES;
    }

    void answer(http_answer whole) override {
        set_response(MHD_create_response_from_buffer(whole.body.size(), whole.body.data(), MHD_RESPMEM_MUST_COPY), whole);
    }

    void begin_answer(http_answer head, std::optional<std::uint64_t> body_bytes) override {
        set_response(MHD_create_response_from_callback(body_bytes.value_or(MHD_SIZE_UNKNOWN), piece_bytes, &read, this,
                                                       nullptr),
                     head);
    }

    void wake() override {
        if (std::exchange(is_suspended_, false)) {
            if (is_whole_) {
                stop_watching();
            } else {
                server_.read_on(client_);
            }
            MHD_resume_connection(connection_);
            server_.pump_soon();
        }
    }

    [[nodiscard]] bool is_suspended() const noexcept { return is_suspended_; }

    /// The end of its client was seen. Before the whole request is there libmicrohttpd would wait for the rest, but for
    /// the end of the socket.
    void note_end() {
        stop_watching();
        if (is_suspended_) {
            hang_up();
        } else if (!is_whole_) {
            ::shutdown(client_.descriptor, SHUT_RDWR);
        }
    }

    /// The client has gone, or will.
    void hang_up() {
        if (handler_ != nullptr && !is_gone_) {
            handler_->detach();
        }
        is_gone_ = true;
        wake();
    }

private:
    /// Whether libmicrohttpd takes an answer before the body, and then closes the connection without reading that.
    static bool can_answer_early(const request_head& head) { return head.method == "POST" || head.method == "PUT"; }

    void set_response(MHD_Response* made, const http_answer& head) {
        if (made == nullptr) {
            throw std::bad_alloc{};
        }
        if (response_ != nullptr) {
            MHD_destroy_response(response_);
        }
        response_ = made;
        status_ = head.status;
        MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(made, "Cache-Control", "no-store");
        if (!head.type.empty()) {
            MHD_add_response_header(made, "Content-Type", head.type.c_str());
        }
        for (const http_header& each : head.headers) {
            MHD_add_response_header(made, each.name.c_str(), each.value.c_str());
        }
        wake();
    }

    MHD_Result send() {
        MHD_Response* const whole = std::exchange(response_, nullptr);
        const MHD_Result queued = MHD_queue_response(connection_, status_, whole);
        MHD_destroy_response(whole);  // the connection has a count of its own
        return queued;
    }

    /// Nothing is read or written until wake; that the client goes is noticed.
    void suspend() {
        server_.stop_reading(client_);
        is_suspended_ = true;
        watch_for_its_end();
        MHD_suspend_connection(connection_);
    }

    void watch_for_its_end() noexcept {
        if (!std::exchange(is_watched_, true)) {
            epoll_event wanted{.events = EPOLLRDHUP, .data = {.u64 = number_}};
            epoll_ctl(server_.hang_ups_.number(), EPOLL_CTL_ADD, client_.descriptor, &wanted);
        }
    }

    void stop_watching() noexcept {
        if (std::exchange(is_watched_, false)) {
            epoll_ctl(server_.hang_ups_.number(), EPOLL_CTL_DEL, client_.descriptor, nullptr);
        }
    }

    static ssize_t read(void* self, std::uint64_t /*position*/, char* into, std::size_t most) noexcept {
        auto& own = *static_cast<request*>(self);
        try {
            const ssize_t got = own.is_gone_ || own.server_.is_stopping_ || own.handler_ == nullptr
                                    ? request_handler::read_end::broken
                                    : own.handler_->read(into, most);
            if (got == 0) {
                own.suspend();
            }
            return got == request_handler::read_end::broken    ? MHD_CONTENT_READER_END_WITH_ERROR
                   : got == request_handler::read_end::of_body ? MHD_CONTENT_READER_END_OF_STREAM
                                                               : got;
        } catch (const std::exception& failed) {
            log::error("an answer of the admin port ended early", {{"error", failed.what()}});
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }

    core& server_;
    MHD_Connection* const connection_;
    client& client_;
    const std::uint64_t number_;
    std::shared_ptr<request_handler> handler_{};
    MHD_Response* response_ = nullptr;  // to be sent
    unsigned status_ = 0;
    bool is_counted_ = false;
    bool is_owed_ = false;
    bool is_watched_ = false;
    bool is_whole_ = false;
    bool is_suspended_ = false;
    bool is_gone_ = false;
};

// ---- what libmicrohttpd calls --------------------------------------------------------------------

MHD_Result http_server::core::handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                                     const char* /*version*/, const char* piece, std::size_t* size,
                                     void** slot) noexcept {
    auto& own = *static_cast<core*>(self);
    try {
        if (*slot != nullptr) {
            return static_cast<request*>(*slot)->go_on(piece, *size);
        }
        const auto* const from = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (from == nullptr || from->socket_context == nullptr) {
            return MHD_NO;
        }
        auto& its = *static_cast<client*>(from->socket_context);
        const request_head head = head_of(connection, url, method, its.descriptor);
        auto* const made = new request{own, connection, its};
        *slot = made;  // deleted by `complete`
        return made->start(head);
    } catch (const std::exception& failed) {
        log::error("a request to the admin port was given up", {{"error", failed.what()}});
        return MHD_NO;
    }
}

void http_server::core::complete(void* self, MHD_Connection* /*connection*/, void** slot,
                                 MHD_RequestTerminationCode /*how*/) noexcept {
    auto* const ended = static_cast<request*>(std::exchange(*slot, nullptr));
    if (ended != nullptr) {
        static_cast<core*>(self)->read_on(ended->from());
        delete ended;
    }
}

void http_server::core::note_connection(void* self, MHD_Connection* connection, void** slot,
                                        MHD_ConnectionNotificationCode what) noexcept {
    auto& own = *static_cast<core*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const auto* const socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        try {
            auto made = std::make_unique<client>();
            made->descriptor = socket->connect_fd;
            own.enter(*made);
            *slot = made.release();
        } catch (const std::exception&) {
            ::shutdown(socket->connect_fd, SHUT_RDWR);  // no memory
        }
    } else if (auto* const gone = static_cast<client*>(std::exchange(*slot, nullptr))) {
        own.stop_reading(*gone);
        --own.connections_;
        delete gone;
    }
}

// ---- who may stay --------------------------------------------------------------------------------

void http_server::core::enter(client& made) {
    ++connections_;
    if (connections_ > options_.connections + reserved_connections) {
        // Its end is seen in the next round. The socket is libmicrohttpd's to close.
        client& first = readers_.empty() ? made : *readers_.front();
        if (&first != &made) {
            stop_reading(first);
        }
        ::shutdown(first.descriptor, SHUT_RDWR);
    }
    made.place = readers_.insert(readers_.end(), &made);
    watch_readers();
}

/// It may begin a request, or go on with one.
void http_server::core::read_on(client& from) {
    if (!from.is_reading) {
        from.place = readers_.insert(readers_.end(), &from);
        from.is_reading = true;
        from.since = clock::now();
        watch_readers();
    }
}

void http_server::core::stop_reading(client& from) noexcept {
    if (std::exchange(from.is_reading, false)) {
        readers_.erase(from.place);
    }
}

/// Closes those who take too long, and looks again when the next one would.
void http_server::core::watch_readers() {
    const auto time = is_hurried_ ? std::min(options_.message_time(), time_when_hurried) : options_.message_time();
    while (!readers_.empty() && readers_.front()->since + time <= clock::now()) {
        client& late = *readers_.front();
        stop_reading(late);
        ::shutdown(late.descriptor, SHUT_RDWR);
    }
    if (readers_.empty()) {
        reading_timer_.cancel();
        return;
    }
    reading_timer_.expires_at(readers_.front()->since + time);
    reading_timer_.async_wait([this](const asio::error_code& failed) {
        if (!failed) {
            watch_readers();
        }
    });
}

void http_server::core::watch_hang_ups() {
    hang_up_events_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& failed) {
        if (!failed) {
            take_hang_ups();
            watch_hang_ups();
        }
    });
}

void http_server::core::take_hang_ups() {
    std::array<epoll_event, 64> found{};
    const int count = epoll_wait(hang_ups_.number(), found.data(), static_cast<int>(found.size()), 0);
    for (int i = 0; i < count; ++i) {
        if (const auto its = requests_.find(found.at(static_cast<std::size_t>(i)).data.u64); its != requests_.end()) {
            its->second->note_end();
        }
    }
}

void http_server::core::hurry() {
    asio::post(loop_, [this] {
        is_hurried_ = true;
        watch_readers();
    });
}

// ---- the loop ------------------------------------------------------------------------------------

http_server::core::core(server::listening_socket at, http_server_options options, router routes)
    : address_{at.address()},
      is_local_{at.is_local()},
      family_{at.family()},
      listening_{at.release()},
      options_{std::move(options)},
      routes_{std::move(routes)} {}

http_server::core::~core() {
    stop();
}

void http_server::core::start() {
    fcntl(listening_.number(), F_SETFL, fcntl(listening_.number(), F_GETFL) | O_NONBLOCK);
    hang_ups_ = process::descriptor{epoll_create1(EPOLL_CLOEXEC)};
    const unsigned most = static_cast<unsigned>(options_.connections + reserved_connections + being_closed);
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (family_ == AF_INET6 ? static_cast<unsigned>(MHD_USE_IPv6) : 0U);
    daemon_ = !hang_ups_ ? nullptr
                         : MHD_start_daemon(flags, 0, nullptr, nullptr, &handle, this,                            //
                                            MHD_OPTION_LISTEN_SOCKET, listening_.number(),                        //
                                            MHD_OPTION_CONNECTION_LIMIT, most,                                    //
                                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, head_bytes,                       //
                                            MHD_OPTION_CONNECTION_TIMEOUT,                                        //
                                            static_cast<unsigned>(options_.unread_time.count()),                  //
                                            MHD_OPTION_NOTIFY_COMPLETED, &complete, this,                         //
                                            MHD_OPTION_NOTIFY_CONNECTION, &note_connection, this, MHD_OPTION_END);
    if (daemon_ == nullptr) {
        throw std::runtime_error{"cannot serve the admin port at " + address_ + ": " + std::strerror(errno)};
    }
    listening_.release();  // libmicrohttpd closes it
    events_.assign(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    hang_up_events_.assign(hang_ups_.number());
    thread_ = std::thread{[this] { run(); }};
}

void http_server::core::run() {
    pthread_setname_np(pthread_self(), "admin");
    watch_hang_ups();
    pump();
    loop_.run();
}

void http_server::core::stop() noexcept {
    if (thread_.joinable()) {
        asio::post(loop_, [this] { end_all(); });
        thread_.join();
    }
}

void http_server::core::pump() {
    MHD_run(daemon_);
    arm();
}

void http_server::core::pump_soon() {
    if (!is_stopping_ && !std::exchange(is_pump_posted_, true)) {
        asio::post(loop_, [this] {
            is_pump_posted_ = false;
            if (!is_stopping_) {
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
            if (!failed && !is_stopping_) {
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
            if (!failed && !is_stopping_) {
                pump();
            }
        });
    }
}

/// A daemon of libmicrohttpd must not be stopped while a connection is suspended.
void http_server::core::end_all() {
    is_stopping_ = true;
    for (const auto& [number, each] : requests_) {
        if (each->is_suspended()) {
            each->hang_up();
        }
    }
    MHD_run(daemon_);
    events_.release();
    hang_up_events_.release();
    MHD_stop_daemon(daemon_);
    timeout_.cancel();
    reading_timer_.cancel();
    loop_.stop();
}

// ---- the server ----------------------------------------------------------------------------------

http_server::http_server(server::listening_socket at, http_server_options options, router routes)
    : core_{std::make_unique<core>(std::move(at), std::move(options), std::move(routes))} {}

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
