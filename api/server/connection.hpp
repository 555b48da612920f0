/// \file
/// One client's connection: its socket, its requests, its answers.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "api/server/memory_ledger.hpp"
#include "api/server/pending_request.hpp"
#include "api/server/service.hpp"
#include "api/server/transport.hpp"
#include "api/wire/frame.hpp"
#include "api/wire/frame_reader.hpp"
#include "api/wire/framing.hpp"
#include "executor/alarm.hpp"

namespace gatherd::api::wire {
class message_decoder;
}

namespace gatherd::api::server {

class created_task;

/// A connection, from accept to close.
///
/// State      open --end of input--> half closed --all answers written--> closed
///            open --fault that loses the place--> answered and lingering --> closed
///            any  --reset, write error, limit--> closed: what it runs is cancelled
///
/// A message too large to be handled between two looks at the other connections is handled on the bulk lane; until that
/// is done nothing more of this connection is read.
///
/// Threads: it lives on one reactor; its handlers and alarms run on that worker only. send, owe, settle and the
/// registers of requests and tasks are safe from any thread; what a method may ask of it (who, show_token,
/// message_bytes), while that method is called. It keeps itself alive through the service until closed.
class connection : public std::enable_shared_from_this<connection> {
public:
    /// `tls` null: in clear.
    connection(service& of, transport::socket_type socket, const std::shared_ptr<asio::ssl::context>& tls,
               const peer_address& peer, std::size_t home);
    ~connection();

    /// Begins to read. On its reactor.
    void start();

    /// There are too many connections: says so, naming the limit, and closes. In place of start.
    void refuse(const char* limit);

    /// One message to the client, framed as it speaks. Written at the end of this turn, together with others.
    void send(std::string_view body);

    /// An answer is owed, so the connection stays; and one is no longer.
    void owe() noexcept { owed_.fetch_add(1, std::memory_order_relaxed); }
    void settle();

    /// Requests that a cancel may reach while they run.
    void add_pending(const std::shared_ptr<pending_request>& request);
    void remove_pending(const std::shared_ptr<pending_request>& request) noexcept;

    /// Cancels the requests of that id, or all of them. Gives how many were reached.
    std::size_t cancel_requests(json::json_view id, const std::string& message);
    std::size_t cancel_requests(const std::string& message);

    /// Tasks that end with this connection; one leaves when its result was collected or dropped.
    void add_task(const std::shared_ptr<created_task>& task);
    void remove_task(const std::shared_ptr<created_task>& task) noexcept;

    /// Answers what the client has sent by now, then closes when there is nothing to stay for.
    void begin_drain();

    /// Closes if there is nothing to stay for: asked after a drain began, and by what ended elsewhere.
    void look_again();

    /// Cancels its requests with "shutting down" and closes when they are answered.
    void shut_down();

    /// Closes if the token that it showed is one no more.
    void look_at_identity();

    /// Who the client is; null until it has shown a token where one is needed. See also identity::is_revoked.
    [[nodiscard]] const std::shared_ptr<identity>& who() const noexcept { return who_; }

    /// Takes the client for the holder of that token, if it is one. After auth.tries wrong ones it closes.
    [[nodiscard]] bool show_token(std::string_view token);

    /// About how long the text of the request is whose method is called.
    [[nodiscard]] std::size_t message_bytes() const noexcept { return message_bytes_; }

    [[nodiscard]] const peer_address& peer() const noexcept { return peer_; }

    [[nodiscard]] service& of() noexcept { return service_; }
    [[nodiscard]] std::size_t home() const noexcept { return home_; }
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight() noexcept {
        return tasks_in_flight_;
    }

private:
    void wait_readable();
    void wait_writable();
    void read_some();
    void handle_frames();
    void handle_frame(const wire::frame& found);
    void handle_message(std::string_view text, wire::message_decoder& decoder);
    void handle_in_bulk(std::string_view text);
    void flush();
    void write_some();
    void post_flush();
    void after_turn();
    [[nodiscard]] bool is_finished();
    void linger();
    void close() noexcept;
    void close_for(const char* limit) noexcept;
    void watch_message();
    void watch_output();
    void watch_idle();
    void watch_auth();
    void account_output();
    [[nodiscard]] bool has_unfinished_task();
    [[nodiscard]] bool must_shed() const noexcept;
    void shed();

    service& service_;
    transport transport_;
    const peer_address peer_;
    const std::size_t home_;  // the index of its worker
    wire::frame_reader reader_;

    // The home worker's own.
    bool is_reading_ = false;    // a wait for input is under way
    bool is_in_turn_ = false;    // messages are being handled: what they send is written at the end
    bool is_in_bulk_ = false;    // a message is being handled on the bulk lane: the reader is not to be touched
    bool is_writing_ = false;    // a wait for room is under way
    bool input_ended_ = false;   // by the client, or because its place was lost
    bool is_lingering_ = false;  // our end is shut, the client's rest is thrown away
    bool our_end_is_shut_ = false;
    bool was_refused_ = false;  // it was never let in
    bool was_active_ = false;   // since idle_alarm_ rang
    bool is_closed_ = false;
    std::string writing_;       // taken from output_, being written
    std::size_t written_ = 0;   // of writing_
    std::size_t progress_ = 0;  // bytes written in all, for watch_output
    memory_share memory_;       // for what is half read and not yet written, where that is much
    executor::alarm message_alarm_;
    executor::alarm output_alarm_;
    executor::alarm idle_alarm_;
    executor::alarm auth_alarm_;
    bool message_is_watched_ = false;
    bool output_is_watched_ = false;

    // Whoever handles its message: the home worker, or the bulk lane while that does.
    std::shared_ptr<identity> who_;
    std::size_t wrong_tokens_ = 0;
    std::size_t message_bytes_ = 0;

    std::atomic<std::size_t> owed_{0};
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<bool> is_shutting_down_{false};
    std::atomic<bool> is_overfed_{false};  // it does not read what it asked for, and there is no memory to keep it
    std::atomic<bool> is_put_out_{false};  // too many wrong tokens, or a token taken back

    std::mutex lock_;
    std::string output_;  // under lock_, as all below
    memory_share output_memory_{service_.memory()};
    bool flush_is_posted_ = false;
    bool takes_output_ = true;  // false: closed, what is sent is dropped
    wire::framing framing_ = wire::framing::undecided;
    std::unordered_set<std::shared_ptr<pending_request>> pending_;
    std::unordered_set<std::shared_ptr<created_task>> tasks_;
};

}  // namespace gatherd::api::server
