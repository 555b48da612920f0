#include "api/pools/pool.hpp"

#include <functional>
#include <utility>

#include "api/log/event.hpp"

namespace gatherd::api::pools {

namespace {

constexpr double most_lines = 1000;
constexpr double lines_a_second = 100;
constexpr double most_faults = 10;
constexpr double faults_a_second = 1;
constexpr const char* reloaded = "its pool was reloaded";

/// As JSON; null for a process that could not be started.
std::string pid_text(pid_t process) {
    return process == 0 ? "null" : std::to_string(process);
}

/// `lines`: what is told of those that are too many, as "refused tokens".
log::line_budget::teller left_out_of(const std::shared_ptr<const std::string>& pool, const char* lines) {
    return [pool, lines](std::uint64_t left_out) {
        log::warn(std::string{lines} + " were not logged, there were too many",
                  {{"pool", *pool}, {"not_logged", left_out}});
    };
}

}  // namespace

pool::pool(surroundings& around, std::string name)
    : around_{around},
      name_{std::make_shared<const std::string>(std::move(name))},
      output_budget_{std::make_shared<log::line_budget>(most_lines, lines_a_second, around.threads,
                                                        left_out_of(name_, "lines of a pool's output"))},
      fault_budget_{most_faults, faults_a_second, around.threads,
                    left_out_of(name_, "failures of a pool's processes")} {}

pool::generation_ptr pool::make(const pool_settings& settings, bool is_on_trial) {
    // The pool holds its generations, so they do not hold it: what ends after it has no more to tell.
    const auto while_there = [here = weak_from_this()](auto note) {
        return [here, note](generation& teller, const auto&... why) {
            if (const auto self = here.lock()) {
                std::invoke(note, *self, teller, why...);
            }
        };
    };
    generation::listener told{.serving = while_there(&pool::note_serving),
                              .failing = while_there(&pool::note_failing),
                              .given_up = while_there(&pool::note_given_up)};
    return std::make_shared<generation>(around_, settings, output_budget_, restarts_, is_on_trial, std::move(told));
}

void pool::start(const pool_settings& settings) {
    auto first = make(settings, false);
    around_.workers.list(name_, settings.functions);
    around_.workers.expect(*name_);
    {
        const std::lock_guard guard{lock_};
        current_ = first;
    }
    first->start();
}

void pool::replace(const pool_settings& settings) {
    auto made = make(settings, true);
    generation_ptr overtaken;
    {
        const std::lock_guard guard{lock_};
        if (is_stopped_) {
            return;
        }
        overtaken = std::exchange(next_, made);
    }
    if (overtaken != nullptr) {
        overtaken->retire(reloaded, false);  // it may have got calls by now
    }
    made->start();
}

pool::state pool::now() const {
    generation_ptr current;
    generation_ptr next;
    {
        const std::lock_guard guard{lock_};
        current = current_;
        next = next_;
    }
    state all{.name = *name_,
              .followed_failed = restarts_->failed.load(std::memory_order_relaxed),
              .followed_replaced = restarts_->replaced.load(std::memory_order_relaxed)};
    for (const auto& each : {current, next}) {
        if (each != nullptr) {
            const auto counts = each->counts();
            all.processes.starting += counts.starting;
            all.processes.serving += counts.serving;
            all.processes.ending += counts.ending;
        }
    }
    return all;
}

void pool::stop(const char* why, bool at_once) {
    generation_ptr current;
    generation_ptr next;
    {
        const std::lock_guard guard{lock_};
        is_stopped_ = true;
        current = current_;
        next = next_;
    }
    for (const auto& each : {current, next}) {
        if (each != nullptr) {
            each->retire(why, at_once);
        }
    }
}

void pool::note_serving(generation& confirmed) {
    generation_ptr before;
    bool is_said = false;
    {
        const std::lock_guard guard{lock_};
        is_said = std::exchange(is_said_to_serve_, true);
        if (next_.get() == &confirmed) {
            before = std::exchange(current_, std::exchange(next_, nullptr));
        }
    }
    if (!is_said) {
        log::info("a pool serves", {{"pool", *name_}});
    }
    if (before == nullptr) {
        return;
    }
    around_.workers.list(name_, confirmed.settings().functions);
    log::info("new processes of a pool serve, the old ones end", {{"pool", *name_}});
    before->retire(reloaded, false);
}

void pool::note_failing(generation& failing, pid_t process, const std::string& why) {
    bool is_served = failing.serving() > 0;
    {
        const std::lock_guard guard{lock_};
        is_served = is_served || (current_ != nullptr && current_->serving() > 0);
    }
    if (!is_served) {
        around_.workers.set_fault(*name_, why);
    }
    if (fault_budget_.pass()) {
        if (!is_served) {
            const std::lock_guard guard{lock_};
            is_said_to_serve_ = false;
        }
        log::warn("a process of a pool has failed",
                  {{"pool", *name_}, {"pid", log::json_text{pid_text(process)}}, {"error", why}});
    }
}

void pool::note_given_up(generation& failed, pid_t process, const std::string& why) {
    generation_ptr kept;
    {
        const std::lock_guard guard{lock_};
        if (next_.get() == &failed) {
            kept = std::exchange(next_, nullptr);
        }
    }
    log::error("the new processes of a pool do not serve, the old ones stay",
               {{"pool", *name_}, {"pid", log::json_text{pid_text(process)}}, {"error", why}});
    failed.retire("the new processes of its pool did not serve", false);
}

}  // namespace gatherd::api::pools
