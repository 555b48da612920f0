#include "api/server/client_work.hpp"

#include <algorithm>

#include "api/server/created_task.hpp"

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

void client_work::add_request(const std::shared_ptr<pending_request>& request) {
    const std::lock_guard guard{lock_};
    requests_.insert(request);
}

void client_work::remove_request(const std::shared_ptr<pending_request>& request) noexcept {
    const std::lock_guard guard{lock_};
    requests_.erase(request);
}

std::size_t client_work::cancel_requests(json::json_view id, const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> chosen;
    {
        const std::lock_guard guard{lock_};
        std::copy_if(requests_.begin(), requests_.end(), std::back_inserter(chosen),
                     [id](const auto& each) { return each->id().means(id); });
    }
    return cancel_each(chosen, message);
}

std::size_t client_work::cancel_requests(const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> all;
    {
        const std::lock_guard guard{lock_};
        all.assign(requests_.begin(), requests_.end());
    }
    return cancel_each(all, message);
}

bool client_work::add_task(const std::shared_ptr<created_task>& task) {
    const std::lock_guard guard{lock_};
    if (!has_ended_) {
        tasks_.insert(task);
    }
    return !has_ended_;
}

bool client_work::remove_task(const std::shared_ptr<created_task>& task) noexcept {
    const std::lock_guard guard{lock_};
    return tasks_.erase(task) > 0 && tasks_.empty();
}

bool client_work::has_task() const {
    const std::lock_guard guard{lock_};
    return !tasks_.empty();
}

bool client_work::has_unfinished_task() const {
    std::vector<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        tasks.assign(tasks_.begin(), tasks_.end());
    }
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& each) { return each->end() == nullptr; });
}

void client_work::end() {
    std::unordered_set<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        has_ended_ = true;
        tasks.swap(tasks_);
    }
    for (const auto& each : tasks) {
        each->lose_creator();
    }
    cancel_requests(std::string{});
}

}  // namespace gatherd::api::server
