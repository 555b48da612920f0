#include "api/pools/generation.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

#include "api/log/event.hpp"
#include "api/pools/backoff.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::pools {

namespace {

constexpr std::chrono::seconds long_enough{10};  // to have served, for a fault to be the first again

}  // namespace

generation::generation(surroundings& around, pool_settings settings, std::shared_ptr<log::line_budget> budget,
                       std::shared_ptr<restart_counts> restarts, bool is_on_trial, listener told)
    : around_{around},
      settings_{std::move(settings)},
      name_{std::make_shared<const std::string>(settings_.name)},
      starts_{settings_, around.open_files},
      budget_{std::move(budget)},
      restarts_{std::move(restarts)},
      told_{std::move(told)},
      state_{is_on_trial ? state::on_trial : state::confirmed} {}

void generation::start() {
    std::vector<slot_ptr> started;
    {
        const std::lock_guard guard{lock_};
        for (std::size_t i = 0; i < settings_.processes; ++i) {
            slots_.push_back(std::make_shared<slot>());
        }
        started = slots_;
    }
    for (const slot_ptr& each : started) {
        around_.tasks.spawn(keep(shared_from_this(), each));
    }
}

generation::state generation::now() const {
    const std::lock_guard guard{lock_};
    return state_;
}

void generation::retire(const char* why, bool at_once) {
    std::vector<process_ptr> ending;
    std::vector<slot_ptr> places;
    {
        const std::lock_guard guard{lock_};
        state_ = state::retired;
        is_hurried_ = is_hurried_ || at_once;
        ending.assign(processes_.begin(), processes_.end());
        places = slots_;
    }
    for (const process_ptr& each : ending) {
        each->retire(why, at_once);
    }
    for (const slot_ptr& each : places) {
        each->changed.set();
    }
}

generation::process_counts generation::counts() const {
    const std::lock_guard guard{lock_};
    process_counts all;
    all.serving = std::min(serving(), processes_.size());
    all.ending = static_cast<std::size_t>(
        std::ranges::count_if(processes_, [](const process_ptr& each) { return each->has_left(); }));
    all.starting = processes_.size() - std::min(processes_.size(), all.serving + all.ending);
    return all;
}

void generation::confirm() {
    std::vector<slot_ptr> places;
    {
        const std::lock_guard guard{lock_};
        if (state_ == state::on_trial) {
            state_ = state::confirmed;
            places = slots_;
        }
    }
    for (const slot_ptr& each : places) {
        each->changed.set();
    }
}

generation::process_ptr generation::start_one(const slot_ptr& place) {
    auto made = std::make_shared<pool_process>(around_, settings_, starts_, *budget_, name_);
    {
        const std::lock_guard guard{lock_};
        if (state_ == state::retired) {
            return nullptr;
        }
        processes_.insert(made);
    }
    pool_process::listener told;
    told.serving = [self = shared_from_this()] {
        self->serving_.fetch_add(1);
        self->confirm();
        self->told_.serving(*self);
    };
    told.leaving = [self = shared_from_this(), place, of = std::weak_ptr{made}] {
        if (const auto process = of.lock(); process != nullptr && process->has_served()) {
            self->serving_.fetch_sub(1);
        }
        place->changed.set();
    };
    told.ended = [self = shared_from_this(), of = std::weak_ptr{made}] {
        const std::lock_guard guard{self->lock_};
        self->processes_.erase(of.lock());
    };
    around_.tasks.spawn(pool_process::run(made, std::move(told)));
    return made;
}

void generation::note_failure(slot& place, const pool_process& process) {
    bool is_given_up = false;
    {
        const std::lock_guard guard{lock_};
        if (state_ == state::on_trial && !std::exchange(place.has_failed, true)) {
            is_given_up = ++failed_ == slots_.size();
        }
    }
    if (is_given_up) {
        told_.given_up(*this, process.pid(), process.fault());
    } else {
        told_.failing(*this, process.pid(), process.fault());
    }
}

executor::task<> generation::pause(slot_ptr place, std::chrono::milliseconds time) {
    const auto until = pool_process::clock::now() + time;
    executor::timer alarm;
    alarm.set(around_.threads, time, [place] { place->changed.set(); });
    for (;;) {
        place->changed.clear();
        if (now() == state::retired || pool_process::clock::now() >= until) {
            co_return;
        }
        co_await place->changed.wait();
    }
}

executor::task<> generation::keep(std::shared_ptr<generation> self, slot_ptr place) {
    try {
        co_await self->fill(place);
    } catch (const std::exception& failed) {  // no memory, most likely
        log::error("one process of a pool less is kept running", {{"pool", *self->name_}, {"error", failed.what()}});
    }
}

executor::task<> generation::fill(slot_ptr place) {
    backoff pauses{settings_.restart_min, settings_.restart_max, std::random_device{}()};
    std::atomic<std::uint64_t>* follows = nullptr;  // where the next process is counted; the first one is not
    for (;;) {
        const process_ptr process = start_one(place);
        if (process == nullptr) {
            co_return;
        }
        if (follows != nullptr) {
            follows->fetch_add(1, std::memory_order_relaxed);
        }
        for (;;) {
            place->changed.clear();
            if (process->has_left()) {
                break;
            }
            co_await place->changed.wait();
        }
        follows = process->fault().empty() ? &restarts_->replaced : &restarts_->failed;
        if (process->fault().empty()) {
            continue;  // its time has come
        }
        note_failure(*place, *process);
        for (;;) {
            place->changed.clear();
            if (now() != state::on_trial) {
                break;
            }
            co_await place->changed.wait();
        }
        if (process->served() >= long_enough) {
            pauses.reset();
        }
        co_await pause(place, pauses.next());
    }
}

}  // namespace gatherd::api::pools
