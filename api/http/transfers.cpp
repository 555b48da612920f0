#include "api/http/transfers.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace gatherd::api::http {

namespace {

using std::chrono::steady_clock;

void require(bool is_made) {
    if (!is_made) {
        throw std::bad_alloc{};
    }
}

std::optional<asio::ip::address> address_to(const curl_sockaddr& given) noexcept {
    if (given.family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &given.addr, sizeof in);
        return asio::ip::address_v4{ntohl(in.sin_addr.s_addr)};
    }
    if (given.family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, &given.addr, std::min<std::size_t>(sizeof in6, given.addrlen));
        asio::ip::address_v6::bytes_type bytes{};
        std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
        return asio::ip::address_v6{bytes};
    }
    return std::nullopt;
}

struct list_deleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using list_ptr = std::unique_ptr<curl_slist, list_deleter>;

void append(list_ptr& list, const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    require(longer != nullptr);
    static_cast<void>(list.release());
    list.reset(longer);
}

bool has_header(const std::vector<header>& headers, const char* name) noexcept {
    return std::ranges::any_of(headers,
                               [name](const header& each) { return curl_strequal(each.name.c_str(), name) != 0; });
}

}  // namespace

/// An easy handle with all that belongs to it. It serves one exchange after the other.
class transfers::slot {
public:
    explicit slot(transfers& all) : all_{all}, share_{curl_share_init()}, easy_{curl_easy_init()} {
        require(share_ != nullptr && easy_ != nullptr);
        // Names are pinned for this handle alone: in the multi handle's cache two exchanges could pin the same name
        // differently, and nothing would ever take a name out.
        curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
        set_constants();
    }

    void begin(exchange& begun) {
        exchange_ = &begun;
        has_overflown_ = false;
        has_no_memory_ = false;
        was_refused_ = false;
        dropped_ = 0;
        error_text_.front() = '\0';
        set_address();
        set_request();
    }

    [[nodiscard]] CURL* easy() const noexcept { return easy_.get(); }
    [[nodiscard]] const exchange* served() const noexcept { return exchange_; }
    /// When it has ended, whichever way.
    void leave() noexcept { all_.body_bytes_.fetch_sub(exchange_->body.size(), std::memory_order_relaxed); }

    void set_done(callback done) noexcept { done_ = std::move(done); }
    [[nodiscard]] callback take_done() noexcept { return std::exchange(done_, nullptr); }

    [[nodiscard]] exchange_end end_of(CURLcode code) const {
        using fault_kind = fault::kind;
        const answer_head& head = exchange_->head;
        if (code == CURLE_OK ||
            (head.is_complete() && head.is_redirect())) {  // what became of its body does not matter
            return std::nullopt;
        }
        if (has_overflown_) {
            return fault{fault_kind::overflow,
                         "the body is larger than " + std::to_string(exchange_->message->max_body) + " bytes"};
        }
        if (has_no_memory_) {
            return fault{fault_kind::memory, "the answers that are being received have more than " +
                                                 std::to_string(all_.settings_.most_body_bytes) + " bytes together"};
        }
        if (!head.fault().empty()) {
            return fault{fault_kind::connection, std::string{head.fault()}};
        }
        if (code == CURLE_OUT_OF_MEMORY && !head.is_complete()) {  // what libcurl says of a line of more than 100 KiB
            return fault{fault_kind::connection, "a line of the headers is too long"};
        }
        if (was_refused_) {
            return fault{fault_kind::permission, "the address of '" + exchange_->where->host() + "' is not allowed"};
        }
        const char* const text = error_text_.front() != '\0' ? error_text_.data() : curl_easy_strerror(code);
        return fault{fault_kind::connection, text};
    }

private:
    template <typename Value>
    void set(CURLoption option, Value value) {
        const CURLcode failed = curl_easy_setopt(easy_.get(), option, value);
        if (failed != CURLE_OK) {
            throw std::runtime_error{curl_easy_strerror(failed)};
        }
    }

    void set_constants() {
        set(CURLOPT_PRIVATE, this);
        set(CURLOPT_SHARE, share_.get());
        set(CURLOPT_ERRORBUFFER, error_text_.data());
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_PROXY, "");  // not even that of the environment
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
        set(CURLOPT_ACCEPT_ENCODING, "gzip, br");
        set(CURLOPT_USERAGENT, all_.settings_.user_agent.c_str());
        set(CURLOPT_CAPATH,
            static_cast<const char*>(nullptr));  // else the certificates are read again for each connection
        if (!all_.settings_.ca_file.empty()) {
            set(CURLOPT_CAINFO, all_.settings_.ca_file.c_str());
        }
        set(CURLOPT_HEADERFUNCTION, &on_header);
        set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_WRITEFUNCTION, &on_body);
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
        set(CURLOPT_OPENSOCKETDATA, this);
        set(CURLOPT_CLOSESOCKETFUNCTION, &on_close_socket);
        set(CURLOPT_CLOSESOCKETDATA, &all_);  // a connection that is kept outlives this
        set(CURLOPT_PREREQFUNCTION, &before_request);
        set(CURLOPT_PREREQDATA, this);
        set(CURLOPT_RESOLVER_START_FUNCTION, &before_resolving);
        set(CURLOPT_RESOLVER_START_DATA, this);
    }

    /// Pins the name to its addresses, in place of the name that the handle knew before.
    void set_address() {
        const target& where = *exchange_->where;
        pins_.reset();
        if (!pinned_.empty()) {
            append(pins_, "-" + pinned_);
            pinned_.clear();
        }
        if (!where.address()) {
            std::string pin = where.host() + ":" + std::to_string(where.port());
            pinned_ = pin;
            char before = ':';
            for (const auto& each : exchange_->addresses) {
                pin += std::exchange(before, ',');
                pin += each.is_v6() ? "[" + each.to_string() + "]" : each.to_string();
            }
            append(pins_, pin);
        }
        set(CURLOPT_RESOLVE, pins_.get());
        set(CURLOPT_CURLU, where.handle());
    }

    void set_request() {
        const request& asked = *exchange_->message;
        set(CURLOPT_HTTPGET, 1L);  // takes back what the last request has set
        set(CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
        const bool must_have_length = asked.method == "POST" || asked.method == "PUT" || asked.method == "PATCH";
        if (asked.body || must_have_length) {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(asked.body ? asked.body->size() : 0));
            set(CURLOPT_POSTFIELDS, asked.body ? asked.body->data() : "");
            set(CURLOPT_CUSTOMREQUEST, asked.method.c_str());
        } else if (asked.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else if (asked.method != "GET") {
            set(CURLOPT_CUSTOMREQUEST, asked.method.c_str());
        }
        headers_.reset();
        for (const header& each : asked.headers) {
            append(headers_, each.value.empty() ? each.name + ";" : each.name + ": " + each.value);
        }
        for (const char* const unasked : {"Content-Type", "Expect"}) {
            const bool would_be_added = asked.body || must_have_length;
            if (would_be_added && !has_header(asked.headers, unasked)) {
                append(headers_, std::string{unasked} + ":");
            }
        }
        set(CURLOPT_HTTPHEADER, headers_.get());
    }

    [[nodiscard]] bool allows(const asio::ip::address& address, int port) const noexcept {
        const target& where = *exchange_->where;
        return port == where.port() && all_.rules_.allows(where.host(), address, where.port());
    }

    static std::size_t on_header(char* bytes, std::size_t, std::size_t count, void* self) {
        auto& me = *static_cast<slot*>(self);
        try {
            return me.exchange_->head.feed({bytes, count}) ? count : 0;
        } catch (const std::bad_alloc&) {  // it must not leave a function of C
            return 0;
        }
    }

    static std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* self) {
        auto& me = *static_cast<slot*>(self);
        exchange& to = *me.exchange_;
        if (to.head.is_redirect()) {  // read up to here, so that a short one's connection can be kept
            me.dropped_ += count;
            return me.dropped_ > most_dropped ? 0 : count;
        }
        if (count > to.message->max_body - to.body.size()) {
            me.has_overflown_ = true;
            return 0;
        }
        std::atomic<std::size_t>& all_bytes = me.all_.body_bytes_;
        if (all_bytes.fetch_add(count, std::memory_order_relaxed) + count <= me.all_.settings_.most_body_bytes) {
            try {
                to.body.append(bytes, count);
                return count;
            } catch (const std::bad_alloc&) {  // as if it were too much
            }
        }
        all_bytes.fetch_sub(count, std::memory_order_relaxed);
        me.has_no_memory_ = true;
        return 0;
    }

    static curl_socket_t on_open_socket(void* self, curlsocktype, curl_sockaddr* given) {
        auto& me = *static_cast<slot*>(self);
        const auto address = address_to(*given);
        if (!address || !me.allows(*address, me.exchange_->where->port())) {
            me.was_refused_ = true;
            return CURL_SOCKET_BAD;
        }
        const int made = ::socket(given->family, given->socktype | SOCK_CLOEXEC, given->protocol);
        me.all_.sockets_.forget(made, me.all_);  // a socket before it that had this number
        return made;
    }

    /// Of a kept connection, too.
    static int before_request(void* self, char* ip_text, char*, int port, int) {
        auto& me = *static_cast<slot*>(self);
        asio::error_code failed;
        const auto address = asio::ip::make_address(ip_text, failed);
        me.was_refused_ = failed || !me.allows(address, port);
        return me.was_refused_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
    }

    /// Addresses need no resolving, and names are pinned: libcurl never asks for one by a thread of its own.
    static int before_resolving(void*, void*, void* self) {
        const auto& me = *static_cast<slot*>(self);
        return me.exchange_->where->address() ? 0 : 1;
    }

    struct easy_deleter {
        void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    };
    struct share_deleter {
        void operator()(CURLSH* share) const noexcept { curl_share_cleanup(share); }
    };

    static constexpr std::size_t most_dropped = std::size_t{64} << 10;  // of a redirect's body

    transfers& all_;
    exchange* exchange_ = nullptr;
    callback done_{};
    bool has_overflown_ = false;
    bool has_no_memory_ = false;
    bool was_refused_ = false;
    std::size_t dropped_ = 0;
    std::string pinned_{};  // "host:port", in the cache of share_
    list_ptr pins_{};
    list_ptr headers_{};
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::unique_ptr<CURLSH, share_deleter> share_;
    std::unique_ptr<CURL, easy_deleter> easy_;  // goes first
};

transfers::transfers(asio::io_context& reactor, socket_watch& sockets, const allow_list& rules,
                     client_settings settings, std::atomic<std::size_t>& body_bytes)
    : sockets_{sockets},
      rules_{rules},
      settings_{std::move(settings)},
      body_bytes_{body_bytes},
      timer_{reactor},
      multi_{curl_multi_init()} {
    require(multi_ != nullptr);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    const auto most = static_cast<long>(settings_.most_connections);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, most);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, most);  // one that is idle ends for a new one
}

transfers::~transfers() {
    for (auto& each : running_) {
        curl_multi_remove_handle(multi_.get(), each.second->easy());
    }
    running_.clear();
    idle_.clear();
    multi_.reset();  // closes the kept connections, and tells on_socket
}

void transfers::start(exchange& begun, callback done) {
    try {
        slot& used = *running_.emplace(&begun, take_slot()).first->second;
        used.begin(begun);
        require(curl_multi_add_handle(multi_.get(), used.easy()) == CURLM_OK);
        used.set_done(std::move(done));
    } catch (const std::exception& failed) {
        running_.erase(&begun);
        done(fault{fault::kind::connection, failed.what()});
        return;
    }
    drive(CURL_SOCKET_TIMEOUT, 0);  // at once: a timer would begin all that have come by then in one turn
}

bool transfers::cancel(exchange& begun) noexcept {
    auto found = running_.extract(&begun);
    if (found.empty()) {
        return false;
    }
    curl_multi_remove_handle(multi_.get(), found.mapped()->easy());
    static_cast<void>(found.mapped()->take_done());
    found.mapped()->leave();
    give_back(std::move(found.mapped()));
    arm_timer();
    return true;
}

std::unique_ptr<transfers::slot> transfers::take_slot() {
    if (idle_.empty()) {
        return std::make_unique<slot>(*this);
    }
    auto taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
}

void transfers::give_back(std::unique_ptr<slot> used) noexcept {
    if (idle_.size() < settings_.most_connections) {
        idle_.push_back(std::move(used));
    }
}

void transfers::ready(int socket, bool readable, bool writable) {
    drive(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

void transfers::drive(curl_socket_t socket, int events) {
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, events, &running);
    collect_ended();
    arm_timer();
}

void transfers::collect_ended() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        const CURLcode code = message->data.result;
        CURL* const easy = message->easy_handle;
        slot* ended = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &ended);
        curl_multi_remove_handle(multi_.get(), easy);  // `message` is gone
        auto found = running_.extract(ended->served());
        exchange_end end = found.mapped()->end_of(code);
        const callback done = found.mapped()->take_done();
        found.mapped()->leave();
        give_back(std::move(found.mapped()));
        done(std::move(end));
    }
}

/// The timer is not moved while it would fire in time: libcurl changes its mind for each request.
void transfers::arm_timer() {
    if (!due_ || (armed_ && *armed_ <= *due_)) {
        return;
    }
    armed_ = due_;
    timer_.expires_at(*due_);
    timer_.async_wait([this, self = whole_](const asio::error_code& failed) {
        const auto alive = self.lock();
        if (failed || alive == nullptr) {
            return;
        }
        armed_.reset();
        if (due_ && *due_ <= steady_clock::now()) {
            due_.reset();
            drive(CURL_SOCKET_TIMEOUT, 0);
        } else {
            arm_timer();
        }
    });
}

int transfers::on_socket(CURL*, curl_socket_t socket, int wanted, void* self, void*) {
    auto& me = *static_cast<transfers*>(self);
    if (wanted == CURL_POLL_REMOVE) {  // most often its connection is kept, and serves another request
        me.sockets_.rest(socket, me);
    } else {
        me.sockets_.watch(socket, (wanted & CURL_POLL_IN) != 0, (wanted & CURL_POLL_OUT) != 0, me);
    }
    return 0;
}

/// libcurl may say only later that it does not want it any more: by then the number may be another socket's.
int transfers::on_close_socket(void* self, curl_socket_t socket) {
    auto& me = *static_cast<transfers*>(self);
    me.sockets_.forget(socket, me);
    return ::close(socket);
}

int transfers::on_timer(CURLM*, long milliseconds, void* self) {
    auto& me = *static_cast<transfers*>(self);
    if (milliseconds < 0) {
        me.due_.reset();
    } else {
        me.due_ = steady_clock::now() + std::chrono::milliseconds{milliseconds};
    }
    return 0;
}

}  // namespace gatherd::api::http
