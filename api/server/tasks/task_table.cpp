#include "api/server/tasks/task_table.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "api/server/limits/counters.hpp"
#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::server {

task_table::task_table(executor::scheduler& threads, const live_value<limits>& bounds, counters& counts)
    : threads_{threads}, limits_{bounds}, counters_{counts}, sweeper_{std::make_shared<sweeper>()} {
    sweeper_->table = this;
}

task_table::~task_table() {
    const std::lock_guard guard{sweeper_->lock};
    sweeper_->table = nullptr;
}

std::string task_table::new_id() {
    std::array<unsigned char, 16> bytes{};
    if (getentropy(bytes.data(), bytes.size()) != 0) {
        throw std::system_error{errno, std::generic_category(), "getentropy"};
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string id;
    id.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) {
        id += digits[byte >> 4];
        id += digits[byte & 15];
    }
    return id;
}

void task_table::add(const std::shared_ptr<created_task>& task) {
    const std::lock_guard guard{lock_};
    sweep();
    tasks_.emplace(task->id(), entry{task, ++numbers_, std::nullopt});
    by_number_.emplace(numbers_, task);
}

std::shared_ptr<created_task> task_table::find(std::string_view id) {
    const std::lock_guard guard{lock_};
    sweep();
    const auto at = tasks_.find(id);
    if (at == tasks_.end() || (at->second.end && at->second.end->expires <= clock::now())) {
        return nullptr;  // also while others that expired before it have not been swept out yet
    }
    return at->second.task;
}

void task_table::finish(const std::shared_ptr<created_task>& task, std::size_t bytes) {
    const std::lock_guard guard{lock_};
    const auto at = tasks_.find(task->id());
    if (at == tasks_.end()) {
        return;
    }
    const auto now = clock::now();
    const auto keep = std::min<std::chrono::nanoseconds>(task->keep(), clock::time_point::max() - now);
    at->second.end = finished{now + std::chrono::duration_cast<clock::duration>(keep), bytes, ++numbers_};
    by_end_.emplace(numbers_, task->id());
    by_expiry_.emplace(std::pair{at->second.end->expires, numbers_}, task->id());
    kept_bytes_ += bytes;
    task->share().add(static_cast<std::ptrdiff_t>(bytes));
    sweep();
}

/// Under lock_.
void task_table::drop(table::iterator at) {
    const std::shared_ptr<created_task> task = std::move(at->second.task);
    if (const auto& end = at->second.end) {
        kept_bytes_ -= end->bytes;
        by_end_.erase(end->order);
        task->share().add(-static_cast<std::ptrdiff_t>(end->bytes));
        by_expiry_.erase({end->expires, end->order});
    }
    by_number_.erase(at->second.number);
    tasks_.erase(at);
    task->settle();
}

/// Under lock_: lets go what has been kept long enough, or is too much. Of those that expire together so many at a
/// time, so that no call holds its worker up for long.
void task_table::sweep() {
    constexpr std::size_t most_expired = 256;
    const auto now = clock::now();
    for (std::size_t i = 0; i < most_expired && !by_expiry_.empty() && by_expiry_.begin()->first.first <= now; ++i) {
        drop(tasks_.find(by_expiry_.begin()->second));
        counters_.add_limit("tasks.keep");
    }
    const limits& most = limits_.now();
    while (!by_end_.empty() && (by_end_.size() > most.kept_results || kept_bytes_ > most.kept_bytes)) {
        counters_.add_limit(by_end_.size() > most.kept_results ? "limits.kept_results" : "limits.kept_bytes");
        drop(tasks_.find(by_end_.begin()->second));
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    sweep_in_time();
}

/// Under lock_: arranges the next sweep.
void task_table::sweep_in_time() {
    constexpr std::chrono::milliseconds between_sweeps{2};
    if (by_expiry_.empty()) {
        return;
    }
    const auto at = std::max(by_expiry_.begin()->first.first, clock::now() + between_sweeps);
    if (sweeps_at_ && *sweeps_at_ <= at) {
        return;
    }
    sweeps_at_ = at;
    timer_.set(threads_, at - clock::now(), [by = sweeper_] {
        const std::lock_guard alive{by->lock};
        if (by->table != nullptr) {
            const std::lock_guard guard{by->table->lock_};
            by->table->sweeps_at_.reset();
            by->table->sweep();
        }
    });
}

void task_table::drop_half() {
    const std::lock_guard guard{lock_};
    const std::size_t enough = kept_bytes_ / 2;
    while (!by_end_.empty() && kept_bytes_ > enough) {
        counters_.add_limit("limits.memory_bytes");
        drop(tasks_.find(by_end_.begin()->second));
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
}

bool task_table::forget(std::string_view id) {
    const std::lock_guard guard{lock_};
    const auto at = tasks_.find(id);
    if (at == tasks_.end() || !at->second.end) {
        return false;
    }
    drop(at);
    return true;
}

std::vector<task_table::numbered> task_table::some_after(std::uint64_t number, std::size_t most) {
    std::vector<numbered> some;
    const std::lock_guard guard{lock_};
    sweep();
    for (auto at = by_number_.upper_bound(number); at != by_number_.end() && some.size() < most; ++at) {
        some.push_back({at->first, at->second});
    }
    return some;
}

std::vector<std::shared_ptr<created_task>> task_table::all() {
    std::vector<std::shared_ptr<created_task>> tasks;
    const std::lock_guard guard{lock_};
    sweep();
    for (const auto& [number, task] : by_number_) {
        tasks.push_back(task);
    }
    return tasks;
}

void task_table::cancel_all(const std::string& message) {
    for (const auto& each : all()) {
        each->cancel(message);
    }
}

std::size_t task_table::kept() {
    const std::lock_guard guard{lock_};
    sweep();
    return by_end_.size();
}

std::size_t task_table::kept_bytes() {
    const std::lock_guard guard{lock_};
    sweep();
    return kept_bytes_;
}

std::size_t task_table::size() {
    const std::lock_guard guard{lock_};
    sweep();
    return tasks_.size();
}

}  // namespace gatherd::api::server
