#include "api/server/state/server_state.hpp"

#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "api/log/event.hpp"

namespace gatherd::api::server {
namespace {

/// The calling thread, and those that it starts, are beside the workers: nicer, and not bound to the CPU of the one
/// that happened to start them.
void step_aside(const executor::scheduler& workers) noexcept {
    be_nice();
    workers.use_all_cpus();
}

/// So many lines at once, then so many a second; `lines`: what is told of the rest, as "refused tokens".
log::line_budget budget_for(const char* lines, double most, double each_second, executor::scheduler& threads) {
    return log::line_budget{
        most, each_second, threads, [lines](std::uint64_t left_out) {
            log::warn(std::string{lines} + " were not logged, there were too many", {{"not_logged", left_out}});
        }};
}

}  // namespace

server_state::server_state(executor::scheduler& threads, plan::registry& functions, const limits& bounds,
                           std::string version, std::size_t blocking_threads)
    : scheduler_{threads},
      functions_{functions},
      limits_{bounds},
      version_{std::move(version)},
      counters_{threads},
      refused_tokens_log_{budget_for("refused tokens", 1, 1, threads)},
      refused_serves_log_{budget_for("refused serves", 1, 1, threads)},
      slow_requests_log_{budget_for("slow requests", 100, 10, threads)},
      workers_{threads, functions, [this]() -> const limits& { return this->bounds(); }},
      memory_{bounds},
      bulk_{threads.workers(), [&threads] { step_aside(threads); }},
      blocking_threads_{blocking_threads} {}

std::chrono::nanoseconds server_state::uptime() const noexcept {
    return std::chrono::steady_clock::now() - began_;
}

void server_state::change_limits(const limits& bounds) {
    limits_.replace(bounds);
    memory_.change_limits(bounds);
}

std::shared_ptr<identity> server_state::without_token() const {
    return tokens_.empty() ? anybody_ : nullptr;
}

executor::scheduler& server_state::bulk_scheduler() {
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

void server_state::stop_bulk() noexcept {
    bulk_.stop();
    if (auto* const made = made_bulk_scheduler()) {
        made->stop();
    }
}

}  // namespace gatherd::api::server
