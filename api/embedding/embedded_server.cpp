#include "gatherd/api/embedded_server.hpp"

#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "api/functions/standard.hpp"
#include "api/plan/model/registry.hpp"
#include "api/server/drain.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/listener.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/service.hpp"
#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api {

namespace {

using server::listener, server::listening_socket, server::right, server::rights;

plan::registry all_functions(registry own) {
    plan::registry functions;
    functions::add_standard(functions);
    std::move(own).move_to(functions);
    return functions;
}

std::vector<server::token_grant> grants_of(const std::vector<token>& tokens) {
    std::vector<server::token_grant> grants;
    for (const token& each : tokens) {
        if (each.text.empty()) {
            throw std::invalid_argument{"tokens: the text of '" + each.name + "' is empty"};
        }
        auto granted = each.may_administrate ? server::all_rights : static_cast<rights>(right::submit);
        if (each.may_serve) {
            granted |= static_cast<rights>(right::serve);
        }
        grants.push_back({each.name, server::hash_of(each.text), granted});
    }
    return grants;
}

listening_socket open_socket(const std::string& address) {
    constexpr std::string_view local = "unix:";
    if (address.starts_with(local)) {
        return listening_socket::local(address.substr(local.size()), {});
    }
    const auto colon = std::min(address.rfind(':'), address.size());
    std::string_view host{address.data(), colon};
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const std::string_view digits = std::string_view{address}.substr(std::min(colon + 1, address.size()));
    std::uint16_t port = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool is_port = fault == std::errc{} && end == digits.data() + digits.size();
    if (host.empty() || !is_port || (!is_bracketed && host.find(':') != std::string_view::npos)) {
        throw std::invalid_argument{"listen: '" + address +
                                    "' is no address: host:port, [IPv6 address]:port or unix:/path"};
    }
    return listening_socket::tcp(std::string{host}, port);
}

/// SIGINT and SIGTERM are blocked in this thread, and in those that it starts.
class blocked_signals {
public:
    blocked_signals() noexcept {
        sigemptyset(&stopping_);
        sigaddset(&stopping_, SIGINT);
        sigaddset(&stopping_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &stopping_, &before_);
    }
    ~blocked_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;

    void wait() const noexcept {
        int number = 0;
        while (sigwait(&stopping_, &number) != 0) {  // EINTR: a debugger
        }
        // `timeout` sends its signal to the process and then to its group, so it comes twice: that is one request.
        constexpr timespec instant{.tv_sec = 0, .tv_nsec = 50'000'000};
        sigset_t same;
        sigemptyset(&same);
        sigaddset(&same, number);
        static_cast<void>(sigtimedwait(&same, nullptr, &instant));
    }

private:
    sigset_t stopping_{};
    sigset_t before_{};
};

}  // namespace

struct embedded_server::parts {
    parts(const settings& wanted, registry own)
        : grace{wanted.grace},
          functions{all_functions(std::move(own))},
          scheduler{{.workers = wanted.threads, .blocking_threads = wanted.blocking_threads}},
          daemon{scheduler, functions, wanted.bounds, GATHERD_VERSION, wanted.blocking_threads} {
        daemon.change_tokens(grants_of(wanted.tokens));
    }

    void listen(const settings& wanted) {
        if (wanted.listen.empty()) {
            throw std::invalid_argument{"listen: no address"};
        }
        for (const std::string& each : wanted.listen) {
            auto opened = open_socket(each);
            if (!opened.is_local() && wanted.tokens.empty() && !wanted.is_open) {
                throw std::invalid_argument{"listen: whoever reaches " + opened.address() +
                                            " could run plans here: set tokens, or, if that is meant, is_open"};
            }
            listeners.push_back(std::make_shared<listener>(daemon.connections(), std::move(opened), nullptr));
            addresses.push_back(listeners.back()->address());
        }
        for (const auto& each : listeners) {
            each->start();
        }
    }

    /// Whether a call still runs on a thread.
    [[nodiscard]] bool is_blocked() {
        auto* const bulk = daemon.state().made_bulk_scheduler();
        return scheduler.blocking().busy() > 0 || (bulk != nullptr && bulk->blocking().busy() > 0);
    }

    void stop() {
        for (const auto& each : listeners) {
            each->stop();
        }
        server::drain(daemon, grace, [](bool) {});
        for (const auto& each : daemon.connections().all()) {
            each->hang_up();  // of those that do not read
        }
        server::wait_until(std::chrono::steady_clock::time_point::max(), [this] {
            return daemon.connections().size() == 0 && daemon.state().tasks_in_flight()->load() == 0 && !is_blocked();
        });
        daemon.state().bulk().finish();
        daemon.state().stop_bulk();  // what they still do may need a worker
        scheduler.stop();
    }

    const std::chrono::milliseconds grace;
    plan::registry functions;
    executor::scheduler scheduler;
    server::service daemon;
    std::vector<std::shared_ptr<listener>> listeners;
    std::vector<std::string> addresses;
    std::once_flag stopped;
};

embedded_server::embedded_server(const settings& wanted, registry functions)
    : parts_{std::make_unique<parts>(wanted, std::move(functions))} {
    try {
        parts_->listen(wanted);
    } catch (...) {
        stop();
        throw;
    }
}

embedded_server::~embedded_server() {
    stop();
}

const std::vector<std::string>& embedded_server::addresses() const noexcept {
    return parts_->addresses;
}

void embedded_server::stop() noexcept {
    std::call_once(parts_->stopped, [this] { parts_->stop(); });
}

void serve(const settings& wanted, registry functions, const std::function<void(const embedded_server&)>& is_ready) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<blocked_signals> signals{std::in_place};
    embedded_server running{wanted, std::move(functions)};
    if (is_ready) {
        is_ready(running);
    }
    signals->wait();
    signals.reset();  // a second one ends the process
}

}  // namespace gatherd::api
