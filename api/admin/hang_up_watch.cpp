#include "api/admin/hang_up_watch.hpp"

#include <sys/epoll.h>

#include <array>
#include <asio/io_context.hpp>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

namespace gatherd::api::admin {
namespace {

process::descriptor made_epoll() {
    process::descriptor made{epoll_create1(EPOLL_CLOEXEC)};
    if (!made) {
        throw std::system_error{errno, std::system_category(), "epoll_create1"};
    }
    return made;
}

}  // namespace

hang_up_watch::hang_up_watch(asio::io_context& loop, std::function<void(std::uint64_t)> gone)
    : epoll_{made_epoll()}, gone_{std::move(gone)}, events_{loop} {}

void hang_up_watch::start() {
    if (!events_.is_open()) {
        events_.assign(epoll_.number());
    }
    events_.async_wait(asio::posix::descriptor_base::wait_read, [this](const asio::error_code& failed) {
        if (!failed) {
            tell();
            start();
        }
    });
}

void hang_up_watch::add(int socket, std::uint64_t number) noexcept {
    epoll_event wanted{.events = EPOLLRDHUP, .data = {.u64 = number}};
    epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, socket, &wanted);
}

void hang_up_watch::remove(int socket) noexcept {
    epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, socket, nullptr);
}

void hang_up_watch::tell() {
    std::array<epoll_event, 64> found{};
    const int count = epoll_wait(epoll_.number(), found.data(), static_cast<int>(found.size()), 0);
    for (int i = 0; i < count; ++i) {
        gone_(found.at(static_cast<std::size_t>(i)).data.u64);
    }
}

}  // namespace gatherd::api::admin
