#include "api/http/socket_watch.hpp"

#include <sys/epoll.h>

#include <array>
#include <asio/system_error.hpp>
#include <cerrno>
#include <utility>

namespace gatherd::api::http {

namespace {

/// So many are told in a turn: then the reactor's other sockets have theirs.
constexpr int most_in_turn = 32;

int make_set() {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0) {
        throw asio::system_error{asio::error_code{errno, asio::error::get_system_category()}};
    }
    return made;
}

}  // namespace

socket_watch::socket_watch(asio::io_context& reactor) : set_{reactor, make_set()} {}

void socket_watch::watch(int socket, bool reading, bool writing, owner& listener) {
    epoll_event event{};
    event.events = (reading ? EPOLLIN : 0U) | (writing ? EPOLLOUT : 0U);
    event.data.fd = socket;
    const bool is_new = owners_.insert_or_assign(socket, &listener).second;
    const auto tell_set = [&](int operation) {
        return ::epoll_ctl(set_.native_handle(), operation, socket, &event) == 0;
    };
    if (!tell_set(is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD)) {
        // The number was another socket's, which was closed without a word.
        tell_set(is_new ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    }
}

void socket_watch::forget(int socket, const owner& listener) noexcept {
    const auto found = owners_.find(socket);
    if (found == owners_.end() || found->second != &listener) {
        return;
    }
    owners_.erase(found);
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
}

void socket_watch::start(const std::shared_ptr<void>& alive) {
    if (!is_waiting_) {
        is_waiting_ = true;
        wait(alive);
    }
}

void socket_watch::stop() noexcept {
    is_waiting_ = false;
    asio::error_code ignored;
    set_.cancel(ignored);
}

void socket_watch::wait(std::shared_ptr<void> alive) {
    set_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this, alive = std::move(alive)](const asio::error_code& failed) mutable {
                        if (!failed && is_waiting_) {
                            tell_owners();
                            wait(std::move(alive));
                        }
                    });
}

void socket_watch::tell_owners() {
    std::array<epoll_event, most_in_turn> events;
    const int count = ::epoll_wait(set_.native_handle(), events.data(), most_in_turn, 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        // The owner of an earlier one may have closed this one. If its number is another socket's already, that one is
        // told in vain, which does no harm: none of them blocks.
        const auto found = owners_.find(event.data.fd);
        if (found != owners_.end()) {
            const bool has_failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
            found->second->ready(event.data.fd, has_failed || (event.events & EPOLLIN) != 0,
                                 has_failed || (event.events & EPOLLOUT) != 0);
        }
    }
}

}  // namespace gatherd::api::http
