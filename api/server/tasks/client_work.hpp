/// \file
/// What runs for one client, and what it is owed.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/json/json_view.hpp"
#include "api/wire/request_id.hpp"

namespace gatherd::api::server {

class created_task;

/// What method cancel and the end of a connection find of a request in progress.
class pending_request {
public:
    virtual ~pending_request() = default;

    [[nodiscard]] virtual const wire::request_id& id() const noexcept = 0;

    /// Asks it to end. False: it has ended already. From any thread; may answer before it returns.
    virtual bool cancel(const std::string& message) = 0;
};

/// The answers that are owed, the requests that a cancel may reach, the tasks that end with the connection.
///
/// Threads: all members are safe from any thread. A task's lock and a request's come before this one's: neither is
/// asked anything while it is held.
class client_work {
public:
    void owe() noexcept { owed_.fetch_add(1, std::memory_order_relaxed); }

    /// True: nothing is owed any more. Release: who sees that sees the answers too.
    [[nodiscard]] bool settle() noexcept { return owed_.fetch_sub(1, std::memory_order_release) == 1; }
    [[nodiscard]] bool is_owed() const noexcept { return owed_.load(std::memory_order_acquire) != 0; }

    void add_request(const std::shared_ptr<pending_request>& request);
    void remove_request(const std::shared_ptr<pending_request>& request) noexcept;

    /// Cancels the requests of that id, or all of them. Gives how many were reached.
    std::size_t cancel_requests(json::json_view id, const std::string& message);
    std::size_t cancel_requests(const std::string& message);

    /// False: the client has gone, so the task has no creator any more.
    [[nodiscard]] bool add_task(const std::shared_ptr<created_task>& task);

    /// True: it was the last one.
    [[nodiscard]] bool remove_task(const std::shared_ptr<created_task>& task) noexcept;
    [[nodiscard]] bool has_task() const;
    [[nodiscard]] bool has_unfinished_task() const;

    /// The client has gone: its tasks lose their creator, its requests are cancelled.
    void end();

    /// How many tasks it has in flight, for task_allowance to count. By whoever handles its message.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight();

    /// The same for who only looks: null while none was ever counted.
    [[nodiscard]] const std::atomic<std::size_t>* counted_tasks() const noexcept { return tasks_in_flight_.get(); }

private:
    struct registers {
        std::unordered_set<std::shared_ptr<pending_request>> requests;
        std::unordered_set<std::shared_ptr<created_task>> tasks;
    };
    [[nodiscard]] registers& made_registers();

    std::atomic<std::size_t> owed_{0};
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_;  // none until first needed: most clients never wait

    mutable std::mutex lock_;
    bool has_ended_ = false;                // under lock_, as all below
    std::unique_ptr<registers> registers_;  // none until the first entry: most idle clients never had one
};

}  // namespace gatherd::api::server
