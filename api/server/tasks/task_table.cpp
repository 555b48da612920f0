#include "api/server/tasks/task_table.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "api/server/limits/counters.hpp"
#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::server {

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
}

std::shared_ptr<created_task> task_table::find(std::string_view id) {
    const std::lock_guard guard{lock_};
    sweep();
    const auto at = tasks_.find(id);
    return at == tasks_.end() ? nullptr : at->second.task;
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
    by_expiry_.emplace(at->second.end->expires, task->id());
    kept_bytes_ += bytes;
    sweep();
    account();
}

/// Under lock_: enters what is kept, and what keeping it takes.
void task_table::account() noexcept {
    memory_.resize(kept_bytes_ + by_end_.size() * bytes_a_kept_task);
}

/// Under lock_.
void task_table::drop(table::iterator at) {
    const std::shared_ptr<created_task> task = std::move(at->second.task);
    if (const auto& end = at->second.end) {
        kept_bytes_ -= end->bytes;
        by_end_.erase(end->order);
        account();
        const auto [first, last] = by_expiry_.equal_range(end->expires);
        by_expiry_.erase(std::find_if(first, last, [&](const auto& each) { return each.second == at->first; }));
    }
    tasks_.erase(at);
    task->settle();
}

/// Under lock_: lets go what has been kept long enough, or is too much.
void task_table::sweep() {
    const auto now = clock::now();
    while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
        drop(tasks_.find(by_expiry_.begin()->second));
        counters_.add_limit("tasks.keep");
    }
    const limits& most = limits_.now();
    while (!by_end_.empty() && (by_end_.size() > most.kept_results || kept_bytes_ > most.kept_bytes)) {
        counters_.add_limit(by_end_.size() > most.kept_results ? "limits.kept_results" : "limits.kept_bytes");
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

std::vector<std::shared_ptr<created_task>> task_table::all() {
    std::vector<std::pair<std::uint64_t, std::shared_ptr<created_task>>> numbered;
    {
        const std::lock_guard guard{lock_};
        sweep();
        for (const auto& [id, each] : tasks_) {
            numbered.emplace_back(each.number, each.task);
        }
    }
    std::sort(numbered.begin(), numbered.end());
    std::vector<std::shared_ptr<created_task>> tasks;
    for (auto& [number, task] : numbered) {
        tasks.push_back(std::move(task));
    }
    return tasks;
}

void task_table::cancel_all(const std::string& message) {
    for (const auto& each : all()) {
        each->cancel(message);
    }
}

std::size_t task_table::kept() const {
    const std::lock_guard guard{lock_};
    return by_end_.size();
}

std::size_t task_table::kept_bytes() const {
    const std::lock_guard guard{lock_};
    return kept_bytes_;
}

std::size_t task_table::size() const {
    const std::lock_guard guard{lock_};
    return tasks_.size();
}

}  // namespace gatherd::api::server
