#include "api/server/service.hpp"

#include <utility>
#include <vector>

#include "api/server/connection.hpp"

namespace gatherd::api::server {

service::service(executor::scheduler& on, const plan::registry& functions, limits bounds, std::string version)
    : scheduler_{on}, functions_{functions}, limits_{bounds}, version_{std::move(version)}, tasks_{limits_} {}

service::~service() = default;

bool service::enter(const std::shared_ptr<connection>& who) {
    const std::lock_guard guard{lock_};
    if (connections_.size() >= limits_.connections) {
        return false;
    }
    connections_.insert(who);
    return true;
}

void service::leave(const std::shared_ptr<connection>& who) noexcept {
    std::function<void()> emptied;
    {
        const std::lock_guard guard{lock_};
        connections_.erase(who);
        if (connections_.empty()) {
            emptied = std::exchange(emptied_, nullptr);
        }
    }
    if (emptied) {
        emptied();
    }
}

std::size_t service::connections() const {
    const std::lock_guard guard{lock_};
    return connections_.size();
}

std::vector<std::shared_ptr<connection>> service::everybody() const {
    const std::lock_guard guard{lock_};
    return {connections_.begin(), connections_.end()};
}

void service::drain(std::function<void()> emptied) {
    is_draining_.store(true, std::memory_order_release);
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
    for (const auto& each : everybody()) {
        each->begin_drain();
    }
}

void service::cancel_all() {
    tasks_.cancel_all("shutting down");
    for (const auto& each : everybody()) {
        each->shut_down();
    }
}

}  // namespace gatherd::api::server
