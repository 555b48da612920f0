/// \file
/// What few tasks have beside their state: a name, callbacks for their end, and a stop source.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor {

/// Names a callback of one task, for taking it back.
enum class callback_id : std::uint64_t {};

/// A callback for the end of a task, whatever it is made of. It lives as long as the task.
class done_callback : public continuation {
public:
    done_callback() noexcept : continuation{&fired} {}
    virtual ~done_callback() = default;

    /// Called once at most. What the callback keeps alive is let go with it.
    virtual void call(task_state& ended) noexcept = 0;

    callback_id id{};

private:
    /// On the worker that ended the task: as part of it, so that what the callback creates belongs to
    /// its scope, with the context of who added the callback.
    static void fired(continuation& self, task_state& ended) noexcept;

    detail::context_ref context_ = detail::copy_context();
};

/// Kept by a task that was given a name, a callback or a stop source.
///
/// Threads: all are safe from any. Lock order: this before the task's.
class task_notes {
public:
    /// The name; for one that has none the next "Task-N" from now on. asyncio counts when it creates a task; here that
    /// costs nothing before somebody asks.
    [[nodiscard]] std::string name();
    void set_name(std::string name);

    /// The name, or an empty one as long as there is none.
    [[nodiscard]] std::string given_name() const;

    /// Links a callback to the task whose notes these are. If that has ended, it is called before this returns.
    callback_id add(task_state& task, std::unique_ptr<done_callback> callback);

    /// Takes it back. False: it was called, or is about to be, or was never there.
    bool remove(task_state& task, callback_id id) noexcept;

    /// The source that a cancellation of the task stops. `is_fresh`: not one that has been stopped.
    [[nodiscard]] std::stop_source stop_source(bool is_fresh);

    /// The task was asked to cancel. Runs foreign callbacks, so under no lock.
    void request_stop() noexcept;

private:
    mutable std::mutex lock_;
    std::string name_;                                // under lock_, as all below
    std::stop_source stop_source_{std::nostopstate};  // none before somebody asks
    std::uint64_t last_id_ = 0;
    std::vector<std::unique_ptr<done_callback>> callbacks_;
};

}  // namespace gatherd::executor
