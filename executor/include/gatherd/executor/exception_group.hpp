/// \file
/// Several exceptions that are raised as one: Python's ExceptionGroup.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace gatherd::executor {

/// What task_group raises: the exceptions of those who failed, in the order in which they did.
class exception_group : public std::exception {
public:
    exception_group(std::string message, std::vector<std::exception_ptr> exceptions);

    /// What was given, without the count.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept { return exceptions_; }

    /// As Python's str of it: "message (2 sub-exceptions)".
    [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

private:
    std::string message_;
    std::vector<std::exception_ptr> exceptions_;
    std::string what_;
};

}  // namespace gatherd::executor
