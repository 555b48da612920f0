#include "api/server/service.hpp"

#include <thread>
#include <utility>
#include <vector>

#include "api/server/net/connection.hpp"
#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::server {
namespace {

/// The calling thread, and those that it starts, are beside the workers: nicer, and not bound to the CPU of the one
/// that happened to start them.
void step_aside(const executor::scheduler& workers) noexcept {
    be_nice();
    workers.use_all_cpus();
}

}  // namespace

service::service(executor::scheduler& threads, plan::registry& functions, const limits& bounds, std::string version,
                 std::size_t blocking_threads)
    : scheduler_{threads},
      functions_{functions},
      limits_{bounds},
      version_{std::move(version)},
      counters_{threads},
      tasks_{limits_, counters_},
      workers_{threads, functions, [this]() -> const limits& { return this->bounds(); }},
      bulk_{threads.workers(), [&threads] { step_aside(threads); }},
      blocking_threads_{blocking_threads},
      memory_{*this} {}

service::~service() = default;

executor::scheduler& service::bulk_scheduler() {
    std::call_once(bulk_is_made_, [this] {
        // Threads are as nice as the one that starts them. On Linux this is about that thread alone.
        std::thread{[this] {
            step_aside(scheduler_);
            bulk_scheduler_ = std::make_unique<executor::scheduler>(
                executor::scheduler_options{.workers = scheduler_.workers(), .blocking_threads = blocking_threads_});
        }}.join();
        made_bulk_scheduler_.store(bulk_scheduler_.get(), std::memory_order_release);
    });
    return *bulk_scheduler_;
}

void service::stop_bulk() noexcept {
    bulk_.stop();
    if (auto* const made = made_bulk_scheduler()) {
        made->stop();
    }
}

std::chrono::nanoseconds service::uptime() const noexcept {
    return std::chrono::steady_clock::now() - began_;
}

void service::change_tokens(const std::vector<token_grant>& grants) {
    tokens_.replace(grants);
    for (const auto& each : everybody()) {
        each->look_at_identity();
    }
    for (const auto& each : tasks_.all()) {
        each->look_at_owner();
    }
}

std::shared_ptr<identity> service::without_token() const {
    return tokens_.empty() ? anybody_ : nullptr;
}

const char* service::enter(const std::shared_ptr<connection>& who) {
    const limits& most = bounds();
    const bool is_counted = who->peer() != peer_address{} && !who->is_http();
    const std::lock_guard guard{lock_};
    if (connections_.size() >= most.connections && who->work().worker() == nullptr && !who->is_http()) {
        return "limits.connections";
    }
    if (is_counted) {
        const auto at = by_address_.try_emplace(who->peer(), 0).first;
        if (at->second >= most.address_connections) {
            return "limits.address_connections";
        }
        ++at->second;
    }
    connections_.insert(who);
    return nullptr;
}

void service::leave(const std::shared_ptr<connection>& who) noexcept {
    std::function<void()> emptied;
    {
        const std::lock_guard guard{lock_};
        if (connections_.erase(who) == 0) {
            return;  // it was never let in
        }
        if (const auto at = by_address_.find(who->peer());
            at != by_address_.end() && !who->is_http() && --at->second == 0) {
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

void service::end_workers(bool at_once) {
    may_workers_end_.store(true, std::memory_order_release);
    for (const auto& each : everybody()) {
        at_once ? each->shut_down() : each->look_again();
    }
}

}  // namespace gatherd::api::server
