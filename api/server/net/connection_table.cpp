#include "api/server/net/connection_table.hpp"

#include <utility>

#include "api/server/net/connection.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t most_refused = 256;  // connections that are being told that there are too many of them

}  // namespace

const char* connection_table::enter(const std::shared_ptr<connection>& client) {
    const limits& most = state_.bounds();
    const bool has_address = client->peer() != peer_address{} && !client->is_http();
    const std::lock_guard guard{lock_};
    if (counted_ >= most.connections && client->work().worker() == nullptr && !client->is_http()) {
        return "limits.connections";
    }
    if (has_address) {
        const auto at = by_address_.try_emplace(client->peer(), 0).first;
        if (at->second >= most.address_connections) {
            return "limits.address_connections";
        }
        ++at->second;
    }
    connections_.insert(client);
    counted_ += client->is_http() ? 0 : 1;
    return nullptr;
}

void connection_table::leave(const std::shared_ptr<connection>& client) noexcept {
    std::function<void()> emptied;
    {
        const std::lock_guard guard{lock_};
        if (connections_.erase(client) == 0) {
            return;  // it was never let in
        }
        counted_ -= client->is_http() ? 0 : 1;
        if (const auto at = by_address_.find(client->peer());
            at != by_address_.end() && !client->is_http() && --at->second == 0) {
            by_address_.erase(at);
        }
        if (connections_.empty()) {
            emptied = std::exchange(emptied_, nullptr);
        }
    }
    if (emptied) {
        emptied();
    }
}

std::size_t connection_table::size() const {
    const std::lock_guard guard{lock_};
    return connections_.size();
}

std::size_t connection_table::counted() const {
    const std::lock_guard guard{lock_};
    return counted_;
}

std::vector<std::shared_ptr<connection>> connection_table::all() const {
    const std::lock_guard guard{lock_};
    return {connections_.begin(), connections_.end()};
}

bool connection_table::begin_refusal() noexcept {
    return refused_.fetch_add(1, std::memory_order_relaxed) < most_refused;
}

void connection_table::drain(std::function<void()> emptied) {
    {
        const std::lock_guard guard{lock_};
        if (!connections_.empty()) {
            emptied_ = std::exchange(emptied, nullptr);
        }
    }
    if (emptied) {
        emptied();
        return;
    }
    for (const auto& each : all()) {
        each->begin_drain();
    }
}

}  // namespace gatherd::api::server
