#include "api/server/tasks/client_work.hpp"

#include <algorithm>

#include "api/server/tasks/created_task.hpp"

namespace gatherd::api::server {
namespace {

std::size_t cancel_each(const std::vector<std::shared_ptr<pending_request>>& requests, const std::string& message) {
    std::size_t reached = 0;
    for (const auto& each : requests) {
        reached += each->cancel(message) ? 1 : 0;
    }
    return reached;
}

}  // namespace

const std::shared_ptr<std::atomic<std::size_t>>& client_work::tasks_in_flight() {
    if (tasks_in_flight_ == nullptr) {
        tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
    }
    return tasks_in_flight_;
}

/// Under lock_.
client_work::registers& client_work::made_registers() {
    if (registers_ == nullptr) {
        registers_ = std::make_unique<registers>();
    }
    return *registers_;
}

void client_work::add_request(const std::shared_ptr<pending_request>& request) {
    const std::lock_guard guard{lock_};
    made_registers().requests.insert(request);
}

void client_work::remove_request(const std::shared_ptr<pending_request>& request) noexcept {
    const std::lock_guard guard{lock_};
    if (registers_ != nullptr) {
        registers_->requests.erase(request);
    }
}

std::size_t client_work::cancel_requests(json::json_view id, const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> chosen;
    {
        const std::lock_guard guard{lock_};
        if (registers_ == nullptr) {
            return 0;
        }
        std::copy_if(registers_->requests.begin(), registers_->requests.end(), std::back_inserter(chosen),
                     [id](const auto& each) { return each->id().means(id); });
    }
    return cancel_each(chosen, message);
}

std::size_t client_work::cancel_requests(const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> all;
    {
        const std::lock_guard guard{lock_};
        if (registers_ == nullptr) {
            return 0;
        }
        all.assign(registers_->requests.begin(), registers_->requests.end());
    }
    return cancel_each(all, message);
}

bool client_work::add_task(const std::shared_ptr<created_task>& task) {
    const std::lock_guard guard{lock_};
    if (!has_ended_) {
        made_registers().tasks.insert(task);
    }
    return !has_ended_;
}

bool client_work::remove_task(const std::shared_ptr<created_task>& task) noexcept {
    const std::lock_guard guard{lock_};
    return registers_ != nullptr && registers_->tasks.erase(task) > 0 && registers_->tasks.empty();
}

bool client_work::has_task() const {
    const std::lock_guard guard{lock_};
    return registers_ != nullptr && !registers_->tasks.empty();
}

bool client_work::has_unfinished_task() const {
    std::vector<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        if (registers_ == nullptr) {
            return false;
        }
        tasks.assign(registers_->tasks.begin(), registers_->tasks.end());
    }
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& each) { return each->end() == nullptr; });
}

void client_work::end() {
    std::unordered_set<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        has_ended_ = true;
        if (registers_ != nullptr) {
            tasks.swap(registers_->tasks);
        }
    }
    for (const auto& each : tasks) {
        each->lose_creator();
    }
    cancel_requests(std::string{});
}

}  // namespace gatherd::api::server
