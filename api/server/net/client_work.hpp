/// \file
/// What runs for one client, and what it is owed.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/protocol/request_id.hpp"
#include "api/server/limits/client_share.hpp"
#include "api/server/net/pending_request.hpp"
#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api::workers {
class worker;
}

namespace gatherd::api::server {

/// What the end of a connection finds of a task that it created.
class owned_task {
public:
    virtual ~owned_task() = default;
    [[nodiscard]] virtual bool has_ended() const = 0;

    /// The connection has closed. From any thread.
    virtual void lose_creator() = 0;
};

/// The answers that are owed, the requests that a cancel may reach, the tasks that end with the connection.
///
/// Threads: all members are safe from any thread. A task's lock and a request's come before this one's: neither is
/// asked anything while it is held. Cost: what looks for a request or a task grows with the logarithm of how many there
/// are; what goes through all of them does so in bounded pieces.
class client_work {
public:
    using request_ptr = std::shared_ptr<pending_request>;
    using task_ptr = std::shared_ptr<owned_task>;

    void owe() noexcept { owed_.fetch_add(1, std::memory_order_relaxed); }

    /// True: nothing is owed any more. Who sees that sees the answers too. Edge L of connection.
    [[nodiscard]] bool settle() noexcept { return owed_.fetch_sub(1, std::memory_order_seq_cst) == 1; }  // L
    [[nodiscard]] bool is_owed() const noexcept { return owed() != 0; }

    /// Answers that are owed.
    [[nodiscard]] std::size_t owed() const noexcept { return owed_.load(std::memory_order_seq_cst); }  // L

    /// False: the client has gone, so the caller cancels it. By whoever handles the client's messages.
    [[nodiscard]] bool add_request(const request_ptr& request);
    void remove_request(const request_ptr& request) noexcept;

    /// `carry_out` carries out anew what `waiting` is about. The request of the same id that it adds, if any, takes the
    /// place of `waiting` in one step, so that it is found at any time, and is watched by those who watch `waiting`.
    /// Gives that request, or null; `waiting` is not to be found any more. By whoever handles the client's messages.
    request_ptr replace_request(const request_ptr& waiting, const std::function<void()>& carry_out);

    /// The requests of that id.
    [[nodiscard]] std::vector<request_ptr> requests(const protocol::request_id& id) const;

    /// Up to so many requests, of whatever id.
    [[nodiscard]] std::vector<request_ptr> some_requests(std::size_t most) const;

    /// Cancels all requests. Gives how many were reached.
    std::size_t cancel_requests(const std::string& message);

    /// False: the client has gone, so the task has no creator any more.
    [[nodiscard]] bool add_task(const task_ptr& task);

    /// True: it was the last one.
    [[nodiscard]] bool remove_task(const task_ptr& task) noexcept;
    [[nodiscard]] bool has_task() const;
    [[nodiscard]] bool has_unfinished_task() const;

    /// Whether the client has gone: nobody waits for an answer.
    [[nodiscard]] bool has_ended() const;

    /// The client has gone: up to so many of its tasks lose their creator, and up to so many of its requests are
    /// cancelled. True: there are more, so the caller calls again.
    [[nodiscard]] bool end_some(std::size_t most);

    /// The client serves functions from now on. False: it has gone.
    [[nodiscard]] bool become_worker(const std::shared_ptr<workers::worker>& self);

    /// As what it serves, or null.
    [[nodiscard]] std::shared_ptr<workers::worker> worker() const;

    /// The same, and it serves no more.
    [[nodiscard]] std::shared_ptr<workers::worker> take_worker() noexcept;

    /// Keeps a job for run_deferred. True: it is the only one, so the caller arranges for that.
    [[nodiscard]] bool defer(std::function<void()> job);

    /// Runs up to so many of the jobs, the oldest first. True: there are more, so the caller calls again.
    [[nodiscard]] bool run_deferred(std::size_t most);

    /// Keeps what makes a long answer for make_long_answer. True: it is the only one, so the caller arranges for that.
    [[nodiscard]] bool add_long_answer(std::function<void()> make);

    /// Makes the oldest one. True: there are more, so the caller calls again. By one thread at a time.
    [[nodiscard]] bool make_long_answer();

    /// How many tasks it has in flight, for task_allowance to count. By whoever handles its message.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight();

    /// Its share: its own, or that of the holder of the token that it has shown.
    [[nodiscard]] std::shared_ptr<client_share> share();
    void set_share(std::shared_ptr<client_share> shared);

    /// Its buffers and its waiting requests take so many bytes more, or fewer.
    void add_memory(std::ptrdiff_t bytes);
    /// What they take.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return memory_.bytes(); }

    /// The same for who only looks: null while none was ever counted.
    [[nodiscard]] const std::atomic<std::size_t>* counted_tasks() const noexcept { return tasks_in_flight_.get(); }

private:
    /// The text of an id; and whose it is, since an id may be in use twice.
    using request_key = std::pair<std::string, const pending_request*>;

    struct registers {
        std::map<request_key, request_ptr> requests;
        request_ptr replaced;  // while replace_request runs, until there is its successor
        request_ptr successor;
        std::unordered_set<task_ptr> tasks;
        std::deque<std::function<void()>> deferred;
        std::deque<std::function<void()>> long_answers;  // the first is being made
        std::shared_ptr<workers::worker> worker;
    };
    [[nodiscard]] registers& made_registers();

    std::atomic<std::size_t> owed_{0};
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_;  // none until first needed: most clients never wait

    executor::memory_account memory_;  // part of the share, once there is one

    mutable std::mutex lock_;
    bool has_ended_ = false;                // under lock_, as all below
    std::shared_ptr<client_share> share_;   // none until first asked for
    std::unique_ptr<registers> registers_;  // none until the first entry: most idle clients never had one
};

}  // namespace gatherd::api::server
