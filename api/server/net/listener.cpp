#include "api/server/net/listener.hpp"

#include <asio/post.hpp>

#include <chrono>
#include <utility>

#include "api/log/event.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/tls_context.hpp"
#include "api/server/net/worker_messages.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::chrono::milliseconds pause_without_descriptors{100};

}  // namespace

listener::listener(connection_table& table, listening_socket at, std::shared_ptr<const tls_context> tls)
    : table_{table},
      state_{table.state()},
      at_{std::move(at)},
      tls_{std::move(tls)},
      acceptor_{state_.runs_on().io(0)},
      failures_{1, 1.0 / 60, state_.runs_on(), [address = at_.address()](std::uint64_t left_out) {
                    log::warn("failures to accept were not logged, there were too many",
                              {{"address", address}, {"not_logged", left_out}});
                }} {
    acceptor_.assign(protocol{at_.family(), 0}, at_.release());
}

void listener::start() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept_next(); });
}

void listener::stop() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
        asio::error_code ignored;
        self->acceptor_.close(ignored);
        self->at_.remove_file();
        self->pause_.cancel();
    });
}

void listener::accept_next() {
    if (!acceptor_.is_open()) {
        return;
    }
    const std::size_t home = next_home_++ % state_.runs_on().workers();
    acceptor_.async_accept(state_.runs_on().io(home).get_executor(), peer_,
                           [self = shared_from_this(), home](const asio::error_code& failed, socket_type socket) {
                               self->accepted(failed, std::move(socket), home);
                           });
}

void listener::accepted(const asio::error_code& failed, socket_type socket, std::size_t home) {
    if (failed == asio::error::operation_aborted) {
        return;
    }
    if (failed) {
        // Out of descriptors, most likely: those who have one finish, then there is one for the next.
        if (failures_.pass()) {
            log::warn("cannot accept", {{"address", at_.address()}, {"error", failed.message()}});
        }
        pause_.set(state_.runs_on(), pause_without_descriptors, [self = shared_from_this()] { self->accept_next(); });
        return;
    }
    let_in(table_, std::move(socket), tls_ == nullptr ? nullptr : tls_->now(),
           peer_address_of(*peer_.data(), peer_.size()), home);
    accept_next();
}

std::shared_ptr<workers::worker> let_in_process(connection_table& table, process::descriptor end,
                                                std::shared_ptr<workers::pool_member> member) {
    const std::size_t home = static_cast<std::size_t>(member->pid) % table.state().runs_on().workers();
    transport::socket_type socket{table.state().runs_on().io(home).get_executor(),
                                  asio::generic::stream_protocol{AF_UNIX, 0}, end.release()};
    const auto made = std::make_shared<connection>(table, std::move(socket), nullptr, peer_address{});
    auto worker = make_worker(made, std::move(member));
    made->become_process(worker);
    table.state().workers().join(*worker);
    table.state().counts().add(event::connections_accepted);
    static_cast<void>(table.enter(made));  // no limit is for workers of the daemon's own
    asio::post(table.state().runs_on().io(home), [made] { made->start(); });
    return worker;
}

std::shared_ptr<connection> let_in_http(connection_table& table, process::descriptor end, const http_caller& caller,
                                        std::size_t home) {
    transport::socket_type socket{table.state().runs_on().io(home).get_executor(),
                                  asio::generic::stream_protocol{AF_UNIX, 0}, end.release()};
    auto made = std::make_shared<connection>(table, std::move(socket), nullptr, caller.peer);
    made->become_http(caller);
    static_cast<void>(table.enter(made));  // no limit is for it: the admin port has one of its own
    asio::post(table.state().runs_on().io(home), [made] { made->start(); });
    return made;
}

void let_in(connection_table& table, transport::socket_type socket, const std::shared_ptr<asio::ssl::context>& tls,
            const peer_address& peer, std::size_t home) {
    table.state().counts().add(event::connections_accepted);
    const auto who = std::make_shared<connection>(table, std::move(socket), tls, peer);
    const char* const limit = table.enter(who);
    if (limit == nullptr) {
        asio::post(table.state().runs_on().io(home), [who] { who->start(); });
    } else {
        table.state().counts().add(event::connections_refused);
        table.state().counts().add_limit(limit);
        asio::post(table.state().runs_on().io(home), [who, limit] { who->refuse(limit); });
    }
}

}  // namespace gatherd::api::server
