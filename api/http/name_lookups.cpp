#include "api/http/name_lookups.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace gatherd::api::http {

namespace {

constexpr std::size_t most_addresses = 16;  // of a name: the rest is left out

struct channel_deleter {
    void operator()(ares_channeldata* channel) const noexcept { ares_destroy(channel); }
};
using channel_ptr = std::unique_ptr<ares_channeldata, channel_deleter>;

/// `on_sockets` is called with which sockets the channel has, and whether it wants to read or write. Null: the channel
/// only reads its settings.
channel_ptr open_channel(const std::string& servers, ares_sock_state_cb on_sockets, void* listener) {
    ares_options options{};
    options.sock_state_cb = on_sockets;
    options.sock_state_cb_data = listener;
    ares_channel made = nullptr;
    const int failed = ares_init_options(&made, &options, ARES_OPT_SOCK_STATE_CB);
    channel_ptr channel{made};
    if (failed == ARES_ENOMEM) {
        throw std::bad_alloc{};
    }
    if (failed != ARES_SUCCESS) {
        throw std::runtime_error{std::string{"cannot ask name servers: "} + ares_strerror(failed)};
    }
    if (!servers.empty()) {
        const int refused = ares_set_servers_ports_csv(made, servers.c_str());
        if (refused == ARES_ENOMEM) {
            throw std::bad_alloc{};
        }
        if (refused != ARES_SUCCESS) {
            throw std::invalid_argument{"http.dns_servers: '" + servers +
                                        "': a name server is an address, or an address with :port"};
        }
    }
    return channel;
}

std::optional<asio::ip::address> address_from(const sockaddr* given) noexcept {
    if (given->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, given, sizeof in);
        return asio::ip::address_v4{ntohl(in.sin_addr.s_addr)};
    }
    if (given->sa_family == AF_INET6) {
        sockaddr_in6 in6{};
        std::memcpy(&in6, given, sizeof in6);
        asio::ip::address_v6::bytes_type bytes{};
        std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
        return asio::ip::address_v6{bytes};
    }
    return std::nullopt;
}

}  // namespace

class name_lookups::question final : public socket_watch::owner, public std::enable_shared_from_this<question> {
public:
    question(name_lookups& all, std::string name)
        : all_{all}, name_{std::move(name)}, timer_{all.reactor_}, channel_{open_channel(all.servers_, &wants, this)} {}

    ~question() {
        channel_.reset();  // tells wants() and answered()
        for (const int each : sockets_) {
            all_.sockets_.forget(each, *this);
        }
    }
    question(const question&) = delete;
    question& operator=(const question&) = delete;

    void ask() {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each kind of socket
        ares_getaddrinfo(channel_.get(), name_.c_str(), nullptr, &hints, &answered, this);
        go_on();
    }

    void ready(int socket, bool readable, bool writable) override {
        ares_process_fd(channel_.get(), readable ? socket : ARES_SOCKET_BAD, writable ? socket : ARES_SOCKET_BAD);
        go_on();
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::vector<std::pair<const void*, callback>>& askers() noexcept { return askers_; }
    [[nodiscard]] lookup_end& end() noexcept { return end_; }

private:
    static void wants(void* self, ares_socket_t socket, int reading, int writing) {
        auto& me = *static_cast<question*>(self);
        if (reading == 0 && writing == 0) {
            me.sockets_.erase(socket);
            me.all_.sockets_.forget(socket, me);
        } else {
            me.sockets_.insert(socket);
            me.all_.sockets_.watch(socket, reading != 0, writing != 0, me);
        }
    }

    static void answered(void* self, int status, int /*timeouts*/, ares_addrinfo* found) {
        auto& me = *static_cast<question*>(self);
        me.is_answered_ = true;
        const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owned{found, ares_freeaddrinfo};
        if (status != ARES_SUCCESS) {
            me.end_.failure = ares_strerror(status);
            return;
        }
        for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
            const auto address = address_from(node->ai_addr);
            if (address && me.end_.addresses.size() < most_addresses) {
                me.end_.addresses.push_back(*address);
            }
        }
        if (me.end_.addresses.empty()) {
            me.end_.failure = "it has no address";
        }
    }

    /// After c-ares has done something: the end, which ends this object's life too, or the next time to ask again.
    void go_on() {
        if (is_answered_) {
            all_.finish(*this);
            return;
        }
        timeval left{};
        if (ares_timeout(channel_.get(), nullptr, &left) != nullptr) {
            timer_.expires_after(std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec});
            timer_.async_wait([self = weak_from_this()](const asio::error_code& failed) {
                const auto alive = self.lock();
                if (!failed && alive != nullptr) {
                    alive->ready(ARES_SOCKET_BAD, false, false);
                }
            });
        }
    }

    name_lookups& all_;
    const std::string name_;
    asio::steady_timer timer_;
    std::set<int> sockets_{};
    std::vector<std::pair<const void*, callback>> askers_{};
    lookup_end end_{};
    bool is_answered_ = false;
    channel_ptr channel_;  // the last: what it tells at its end needs the others
};

name_lookups::name_lookups(asio::io_context& reactor, socket_watch& sockets, std::string servers)
    : reactor_{reactor}, sockets_{sockets}, servers_{std::move(servers)} {}

void name_lookups::check_servers(const std::string& servers) {
    if (!servers.empty()) {
        static_cast<void>(open_channel(servers, nullptr, nullptr));
    }
}

name_lookups::~name_lookups() = default;

void name_lookups::start(const std::string& name, const void* asker, callback done) {
    auto found = questions_.find(name);
    const bool is_new = found == questions_.end();
    if (is_new) {
        try {
            found = questions_.emplace(name, std::make_shared<question>(*this, name)).first;
        } catch (const std::exception& failed) {  // such as no descriptor left to read the system's settings
            done({.failure = failed.what()});
            return;
        }
    }
    question& asked = *found->second;
    asked.askers().emplace_back(asker, std::move(done));
    askers_.emplace(asker, &asked);
    if (is_new) {
        asked.ask();
    }
}

bool name_lookups::cancel(const void* asker) noexcept {
    const auto found = askers_.find(asker);
    if (found == askers_.end()) {
        return false;
    }
    question& asked = *found->second;
    askers_.erase(found);
    std::erase_if(asked.askers(), [asker](const auto& each) { return each.first == asker; });
    if (asked.askers().empty()) {
        questions_.erase(asked.name());
    }
    return true;
}

void name_lookups::finish(question& ended) {
    const auto askers = std::move(ended.askers());
    const lookup_end end = std::move(ended.end());
    for (const auto& each : askers) {
        askers_.erase(each.first);
    }
    questions_.erase(ended.name());
    for (const auto& each : askers) {
        each.second(end);
    }
}

}  // namespace gatherd::api::http
