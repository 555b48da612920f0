/// \file
/// One client's connection: its socket, its requests, its answers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/protocol/frame.hpp"
#include "api/server/net/client_work.hpp"
#include "api/server/net/connection_table.hpp"
#include "api/server/net/credentials.hpp"
#include "api/server/net/deadline.hpp"
#include "api/server/net/http_caller.hpp"
#include "api/server/net/inbox.hpp"
#include "api/server/net/outbox.hpp"
#include "api/server/net/transport.hpp"

namespace gatherd::executor {
class worker;
}

namespace gatherd::api::server {

/// A connection, from accept to close.
///
/// State      open --end of input--> half closed --all answers written--> closed
///            half closed --it has served, is owed nothing and does not read--> closed: unsent calls are dropped
///            open --fault that loses the place--> answered and lingering --> closed
///            any  --reset, hang-up, write error, limit--> closed: what it runs is cancelled
///            open, of a worker --hang-up, write error--> read to the end of its input: its answers count --> closed
///
/// A message too large to be handled between two turns of the other connections is handled on the bulk lane; until that
/// is done nothing more of this connection is read.
///
/// Where no read is armed (after the client's end of input, while its answers are unread, while a message is on the
/// bulk lane), a wait for errors and hang-ups is: a client that has gone is noticed in every state.
///
/// Edge  L  settle: what is owed, subtraction, then the reasons to end (input_ended_, is_shutting_down_, the drain),
/// loads ||
///          a reason: store, then what is owed, load, in the turn that follows; all seq_cst: either who settles the
///          last answer sees the reason, and has the worker look, or the worker sees that nothing is owed
///
/// Threads: it lives on one reactor; its handlers and timers run on that worker only. send, owe, settle and
/// the registers of requests and tasks are safe from any thread; what a method may ask of it (who, show_token,
/// message_bytes), while that method is called. The table keeps it alive until it closes.
class connection final : public memory_holder, public std::enable_shared_from_this<connection> {
public:
    /// `tls` null: in clear.
    connection(connection_table& table, transport::socket_type socket, const std::shared_ptr<asio::ssl::context>& tls,
               const peer_address& peer);
    ~connection() override;

    /// Begins to read. On its reactor.
    void start();

    /// No other connection has had it.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

    /// It is that process of a pool, which may do everything and is a worker from the start. Before it is let in.
    void become_process(const std::shared_ptr<workers::worker>& self);

    /// It carries one message of a client over HTTP, who has shown to be `caller`: tasks created here live on, nothing
    /// is streamed, no limit of connections holds, and in a drain its message is read first. Before it is let in.
    void become_http(const http_caller& caller);
    [[nodiscard]] bool is_http() const noexcept { return is_http_; }

    /// The trace of requests whose params have none.
    [[nodiscard]] trace_parent trace() const noexcept { return trace_ == nullptr ? trace_parent{} : *trace_; }

    /// Whether it has closed since all that it owed was written, and not for a fault. From any thread.
    [[nodiscard]] bool has_finished() const noexcept { return has_finished_.load(std::memory_order_acquire); }

    /// There are too many connections: says so, naming the limit, and closes. In place of start.
    void refuse(const char* limit);

    /// One message to the client, framed as it speaks. Written at the end of this turn, together with others.
    void send(std::string_view body);

    /// The same for a message that somebody waits for: a worker of the scheduler writes it itself, outside of this
    /// connection's turn, unless it is long or something is before it. See outbox.
    void send_at_once(std::string_view body);

    /// An answer is owed, so the connection stays; and one is no longer.
    void owe() noexcept { work_.owe(); }
    void settle();

    /// What runs for it. A task is added and removed here, since the connection may have to close for that.
    [[nodiscard]] client_work& work() noexcept { return work_; }
    void add_task(const std::shared_ptr<owned_task>& task);
    void remove_task(const std::shared_ptr<owned_task>& task) noexcept;

    /// Runs the job on its worker, soon, and not with so many others in one turn that the rest of the worker's
    /// connections would wait. From any thread.
    void defer(std::function<void()> job);

    /// Answers with what `make` gives, or with -32003 where there is no memory for it: at once, or, if it is long, when
    /// the bulk lane has made it. That does so one after the other, so that clients take turns there, not where nobody
    /// waits for the answer any more, and not (-32003) where too much is unread. From any thread.
    void answer_with(reply answer, bool is_long, std::function<value(connection&)> make);

    /// Answers what the client has sent by now, then closes when there is nothing to stay for.
    void begin_drain();

    /// Closes if there is nothing to stay for: asked after a drain began, and by what ended elsewhere.
    void look_again();

    /// Cancels its requests with "shutting down" and closes when they are answered.
    void shut_down();

    // memory_holder
    [[nodiscard]] std::shared_ptr<client_share> share() override { return work_.share(); }
    [[nodiscard]] std::size_t held_bytes() const noexcept override { return work_.held_bytes(); }
    void end_for_memory(const char* limit) override;
    void look_at_memory() override;

    /// Closes, soon: from any thread.
    void hang_up();

    /// The same, when what the worker at the other end has sent by now has been read: from any thread.
    void finish_reading();

    /// Closes if the token that it showed is one no more, or may not serve any more what it serves.
    void look_at_identity();

    /// Who the client is; null until it has shown a token where one is needed. See also identity::is_revoked.
    [[nodiscard]] const std::shared_ptr<identity>& who() const noexcept { return credentials_.who(); }

    /// Takes the client for the holder of that token, if it is one. After auth.tries wrong ones it closes.
    [[nodiscard]] bool show_token(std::string_view token);

    /// Whether a message is on the bulk lane. On its worker.
    [[nodiscard]] bool is_in_bulk() const noexcept { return is_in_bulk_; }

    /// About how long the text of the request is whose method is called.
    [[nodiscard]] std::size_t message_bytes() const noexcept { return message_bytes_; }
    void note_message(std::size_t bytes, std::size_t message_memory) noexcept {
        message_bytes_ = bytes;
        message_memory_ = message_memory;
    }

    /// About how much memory the whole message takes that is being handled.
    [[nodiscard]] std::size_t message_memory() const noexcept { return message_memory_; }

    [[nodiscard]] const peer_address& peer() const noexcept { return credentials_.peer(); }

    /// The process that has connected, or has inherited this; null: it is of no pool.
    [[nodiscard]] const std::shared_ptr<process::peer_process>& process() const noexcept { return process_; }

    [[nodiscard]] server_state& state() const noexcept { return table_.state(); }
    [[nodiscard]] request_handler& handler() noexcept { return table_.handler(); }

private:
    void wait_readable();
    void wait_writable();
    void wait_hang_up();
    [[nodiscard]] bool may_read() const noexcept;
    [[nodiscard]] bool refuses_to_read() const;
    [[nodiscard]] std::size_t most_unread() const;
    [[nodiscard]] bool must_wait_for_client() const;
    [[nodiscard]] bool must_wait_for_memory() const noexcept;
    void read_some();
    void end_reading(const asio::error_code& why);
    void handle_frames();
    void handle_frame(const std::shared_ptr<connection>& self, const protocol::frame& found);
    void decode_frame(const std::shared_ptr<connection>& self, const protocol::frame& found);
    void handle_in_bulk(const protocol::frame& found);
    void flush();
    void post_flush();
    [[nodiscard]] bool is_in_own_turn(const executor::worker* here) noexcept;
    [[nodiscard]] bool may_end() const noexcept;
    void after_turn();
    void count_memory();
    template <typename Then>
    void post_home(Then then);
    [[nodiscard]] asio::io_context& home() noexcept { return transport_.socket().get_executor().context(); }
    [[nodiscard]] bool is_home(const executor::worker* here) noexcept;
    void run_deferred();
    void make_long_answer();
    void end_work();
    void watch_clocks();
    [[nodiscard]] bool is_finished();
    void linger();
    void close() noexcept;
    void lose_peer();
    void lose_worker() noexcept;
    [[nodiscard]] bool may_serve_still() const;
    void close_for(const char* limit) noexcept;
    void note_fault(std::string_view why) { why_closed_ = std::make_unique<const std::string>(why); }
    template <typename Late>
    void watch(deadline& clock, std::chrono::nanoseconds time, Late late);
    void watch_message();
    void watch_output();
    void watch_idle();
    void watch_auth();
    void shed(const char* limit);

    connection_table& table_;
    const std::uint64_t number_;
    transport transport_;
    std::shared_ptr<process::peer_process> process_{};  // never changes once it was let in
    inbox input_;
    std::unique_ptr<const trace_parent> trace_{};  // likewise; most have none
    bool is_http_ = false;                         // likewise

    // The home worker's own.
    bool is_reading_ = false;      // a wait for input is under way
    bool is_watching_ = false;     // a wait for errors and hang-ups is under way
    bool is_unfinished_ = false;   // the turn was over before all that was read had been handled
    bool is_in_turn_ = false;      // messages are being handled: what they send is written at the end
    bool is_in_bulk_ = false;      // a message is being handled on the bulk lane: the input is not to be touched
    bool is_writing_ = false;      // a wait is under way, for room or for the turns of others
    bool is_blocked_ = false;      // for room
    bool is_lost_worker_ = false;  // it served, and can answer nothing any more
    bool is_peer_gone_ = false;    // nothing is written any more; what a worker has sent is read to its end
    bool is_lingering_ = false;    // our end is shut, the client's rest is thrown away
    bool our_end_is_shut_ = false;
    bool was_refused_ = false;  // it was never let in
    bool was_active_ = false;   // it has sent something since idle_deadline_ was set
    bool is_closed_ = false;
    std::size_t answered_from_ = 0;  // what was unread when this turn began
    std::size_t progress_seen_ = 0;  // of the output, when idle_deadline_ was set
    std::size_t counted_bytes_ = 0;  // of its buffers, in work_'s memory
    // For a fault of the client's, else null: what calls of a worker that is lost by it quote.
    std::unique_ptr<const std::string> why_closed_{};
    deadline message_deadline_;
    deadline output_deadline_;
    deadline idle_deadline_;
    deadline auth_deadline_;

    // Whoever handles its message: the home worker, or the bulk lane while that does.
    credentials credentials_;
    std::size_t message_bytes_ = 0;
    std::size_t message_memory_ = 0;

    // Any thread's.
    client_work work_;
    outbox output_;
    std::atomic<bool> input_ended_{false};  // by the client, or because its place was lost; set by the home worker; L
    std::atomic<bool> is_shutting_down_{false};  // L
    std::atomic<bool> has_finished_{false};      // release where it is set: the socket is closed after that
};

}  // namespace gatherd::api::server
