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
    entry& found = entries_[socket];
    const bool is_same = std::exchange(found.listener, &listener) == &listener;
    found.wanted = (reading ? EPOLLIN : 0U) | (writing ? EPOLLOUT : 0U);
    if (is_same && found.known == found.wanted) {
        return;
    }
    epoll_event event{};
    event.events = found.wanted;
    event.data.fd = socket;
    const auto tell_set = [&](int operation) {
        return ::epoll_ctl(set_.native_handle(), operation, socket, &event) == 0;
    };
    const bool is_new = found.known == 0;
    // The second attempt: the number was another socket's, which was closed without a word.
    const bool is_told =
        tell_set(is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD) || tell_set(is_new ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    found.known = is_told ? found.wanted : 0;
}

void socket_watch::rest(int socket, const owner& listener) noexcept {
    const auto found = entries_.find(socket);
    if (found != entries_.end() && found->second.listener == &listener) {
        found->second.wanted = 0;
    }
}

void socket_watch::forget(int socket, const owner& listener) noexcept {
    const auto found = entries_.find(socket);
    if (found == entries_.end() || found->second.listener != &listener) {
        return;
    }
    take_out(socket, found->second);
    entries_.erase(found);
}

void socket_watch::take_out(int socket, entry& resting) noexcept {
    if (std::exchange(resting.known, 0) != 0) {
        ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
    }
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
        const auto found = entries_.find(event.data.fd);
        if (found == entries_.end()) {
            continue;
        }
        if (found->second.wanted == 0) {
            take_out(event.data.fd, found->second);
            continue;
        }
        const bool has_failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
        found->second.listener->ready(event.data.fd, has_failed || (event.events & EPOLLIN) != 0,
                                      has_failed || (event.events & EPOLLOUT) != 0);
    }
}

}  // namespace gatherd::api::http
