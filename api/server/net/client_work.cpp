#include "api/server/net/client_work.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gatherd::api::server {
namespace {

/// Empty for a notification, which nobody can name.
std::string key_of(const protocol::request_id& id) {
    return id.is_absent() ? std::string{} : std::string{id.text()};
}

}  // namespace

const std::shared_ptr<std::atomic<std::size_t>>& client_work::tasks_in_flight() {
    if (tasks_in_flight_ == nullptr) {
        tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
    }
    return tasks_in_flight_;
}

std::shared_ptr<client_share> client_work::share() {
    const std::lock_guard guard{lock_};
    if (share_ == nullptr) {
        share_ = std::make_shared<client_share>();
        memory_.join(share_);
    }
    return share_;
}

void client_work::set_share(std::shared_ptr<client_share> shared) {
    const std::lock_guard guard{lock_};
    share_ = std::move(shared);
    memory_.join(share_);
}

void client_work::add_memory(std::ptrdiff_t bytes) {
    static_cast<void>(share());
    memory_.add(bytes);
}

/// Under lock_.
client_work::registers& client_work::made_registers() {
    if (registers_ == nullptr) {
        registers_ = std::make_unique<registers>();
    }
    return *registers_;
}

bool client_work::add_request(const request_ptr& request) {
    request_key key{key_of(request->id()), request.get()};
    request_ptr replaced;
    {
        const std::lock_guard guard{lock_};
        if (has_ended_) {
            return false;
        }
        auto& all = made_registers();
        if (all.replaced == nullptr || key_of(all.replaced->id()) != key.first) {
            all.requests.emplace(std::move(key), request);
            return true;
        }
        replaced = std::exchange(all.replaced, nullptr);
    }
    replaced->pass_watch_to(request);  // before anybody can find it
    const request_key old{key.first, replaced.get()};
    const std::lock_guard guard{lock_};
    if (!has_ended_) {
        registers_->requests.erase(old);
        registers_->requests.emplace(std::move(key), request);
        registers_->successor = request;
    }
    return !has_ended_;
}

client_work::request_ptr client_work::replace_request(const request_ptr& waiting,
                                                      const std::function<void()>& carry_out) {
    {
        const std::lock_guard guard{lock_};
        made_registers().replaced = waiting;
    }
    carry_out();
    remove_request(waiting);
    const std::lock_guard guard{lock_};
    registers_->replaced = nullptr;
    return std::exchange(registers_->successor, nullptr);
}

void client_work::remove_request(const request_ptr& request) noexcept {
    const request_key key{key_of(request->id()), request.get()};
    const std::lock_guard guard{lock_};
    if (registers_ != nullptr) {
        registers_->requests.erase(key);
    }
}

std::vector<client_work::request_ptr> client_work::requests(const protocol::request_id& id) const {
    const std::string wanted = key_of(id);
    std::vector<request_ptr> found;
    const std::lock_guard guard{lock_};
    if (registers_ != nullptr && !id.is_absent()) {
        const auto& all = registers_->requests;
        for (auto at = all.lower_bound({wanted, nullptr}); at != all.end() && at->first.first == wanted; ++at) {
            found.push_back(at->second);
        }
    }
    return found;
}

std::vector<client_work::request_ptr> client_work::some_requests(std::size_t most) const {
    std::vector<request_ptr> some;
    const std::lock_guard guard{lock_};
    if (registers_ != nullptr) {
        for (auto each = registers_->requests.begin(); each != registers_->requests.end() && some.size() < most;
             ++each) {
            some.push_back(each->second);
        }
    }
    return some;
}

std::size_t client_work::cancel_requests(const std::string& message) {
    std::vector<request_ptr> all;
    {
        const std::lock_guard guard{lock_};
        if (registers_ == nullptr) {
            return 0;
        }
        std::transform(registers_->requests.begin(), registers_->requests.end(), std::back_inserter(all),
                       [](const auto& each) { return each.second; });
    }
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&message](const auto& each) { return each->cancel(message); }));
}

bool client_work::add_task(const task_ptr& task) {
    const std::lock_guard guard{lock_};
    if (!has_ended_) {
        made_registers().tasks.insert(task);
    }
    return !has_ended_;
}

bool client_work::remove_task(const task_ptr& task) noexcept {
    const std::lock_guard guard{lock_};
    return registers_ != nullptr && registers_->tasks.erase(task) > 0 && registers_->tasks.empty();
}

bool client_work::has_task() const {
    const std::lock_guard guard{lock_};
    return registers_ != nullptr && !registers_->tasks.empty();
}

bool client_work::has_ended() const {
    const std::lock_guard guard{lock_};
    return has_ended_;
}

bool client_work::has_unfinished_task() const {
    std::vector<task_ptr> tasks;
    {
        const std::lock_guard guard{lock_};
        if (registers_ == nullptr) {
            return false;
        }
        tasks.assign(registers_->tasks.begin(), registers_->tasks.end());
    }
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& each) { return !each->has_ended(); });
}

bool client_work::end_some(std::size_t most) {
    std::vector<task_ptr> tasks;
    std::vector<request_ptr> requests;
    bool is_more = false;
    {
        const std::lock_guard guard{lock_};
        has_ended_ = true;
        if (registers_ == nullptr) {
            return false;
        }
        auto& pending = registers_->requests;
        auto& created = registers_->tasks;
        while (tasks.size() < most && !created.empty()) {
            tasks.push_back(std::move(created.extract(created.begin()).value()));
        }
        while (requests.size() < most && !pending.empty()) {
            requests.push_back(std::move(pending.extract(pending.begin()).mapped()));
        }
        is_more = !created.empty() || !pending.empty();
    }
    for (const auto& each : tasks) {
        each->lose_creator();
    }
    for (const auto& each : requests) {
        each->cancel({});
    }
    return is_more;
}

bool client_work::become_worker(const std::shared_ptr<workers::worker>& self) {
    const std::lock_guard guard{lock_};
    if (!has_ended_) {
        made_registers().worker = self;
    }
    return !has_ended_;
}

std::shared_ptr<workers::worker> client_work::worker() const {
    const std::lock_guard guard{lock_};
    return registers_ == nullptr ? nullptr : registers_->worker;
}

std::shared_ptr<workers::worker> client_work::take_worker() noexcept {
    const std::lock_guard guard{lock_};
    return registers_ == nullptr ? nullptr : std::move(registers_->worker);
}

bool client_work::defer(std::function<void()> job) {
    const std::lock_guard guard{lock_};
    auto& jobs = made_registers().deferred;
    jobs.push_back(std::move(job));
    return jobs.size() == 1;
}

bool client_work::add_long_answer(std::function<void()> make) {
    const std::lock_guard guard{lock_};
    auto& answers = made_registers().long_answers;
    answers.push_back(std::move(make));
    return answers.size() == 1;
}

bool client_work::make_long_answer() {
    std::function<void()> make;
    {
        const std::lock_guard guard{lock_};
        make = std::exchange(registers_->long_answers.front(), nullptr);
    }
    make();
    make = nullptr;  // what it keeps alive goes without the lock
    const std::lock_guard guard{lock_};
    registers_->long_answers.pop_front();
    return !registers_->long_answers.empty();
}

bool client_work::run_deferred(std::size_t most) {
    for (std::size_t i = 0;; ++i) {
        std::function<void()> job;
        {
            const std::lock_guard guard{lock_};
            auto& jobs = registers_->deferred;
            if (jobs.empty() || i == most) {
                return !jobs.empty();
            }
            job = std::move(jobs.front());
            jobs.pop_front();
        }
        job();
    }
}

}  // namespace gatherd::api::server
