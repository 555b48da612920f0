/// \file
/// The exceptions that the executor itself raises, with asyncio's meaning.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace gatherd::executor {

/// Raised where a task waits when it is cancelled: asyncio.CancelledError.
///
/// Like in Python it is no ordinary failure: who catches it goes on as if the cancellation had not been asked for.
///
/// To copy it takes no memory. To make it takes some if there is a message; without memory the message is left out.
class cancelled_error : public std::exception {
public:
    explicit cancelled_error(const std::string& message = {}, std::uint64_t request = 0) noexcept : request_{request} {
        try {
            if (!message.empty()) {
                message_ = std::make_shared<const std::string>(message);
            }
        } catch (const std::bad_alloc&) {  // that there was a cancellation matters more
        }
    }

    /// What cancel() was given, often empty.
    [[nodiscard]] const std::string& message() const noexcept {
        static const std::string none;
        return message_ != nullptr ? *message_ : none;
    }
    [[nodiscard]] const char* what() const noexcept override { return "CancelledError"; }

    /// The number of the request to cancel that this error answers; 0 if code threw the error without a request. A task
    /// that cancels other tasks because it was cancelled passes this number on, so that the one request does not
    /// interrupt a task twice: see cancel_and_wait.
    [[nodiscard]] std::uint64_t request() const noexcept { return request_; }

private:
    std::shared_ptr<const std::string> message_;
    std::uint64_t request_;
};

/// Raised by wait_for and the like when time ran out: Python's TimeoutError.
class timeout_error : public std::exception {
public:
    explicit timeout_error(std::string message = {}) : message_{std::move(message)} {}

    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const char* what() const noexcept override { return "TimeoutError"; }

private:
    std::string message_;
};

/// Raised by run when SIGINT ended its main task: Python's KeyboardInterrupt. See run_options::handle_sigint.
class keyboard_interrupt : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "KeyboardInterrupt"; }
};

/// Raised when a task or a future is asked for a result that it does not have yet, and when a future is given a second
/// outcome: asyncio.InvalidStateError.
class invalid_state_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Raised out of a co_yield when an async_generator is closed: Python's GeneratorExit. Who catches it cleans up and
/// ends.
class generator_exit : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "GeneratorExit"; }
};

/// Raised for a number that makes no sense, such as one release too many: Python's ValueError.
class value_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// The outcome of a future whose promise went away without one. asyncio leaves those who await it waiting.
class broken_promise_error : public std::runtime_error {
public:
    broken_promise_error() : std::runtime_error{"the promise went away without a result"} {}
};

/// Raised where a task waits for an object, such as a queue or an event, that is destroyed meanwhile. In asyncio such
/// an object lives as long as its waiters.
class abandoned_error : public std::runtime_error {
public:
    abandoned_error() : std::runtime_error{"the object was destroyed while a task waited for it"} {}
};

/// Raised by queue::put_nowait: asyncio.QueueFull.
class queue_full : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "QueueFull"; }
};

/// Raised by queue::get_nowait: asyncio.QueueEmpty.
class queue_empty : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "QueueEmpty"; }
};

/// Raised by the functions of a queue after queue::shutdown: asyncio.QueueShutDown.
class queue_shut_down : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "QueueShutDown"; }
};

/// Raised by barrier::wait when the barrier is aborted or reset: asyncio.BrokenBarrierError.
class broken_barrier_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace gatherd::executor
