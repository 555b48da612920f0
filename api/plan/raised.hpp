/// \file
/// The exception that a function of a plan raises, by the type name that Python would give it.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace gatherd::api::plan {

/// An exception as the wire shows it: `{"type": "ValueError", "message": "..."}`.
///
/// Functions throw it. Only CancelledError and TimeoutError are not spelt this way: they are the executor's
/// own `cancelled_error` and `timeout_error`, so that scopes treat them as asyncio does.
class raised : public std::exception {
public:
    raised(std::string type, std::string message) : type_{std::move(type)}, message_{std::move(message)} {}

    [[nodiscard]] const std::string& type() const noexcept { return type_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string type_;
    std::string message_;
};

}  // namespace gatherd::api::plan
