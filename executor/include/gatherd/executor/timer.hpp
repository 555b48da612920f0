/// \file
/// A call at a later time: asyncio's loop.call_later.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace gatherd::executor {

class scheduler;

/// A callback that runs once on a worker when its time has come, unless it is cancelled before. One allocation.
///
/// Threads: set and cancel are not for two threads at once; the callback may run at the same time as either.
class timer {
public:
    timer() noexcept = default;
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;
    ~timer() { cancel(); }

    /// Arranges the call, in place of one that was arranged before. What `callback` keeps alive is let go when it has
    /// run or can no longer.
    void set(scheduler& pool, std::chrono::nanoseconds delay, std::function<void()> callback);

    /// Takes it back. False: nothing was arranged, or it has run, or it is running on another thread.
    bool cancel() noexcept;

    /// Takes the call off the worker that would make it, until resume(): for what goes to live on another worker. On
    /// the worker where it was set, and not in the callback of any timer; else it may be too late.
    void suspend() noexcept;

    /// Arranges the call again for the time that was meant, from now on on the calling worker. Nothing if it was not
    /// suspended.
    void resume(scheduler& pool) noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace gatherd::executor
