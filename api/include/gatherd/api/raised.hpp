/// \file
/// The exception with which a function says what a plan is to see.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace gatherd::api {

/// An exception as the wire shows it: `{"type": "ValueError", "message": "..."}`.
///
/// Functions throw it. Only CancelledError and TimeoutError are not spelt this way: they are the executor's
/// own `cancelled_error` and `timeout_error`, so that scopes treat them as asyncio does.
class raised : public std::exception {
public:
    raised(std::string type, std::string message, std::shared_ptr<const std::string> traceback = nullptr)
        : type_{std::move(type)}, message_{std::move(message)}, traceback_{std::move(traceback)} {}

    [[nodiscard]] const std::string& type() const noexcept { return type_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

    /// Where it was raised in another process, as that tells it; or null.
    [[nodiscard]] const std::shared_ptr<const std::string>& traceback() const noexcept { return traceback_; }

private:
    std::string type_;
    std::string message_;
    std::shared_ptr<const std::string> traceback_;
};

/// Whether an exception's type may be called that: it is not empty and has no control characters. One that may not is
/// raised as RuntimeError.
[[nodiscard]] inline bool is_exception_type(std::string_view text) noexcept {
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char del = 0x7f;
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (byte < first_printable || byte == del) {
            return false;
        }
    }
    return !text.empty();
}

}  // namespace gatherd::api
