#include "api/server/net/balancer.hpp"

#include <chrono>

#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::chrono::seconds news_lasts{1};

}  // namespace

balancer::balancer(executor::scheduler& of)
    : of_{of}, workers_{of.workers()}, places_{std::make_unique<place[]>(workers_)} {}

balancer::~balancer() = default;

/// The worker that calls; null also where there is no other one to move to.
executor::worker* balancer::here() const noexcept {
    executor::worker* const found = executor::worker::current();
    return found != nullptr && workers_ > 1 && &found->owner() == &of_ ? found : nullptr;
}

void balancer::begin_turn() noexcept {
    if (const auto* const worker = here()) {
        places_[worker->index()].is_in_turn.store(true, std::memory_order_relaxed);
    }
}

std::optional<std::size_t> balancer::end_turn(const void* who) noexcept {
    executor::worker* const worker = here();
    if (worker == nullptr) {
        return std::nullopt;
    }
    place& own = places_[worker->index()];
    own.is_in_turn.store(false, std::memory_order_relaxed);
    if (is_restless()) [[unlikely]] {
        return (worker->index() + 1) % workers_;
    }
    if (own.window.takes_leave(who)) [[unlikely]] {
        return own.window.leaves_to();
    }
    if (own.window.count(who)) {
        look(*worker, who);
    }
    return std::nullopt;
}

void balancer::settle() noexcept {
    if (const auto* const worker = here()) {
        places_[worker->index()].window.stop();
    }
}

void balancer::look(executor::worker& here, const void* who) noexcept {
    const auto now = turn_window::clock::now();
    place& own = places_[here.index()];
    turn_window& window = own.window;
    if (window.is_open(now)) {
        if (!window.look(idles(window.other()), now)) {
            return;
        }
        window.end(here.parks(), share_of(window.other(), now));
        own.share.store(window.share(), std::memory_order_relaxed);
        own.share_seen.store(now.time_since_epoch() / std::chrono::nanoseconds{1}, std::memory_order_relaxed);
    }
    window.begin(who, other_than(here.index(), now), now, here.parks());
}

/// A worker that a socket wakes counts as parked while it handles what came.
bool balancer::idles(std::size_t worker) const noexcept {
    return of_.is_parked(worker) && !places_[worker].is_in_turn.load(std::memory_order_relaxed);
}

std::optional<float> balancer::share_of(std::size_t worker, turn_window::clock::time_point now) const noexcept {
    const std::chrono::nanoseconds seen{places_[worker].share_seen.load(std::memory_order_relaxed)};
    if (now.time_since_epoch() - seen > news_lasts) {
        return std::nullopt;
    }
    return places_[worker].share.load(std::memory_order_relaxed);
}

/// One that idles at the moment, else the one with the fewest connections that keep it busy.
std::size_t balancer::other_than(std::size_t worker, turn_window::clock::time_point now) const noexcept {
    std::size_t found = (worker + 1) % workers_;
    float most = 0;
    for (std::size_t i = 1; i < workers_; ++i) {
        const std::size_t each = (worker + i) % workers_;
        if (idles(each)) {
            return each;
        }
        const float share = share_of(each, now).value_or(0);
        if (share > most) {
            most = share;
            found = each;
        }
    }
    return found;
}

}  // namespace gatherd::api::server
