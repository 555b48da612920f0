/// \file
/// What is asked of an HTTP server, what it answers, and what can go wrong.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatherd::api::http {

/// One header field.
struct header {
    std::string name;
    std::string value;

    bool operator==(const header&) const = default;
};

/// One call of `client::fetch`.
struct request {
    std::string url;  ///< absolute, http or https, without user and password
    std::string method = "GET";
    std::vector<header> headers{};
    std::optional<std::string> body{};
    /// For all of it, redirects included. None: no limit.
    std::optional<std::chrono::nanoseconds> timeout = std::chrono::seconds{30};
    std::size_t follow = 5;                        ///< redirects at most
    std::size_t max_body = std::size_t{16} << 20;  ///< bytes of the answer's body, decoded
};

/// The last answer, after the redirects that were followed.
struct response {
    int status = 0;
    std::string reason{};           ///< "Not Found"; may be empty
    std::vector<header> headers{};  ///< names in lower case, each once: repeated ones joined as `answer_head` says
    std::string body{};             ///< decoded, if the server has compressed it
    std::string url{};              ///< who gave this answer, without fragment
    std::chrono::nanoseconds elapsed{};
};

/// Why there is no answer. Only a timeout is not one: that is the executor's `timeout_error`.
class fault : public std::exception {
public:
    enum class kind {
        connection,  ///< no connection, no valid certificate, or what came is no answer of HTTP
        permission,  ///< the host or its address is not allowed
        value,       ///< the request is none that may be sent: its URL, method or headers
        redirects,   ///< more of them than `follow`
        overflow,    ///< the body is larger than `max_body`
        memory,      ///< all bodies together are larger than is allowed
    };

    fault(kind reason, std::string message) : reason_{reason}, message_{std::move(message)} {}

    [[nodiscard]] kind reason() const noexcept { return reason_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

private:
    kind reason_;
    std::string message_;
};

}  // namespace gatherd::api::http
