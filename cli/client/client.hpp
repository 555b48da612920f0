/// \file
/// A connection to a daemon: JSON-RPC 2.0, a line a message.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client/destination.hpp"
#include "cli/client/server_message.hpp"
#include "gatherd/api/value.hpp"

namespace asio {
class io_context;
}

namespace gatherd::cli {

/// A method with its params as JSON text, which may span lines; no text means no params.
struct request {
    std::string method;
    std::string params = {};
    /// Where in params the user's own text stands, as a JSON pointer.
    std::string base = {};
};

using deadline = std::chrono::steady_clock::time_point;

/// How long a signal lets a request end. A daemon that hangs must not keep the command.
inline constexpr std::chrono::milliseconds after_interrupt{1500};

/// What may happen while an answer is awaited.
struct ask_options {
    /// Called for each notification that comes before the answer.
    std::function<void(const server_message&)> on_notification = {};
    /// If set, SIGINT and SIGTERM cancel the request: the first calls this, sends `cancel` and waits for the answer,
    /// but not longer than `after_interrupt`; the second gives up.
    std::function<void()> on_interrupt = {};
    /// If set, called each `tick` while the answer has not come, so that a person sees time pass.
    std::function<void()> on_tick = {};
    /// When to give up waiting for the answer; none: never.
    std::optional<deadline> until = std::nullopt;
};

inline constexpr std::chrono::milliseconds tick{200};

/// How waiting for the answer ended.
struct reply {
    enum class end { result, error, abandoned, silence };
    end how;
    std::string result = {};     // JSON text, of `result`
    api::value error = nullptr;  // of `error`
    int interrupted_by = 0;      // the first signal that came, or 0
};

/// One connection, one request at a time.
///
/// Threads: one at a time. Blocks the caller. Memory: the request and the largest message.
class client {
public:
    /// Connects, shakes hands where TLS is spoken, and shows the token where there is one. Throws connection_error
    /// after the server's `connect_timeout`, or sooner when there is nobody; timeout_error at `until`;
    /// refusal_error when the token is not accepted.
    explicit client(const destination& server, std::optional<deadline> until = std::nullopt);
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Sends a request and waits for what becomes of it.
    /// Throws connection_error if the connection ends first, or if the other end is no gatherd.
    [[nodiscard]] reply ask(const request& what, const ask_options& options = {});

    class pipeline;

private:
    struct connection;
    class exchange;
    std::unique_ptr<connection> connection_;
};

/// Any number of messages at a time, on a client's connection and its event loop, which the caller runs.
///
/// Threads: one at a time. Memory: what was sent and has not been written, and the largest message.
class client::pipeline {
public:
    struct events {
        std::function<void(std::string_view line)> on_line;  // a message of the daemon, without its line feed
        std::function<void(std::string why)> on_lost;        // the last event: no message will come
    };

    /// From now on messages come in. The client must outlive the pipeline, and not be used in another way.
    pipeline(client& with, events told);
    ~pipeline();
    pipeline(const pipeline&) = delete;
    pipeline& operator=(const pipeline&) = delete;

    [[nodiscard]] asio::io_context& context() noexcept;

    /// Whole messages, each with its line feed. Written soon, together with what else is sent in this turn.
    void send(std::string_view messages);

    /// While it is held up nothing is read, so that the daemon waits.
    void hold_up(bool is_held);

private:
    void read_more();
    void take_lines();
    void write_next();

    connection& with_;
    const events told_;
    std::string chunk_;
    std::string queued_{};
    std::string written_{};  // is being written
    bool is_writing_ = false;
    bool is_reading_ = false;
    bool is_held_ = false;
    bool is_lost_ = false;
};

}  // namespace gatherd::cli
