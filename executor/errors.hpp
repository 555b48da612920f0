/// \file
/// The exceptions that the executor itself raises, with asyncio's meaning.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace gatherd::executor {

/// Raised where a task waits when it is cancelled: asyncio.CancelledError.
///
/// Like in Python it is no ordinary failure: who catches it goes on as if the cancellation had not been asked for.
class cancelled_error : public std::exception {
public:
    explicit cancelled_error(std::string message = {}) : message_{std::move(message)} {}

    /// What cancel() was given, often empty.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const char* what() const noexcept override { return "CancelledError"; }

private:
    std::string message_;
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

}  // namespace gatherd::executor
