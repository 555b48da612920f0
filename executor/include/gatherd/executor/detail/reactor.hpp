/// \file
/// A worker's eyes and ears: Asio's event loop, driven by that worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace asio {
class io_context;
}

namespace gatherd::executor {

/// One epoll set, polled by a busy worker now and then, and where an idle worker sleeps.
///
/// Handlers run on the worker that drives it, never two at once: what belongs to one reactor needs no lock among
/// its handlers. A socket is bound to one reactor at a time.
///
/// Threads: look, run_ready and wait by the owning worker; wake and context().post from any.
class reactor {
public:
    reactor();
    ~reactor();
    reactor(const reactor&) = delete;
    reactor& operator=(const reactor&) = delete;

    /// Counts a look: to be called before handlers are run by run_ready.
    void look() noexcept { ++looks_; }

    /// Runs one handler that is ready, without waiting. False: none is. A handler can make itself ready again and
    /// again, so a caller that loops has a bound of its own.
    bool run_ready();

    /// Waits until a handler is ready, wake() is called, or `limit` has passed, and runs one handler; run_ready has the
    /// others.
    void wait(std::chrono::nanoseconds limit);

    /// Ends the wait that goes on, or the next one. A wake-up is never lost; several may become one.
    void wake() noexcept;

    /// How often it was polled or waited for. Owner only.
    [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }

    /// For sockets, acceptors and signals that are to live here.
    [[nodiscard]] asio::io_context& context() const noexcept { return *context_; }

private:
    struct parts;
    std::unique_ptr<parts> parts_;
    asio::io_context* context_;
    std::uint64_t looks_ = 1;
};

}  // namespace gatherd::executor
