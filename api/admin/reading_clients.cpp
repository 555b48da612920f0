#include "api/admin/reading_clients.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <utility>

namespace gatherd::api::admin {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds time_when_hurried{2000};  // for the rest of a request, while the daemon stops

}  // namespace

reading_clients::reading_clients(asio::io_context& loop, std::size_t most,
                                 std::function<std::chrono::milliseconds()> time)
    : most_{most}, time_{std::move(time)}, timer_{loop} {}

void reading_clients::enter(http_client& made) {
    made.place = reading_.insert(reading_.end(), &made);
    if (++connections_ > most_) {
        http_client& first = *reading_.front();
        if (&first != &made) {
            stop_reading(first);
        }
        ::shutdown(first.descriptor, SHUT_RDWR);
    }
    close_late_ones();
}

void reading_clients::leave(http_client& gone) noexcept {
    stop_reading(gone);
    --connections_;
}

void reading_clients::read_on(http_client& client) {
    if (!client.is_reading) {
        client.place = reading_.insert(reading_.end(), &client);
        client.is_reading = true;
        client.since = clock::now();
        close_late_ones();
    }
}

void reading_clients::stop_reading(http_client& client) noexcept {
    if (std::exchange(client.is_reading, false)) {
        reading_.erase(client.place);
    }
}

void reading_clients::hurry() {
    is_hurried_ = true;
    close_late_ones();
}

/// Closes those who take too long, and looks again when the next one would.
void reading_clients::close_late_ones() {
    const auto time = is_hurried_ ? std::min(time_(), time_when_hurried) : time_();
    while (!reading_.empty() && reading_.front()->since + time <= clock::now()) {
        http_client& late = *reading_.front();
        stop_reading(late);
        ::shutdown(late.descriptor, SHUT_RDWR);
    }
    if (reading_.empty()) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(reading_.front()->since + time);
    timer_.async_wait([this](const asio::error_code& failed) {
        if (!failed) {
            close_late_ones();
        }
    });
}

}  // namespace gatherd::api::admin
