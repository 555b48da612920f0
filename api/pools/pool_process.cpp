#include "api/pools/pool_process.hpp"

#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "api/log/event.hpp"
#include "api/process/resident_memory.hpp"
#include "gatherd/executor/use_task.hpp"

namespace gatherd::api::pools {

namespace {

/// How long a process may take to end after its connection has: so that errors can say how it did.
constexpr std::chrono::milliseconds time_to_end{500};

std::string seconds_of(std::chrono::milliseconds time) {
    std::string text = std::to_string(std::chrono::duration<double>{time}.count());
    text.erase(text.find_last_not_of('0') + 1);
    return (text.ends_with('.') ? text.substr(0, text.size() - 1) : text) + " s";
}

}  // namespace

/// Its output goes to the log, and its end to its task.
class pool_process::watch final : public process::process_watch {
public:
    watch(asio::io_context& home, process::started_process started, std::shared_ptr<pool_process> watched,
          std::chrono::milliseconds before_kill)
        : process_watch{home, std::move(started), 0, nullptr, clock::now(), before_kill},
          process_{std::move(watched)} {}

private:
    void take(stream& source, std::string_view bytes) override {
        (&source == &errors() ? process_->errors_ : process_->output_).take(process_->pid_, bytes);
    }
    [[nodiscard]] bool ends_group() const noexcept override { return true; }
    void tell_end() override {
        process_->output_.end(process_->pid_);
        process_->errors_.end(process_->pid_);
        process_->member_->tell(process_->has_ended_);
    }

    const std::shared_ptr<pool_process> process_;
};

pool_process::pool_process(surroundings& around, const pool_settings& settings, const launcher& starts,
                           log::line_budget& budget, std::shared_ptr<const std::string> pool)
    : around_{around},
      settings_{settings},
      starts_{starts},
      member_{std::make_shared<workers::pool_member>()},
      output_{budget, *pool},
      errors_{budget, *pool} {
    member_->pool = std::move(pool);
    member_->concurrency = settings.concurrency;
    member_->cancel_time = settings.cancel_time;
    member_->max_calls = settings.max_calls;
    member_->wants_answers = settings.max_memory != 0;
}

void pool_process::retire(const char* why, bool at_once) {
    why_retired_.store(why);
    if (at_once) {
        is_hurried_.store(true);
    }
    member_->tell(is_retired_);
}

pool_process::clock::duration pool_process::served() const noexcept {
    return serving_since_ ? left_at_ - *serving_since_ : clock::duration::zero();
}

executor::task<> pool_process::run(std::shared_ptr<pool_process> self, listener told) {
    self->told_ = std::move(told);
    // In a variable: g++ 12 never resumes `start` where it is awaited in the condition itself.
    const bool has_started = co_await self->start();
    if (has_started) {
        co_await self->live();
    }
    self->finish();
}

/// The daemon's end; the other one goes with the request.
process::descriptor pool_process::make_socket(process::process_request& request) const {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error{errno, std::generic_category(), "a pair of sockets"};
    }
    request.socket = process::descriptor{ends[1]};
    return process::descriptor{ends[0]};
}

/// False: it could not be started.
executor::task<bool> pool_process::start() {
    try {
        auto request = starts_.request();
        auto end = make_socket(request);
        auto started = co_await around_.spawner.start(std::move(request));
        pid_ = member_->pid = started.pid();
        const auto cancel_time = settings_.cancel_time.value_or(around_.workers.bounds().worker_cancel_time);
        watch_ = std::make_shared<watch>(executor::this_io(), std::move(started), shared_from_this(), cancel_time);
        watch_->start(std::nullopt);
        worker_ = around_.connect(std::move(end), member_);
        due_ = clock::now() + settings_.start_time;
        log::debug("a process of a pool was started", {{"pool", *member_->pool}, {"pid", pid_}});
        co_return true;
    } catch (const std::exception& failed) {
        fault_ = std::string{"it cannot be started: "} + failed.what();
    }
    if (watch_ != nullptr) {  // there is no memory for its connection
        co_await stopped();
    }
    co_return false;
}

executor::task<> pool_process::stopped() {
    watch_->stop();
    co_await watch_->has_ended();
}

executor::task<> pool_process::live() {
    for (;;) {
        member_->changed.clear();
        if (has_ended_.load()) {
            break;
        }
        while (step()) {
        }
        if (due_) {
            alarm_.set(around_.threads, std::max<clock::duration>(*due_ - clock::now(), clock::duration::zero()),
                       [member = member_] { member->changed.set(); });
        } else {
            alarm_.cancel();
        }
        co_await member_->changed.wait();
    }
    alarm_.cancel();
    around_.workers.rest(*worker_, std::chrono::milliseconds{0});
    worker_->link().finish();
    while (!member_->has_hung_up.load()) {  // the answers that it has sent are read
        co_await member_->changed.wait();
        member_->changed.clear();
    }
}

/// Goes on to the next phase, if it is time for that.
bool pool_process::step() {
    const auto now = clock::now();
    const bool is_due = due_ && now >= *due_;
    const phase before = phase_;
    if (phase_ == phase::stopping) {
        return false;
    }
    if (phase_ == phase::closing) {
        if (is_due) {
            around_.workers.end(*worker_, why_stopped_);
            begin_to_stop();
        }
    } else if (member_->has_hung_up.load()) {
        is_ours_ = is_ours_ || is_retired_.load();
        why_stopped_ = "it has closed its connection";
        phase_ = phase::closing;
        due_ = now + time_to_end;
        leave();
    } else if (phase_ == phase::draining) {
        if (is_hurried_.load()) {
            why_stopped_ = why_retired_.load();
        } else if (is_due) {
            why_stopped_ +=
                ", and its calls had not ended within drain_time (" + seconds_of(settings_.drain_time) + ")";
        }
        if (is_due || is_hurried_.load() || member_->is_idle.load()) {
            begin_to_stop();
        }
    } else if (is_retired_.load()) {
        is_ours_ = true;
        begin_to_drain(
            why_retired_
                .load());  // also where it has not served, as far as is known here: it may have got a call by now
    } else if (phase_ == phase::starting) {
        if (member_->serves.load()) {
            phase_ = phase::serving;
            serving_since_ = now;
            due_ = settings_.max_age.count() == 0 ? std::nullopt : std::optional{now + settings_.max_age};
            told_.serving();
        } else if (is_due) {
            const std::string refusal = around_.workers.refusal_of(*worker_);
            begin_to_drain("it did not serve within start_time (" + seconds_of(settings_.start_time) + ")" +
                           (refusal.empty() ? "" : ": its serve was refused: " + refusal));
        }
    } else if (std::string why = why_replaced(is_due); !why.empty()) {
        is_ours_ = true;
        if (member_->is_stuck.load()) {
            log::warn("a process of a pool is replaced", {{"pool", *member_->pool}, {"pid", pid_}, {"reason", why}});
        } else {
            log::debug("a process of a pool is replaced", {{"pool", *member_->pool}, {"pid", pid_}, {"reason", why}});
        }
        begin_to_drain(std::move(why));
    }
    return phase_ != before;
}

/// Why another one is to take its place; empty: there is no reason. `is_old`: max_age is over.
std::string pool_process::why_replaced(bool is_old) const {
    if (member_->is_stuck.load()) {
        return around_.workers.why_hung_up(*worker_);
    }
    if (member_->is_spent.load()) {
        return "it has had max_calls (" + std::to_string(settings_.max_calls) + ") calls";
    }
    if (is_old) {
        return "it has reached max_age (" + seconds_of(settings_.max_age) + ")";
    }
    return takes_too_much()
               ? "it takes more memory than max_memory (" + std::to_string(settings_.max_memory) + " bytes)"
               : "";
}

bool pool_process::takes_too_much() const {
    return settings_.max_memory != 0 && member_->has_answered.exchange(false) &&
           process::resident_bytes(std::to_string(pid_)) > settings_.max_memory;
}

void pool_process::begin_to_drain(std::string why) {
    why_stopped_ = std::move(why);
    phase_ = phase::draining;
    due_ = clock::now() + settings_.drain_time;
    around_.workers.rest(*worker_, settings_.drain_time);
    leave();
}

void pool_process::begin_to_stop() {
    phase_ = phase::stopping;
    due_.reset();
    around_.workers.rest(*worker_, std::chrono::milliseconds{0});
    worker_->link().hang_up();
    watch_->stop();
    leave();
}

void pool_process::leave() {
    if (!has_left_.load()) {
        left_at_ = clock::now();
    }
    // What makes it a fault is known at its end only: then another one may be started.
    if (is_ours_ && !has_left_.exchange(true)) {
        told_.leaving();
    }
}

std::string pool_process::ending_text() const {
    const auto [code, status] = watch_->ending();
    if (code == CLD_EXITED) {
        return "it ended with status " + std::to_string(status);
    }
    const char* const name = sigabbrev_np(status);
    return "it was killed by SIG" + (name == nullptr ? std::to_string(status) : std::string{name});
}

/// How it ended by itself, or why the daemon has ended it.
std::string pool_process::why_ended() const {
    const std::string& line = errors_.last_line();
    const std::string quoted = line.empty() ? "" : ": " + line;
    if (pid_ == 0) {
        return fault_ + quoted;
    }
    std::string why = around_.workers.why_hung_up(*worker_);
    if (why.empty() && phase_ != phase::stopping) {
        return ending_text() + quoted;
    }
    why = why.empty() ? why_stopped_ : why;
    const auto [code, status] = watch_->ending();
    const bool has_obeyed = status == (code == CLD_EXITED ? 0 : SIGTERM);
    return why + (has_obeyed ? "" : "; " + ending_text()) + (is_ours_ ? "" : quoted);
}

void pool_process::finish() {
    alarm_.cancel();
    const std::string ending = why_ended();
    if (worker_ != nullptr) {
        const char* const verb = phase_ == phase::stopping ? " was stopped: " : " is gone: ";
        around_.workers.end(*worker_, "its process " + std::to_string(pid_) + verb + ending);
        worker_->link().hang_up();
    }
    if (!has_left_.load()) {  // else it has left for a reason of the daemon's, and somebody may be reading that it has
                              // no fault
        fault_ = is_ours_ || is_retired_.load() ? "" : ending;
    }
    if (!serving_since_ || !has_left_.load()) {
        left_at_ = clock::now();
    }
    if (!has_left_.exchange(true)) {
        told_.leaving();
    }
    told_.ended();
    worker_.reset();
    watch_.reset();
    told_ = {};
}

}  // namespace gatherd::api::pools
