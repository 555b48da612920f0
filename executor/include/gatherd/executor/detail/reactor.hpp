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
/// Threads: poll and wait by the owning worker; wake and context().post from any.
class reactor {
public:
    reactor();
    ~reactor();
    reactor(const reactor&) = delete;
    reactor& operator=(const reactor&) = delete;

    /// Runs handlers that are ready, without waiting, but no more than a bound: a handler that makes itself ready again
    /// and again keeps nothing else from running.
    void poll(std::size_t most);

    /// Waits until a handler is ready, wake() is called, or `limit` has passed, and runs one handler; the next poll()
    /// has the others.
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
