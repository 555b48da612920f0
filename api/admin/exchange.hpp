/// \file
/// One request over HTTP and its answer, as the server and what handles the request see each other.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "api/admin/http_message.hpp"

namespace gatherd::api::admin {

/// The server's side of a request.
///
/// Threads: the server's alone.
class exchange {
public:
    virtual ~exchange() = default;

    /// The whole answer. This or begin_answer, once.
    virtual void answer(http_answer whole) = 0;

    /// The answer's head; `read` of the handler gives the body, of so many bytes; none: until it ends.
    virtual void begin_answer(http_answer head, std::optional<std::uint64_t> body_bytes) = 0;

    /// The handler can take more of the body, or has more of the answer.
    virtual void wake() = 0;
};

/// What handles one request.
///
/// Order: attach, take for each piece of the body, begin, read for each piece of an answer that was begun; detach at
/// any point after attach, as the last.
///
/// Threads: the server's alone. It may live on after detach.
class request_handler {
public:
    request_handler() = default;
    virtual ~request_handler() = default;
    request_handler(const request_handler&) = delete;
    request_handler& operator=(const request_handler&) = delete;

    void attach(exchange& to) noexcept { to_ = &to; }

    /// Takes a piece of the body, or a part of it, and gives how many bytes; fewer than there are: it calls wake later.
    virtual std::size_t take(std::string_view piece) { return piece.size(); }

    /// The request is whole. It may answer now or later.
    virtual void begin() = 0;

    /// The next bytes of the body. 0: there are none yet, and it calls wake later.
    struct read_end {
        static constexpr ssize_t of_body = -1;  ///< the answer has ended
        static constexpr ssize_t broken = -2;   ///< there is no rest: the client is to see that
    };
    virtual ssize_t read(char* /*into*/, std::size_t /*most*/) { return read_end::broken; }

    /// Whether a daemon that stops lets the client have its answer first.
    [[nodiscard]] virtual bool is_owed() const noexcept { return false; }

    /// The exchange is over: the answer was sent, or the client has gone.
    void detach() noexcept {
        to_ = nullptr;
        ended();
    }

protected:
    /// Null after detach.
    [[nodiscard]] exchange* to() const noexcept { return to_; }

private:
    virtual void ended() noexcept {}

    exchange* to_ = nullptr;
};

}  // namespace gatherd::api::admin
