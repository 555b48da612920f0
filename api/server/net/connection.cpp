#include "api/server/net/connection.hpp"

#include <algorithm>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/process/peer_process.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/protocol/response.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/message_handling.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/net/worker_messages.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::chrono::seconds linger_time{2};
constexpr const char* token_is_void = "its token is no longer valid for what it does";
constexpr std::size_t unread_when_high = 64 * 1024;  // of unread answers, where memory is short

/// Requests or tasks that one handler ends before it posts itself again. A worker runs up to 64 handlers in a row: a
/// thousand items, some milliseconds, lie between two of its turns.
constexpr std::size_t items_a_handler = 16;

/// Where so many tasks wait for their turn on a worker, each of its clients begins one request at a time: else those
/// who send without a pause begin more than it ends.
constexpr std::size_t crowd = 128;

void answer_within_memory(reply& answer, const std::function<value(connection&)>& make) {
    try {
        executor::memory_account making{executor::memory_account::kind::early};
        const executor::memory_turn turn{&making};
        answer.result(make(*answer.to()));
    } catch (const memory_limit_exceeded&) {
        answer.error(no_memory_for(0));
    }
}

}  // namespace

connection::connection(connection_table& table, transport::socket_type socket,
                       const std::shared_ptr<asio::ssl::context>& tls, const peer_address& peer)
    : table_{table},
      number_{table.next_number()},
      transport_{std::move(socket), tls},
      input_{state()},
      credentials_{state(), peer},
      output_{state()} {
    if (peer != peer_address{}) {
        set_client_options(transport_.socket().native_handle());
    }
    if (state().workers().has_pools()) {
        process_ = process::peer_process::behind(transport_.socket().native_handle());
    }
}

connection::~connection() {
    if (was_refused_) {
        table_.end_refusal();
    }
}

void connection::start() {
    watch_idle();
    watch_auth();
    after_turn();
}

void connection::become_process(const std::shared_ptr<workers::worker>& self) {
    credentials_.trust(state().own_identity());
    process_ = std::make_shared<process::peer_process>(self->member()->pid);
    static_cast<void>(work_.become_worker(self));  // it has not ended: it has not begun
}

void connection::become_http(const http_caller& caller) {
    is_http_ = true;
    process_ = caller.process;
    if (!caller.trace.empty()) {
        trace_ = std::make_unique<const trace_parent>(caller.trace);
    }
    if (!caller.who->name().empty()) {
        work_.set_share(caller.who->share());
    }
    credentials_.take(caller.who);
    input_.lift_limit(state().bounds());
}

void connection::refuse(const char* limit) {
    was_refused_ = true;
    // To tell it a descriptor is held for a while; and under TLS hands would have to be shaken first.
    if (!table_.begin_refusal() || transport_.is_tls()) {
        close();
        return;
    }
    const limits& most = state().bounds();
    const bool is_about_address = std::string_view{limit} == "limits.address_connections";
    std::string text;
    const error why = overloaded(limit, is_about_address ? most.address_connections : most.connections);
    state().counts().add_error(why);
    protocol::append_error(text, protocol::request_id::null(), why);
    input_ended_ = is_lingering_ = true;
    send(text);
}

void connection::begin_drain() {
    post_home([this] {
        if (!is_closed_ && !input_ended_ && !is_in_bulk_) {
            read_some();  // what the client has sent by now gets an answer
        }
    });
}

// ---- reading -------------------------------------------------------------------------------------

/// Whether what the client sends is wanted: to be handled, or, when it lingers, to be thrown away.
bool connection::may_read() const noexcept {
    return !is_closed_ && !is_in_bulk_ && !is_unfinished_ && (!input_ended_ || is_lingering_);
}

/// Whether it is our doing that nothing is read: no clock of the client's runs then.
bool connection::refuses_to_read() const {
    return is_in_bulk_ || must_wait_for_client() || must_wait_for_memory();
}

/// Bytes of answers that it may leave unread before nothing more of it is read.
std::size_t connection::most_unread() const {
    return memory_limit::is_high() ? unread_when_high : state().bounds().unread_bytes;
}

/// Whether it is to read answers before anything more of it is read.
bool connection::must_wait_for_client() const {
    return !is_peer_gone_ && output_.unread() > most_unread();
}

/// Whether the rest of a large message has to wait until look_at_memory.
bool connection::must_wait_for_memory() const noexcept {
    return !is_in_bulk_ && !is_unfinished_ && !input_ended_ && input_.must_wait();
}

void connection::wait_readable() {
    if (is_reading_ || is_closed_ || (!may_read() && !is_unfinished_)) {
        return;
    }
    is_reading_ = true;
    if (is_unfinished_ || transport_.has_buffered()) {
        post_home([this] {
            is_reading_ = false;
            if (!is_closed_ && !is_in_bulk_) {
                read_some();
            }
        });
        return;
    }
    // Waiting takes no buffer: an idle connection holds none.
    transport_.socket().async_wait(transport_.needed_to_read(),
                                   [self = shared_from_this()](const asio::error_code& failed) {
                                       self->is_reading_ = false;
                                       if (!failed && !self->is_in_bulk_) {
                                           self->read_some();
                                       }
                                   });
}

/// In every state in which no read is armed: only this tells then that the client has gone.
void connection::wait_hang_up() {
    if (is_reading_ || is_watching_ || is_closed_ || is_peer_gone_) {
        return;
    }
    is_watching_ = true;
    transport_.socket().async_wait(transport::socket_type::wait_error,
                                   [self = shared_from_this()](const asio::error_code& failed) {
                                       self->is_watching_ = false;
                                       if (failed || self->is_closed_) {
                                           return;
                                       }
                                       if (self->transport_.has_hung_up()) {
                                           self->lose_peer();
                                       } else {
                                           self->wait_hang_up();
                                       }
                                   });
}

void connection::read_some() {
    is_in_turn_ = true;
    answered_from_ = output_.unread();
    if (is_unfinished_) {
        handle_frames();
    }
    for (std::size_t got = 0; got < bytes_read_a_turn && may_read();) {
        const auto piece = input_.read_some(transport_);
        if (piece.failed) {
            end_reading(piece.failed);
            break;
        }
        got += piece.bytes;
        was_active_ = true;
        state().counts().add(event::bytes_read, piece.bytes);
        if (is_lingering_) {
            continue;
        }
        input_.keep(piece);
        handle_frames();
        if (piece.is_all) {
            break;
        }
    }
    is_in_turn_ = false;
    after_turn();
}

/// There is nothing to read: for now, or for good.
void connection::end_reading(const asio::error_code& why) {
    if (why == asio::error::would_block || why == asio::error::try_again) {
        return;
    }
    if (why == asio::error::eof && !is_lingering_) {
        input_ended_ = true;
        input_.finish();
        handle_frames();
        return;
    }
    if (why != asio::error::eof && transport_.is_tls() && why.category() != asio::error::get_system_category()) {
        state().counts().add(event::tls_failed);
    }
    close();  // after a reset: what it runs is cancelled
}

void connection::handle_frames() {
    const auto self = shared_from_this();
    const executor::worker* const here = executor::worker::current();
    is_unfinished_ = false;
    for (bool is_first = true; !is_closed_ && !is_in_bulk_; is_first = false) {
        if (credentials_.is_put_out()) {
            input_ended_ = is_lingering_ = true;
            return;
        }
        const bool has_crowd = !is_first && here != nullptr && here->backlog() >= crowd;
        if (has_crowd || output_.unread() > answered_from_ + bytes_answered_a_turn) {
            is_unfinished_ = true;  // goes on when the others of this worker have had their turn
            return;
        }
        const auto found = input_.next();
        if (!found) {
            return;
        }
        if (message_deadline_.is_set()) {
            message_deadline_.clear();  // the next message has its own time
        }
        handle_frame(self, *found);
        if (found->closes()) {
            if (!input_ended_) {  // else the client has closed it in the middle of a message
                note_fault(found->answer ? found->answer->reason.message : "it is no JSON-RPC");
            }
            input_ended_ = is_lingering_ = true;  // what follows is thrown away
            return;
        }
    }
}

/// `self` owns this object.
void connection::handle_frame(const std::shared_ptr<connection>& self, const protocol::frame& found) {
    output_.speak(input_.spoken());
    if (found.kind == protocol::frame_kind::message) {
        if (found.text.size() >= protocol::huge_message_bytes) {
            handle_in_bulk(found);
        } else {
            decode_frame(self, found);
        }
    } else if (found.kind == protocol::frame_kind::foreign) {
        state().counts().add(event::foreign_closed);
        close();
    } else if (found.answer) {
        if (take_answer(*this, *found.answer, 0)) {
            return;
        }
        state().counts().add_error(found.answer->reason);
        std::string text;
        protocol::append_error(text, *found.answer);
        send(text);
    }
}

void connection::decode_frame(const std::shared_ptr<connection>& self, const protocol::frame& found) {
    auto& decoder = decoder_of_this_thread(state().bounds());
    const protocol::message* const message =
        found.is_line ? decoder.decode_line(found.text) : &decoder.decode(found.text);
    if (message == nullptr) {
        input_.scan_line(found.text);
    } else if (message->items.size() > items_a_turn) {
        handle_in_bulk(found);
    } else {
        if (!message->is_json) {
            input_.skip_line();
        }
        handle_message(self, *message, found.text.size());
    }
    decoder.shrink();
}

/// The text stays where it is: nobody else asks the reader for anything until this is done.
void connection::handle_in_bulk(const protocol::frame& found) {
    is_in_bulk_ = true;
    state().bulk().submit(work_.share(), [self = shared_from_this(), text = found.text] {
        bool is_json = false;
        if (!self->work_.has_ended()) {
            protocol::message_decoder decoder{message_limits_of(self->state().bounds())};
            const protocol::message& message = decoder.decode(text);
            is_json = message.is_json;
            handle_message(self, message, text.size());
        }
        self->post_home([self, is_json] {
            self->is_in_bulk_ = false;
            if (self->is_closed_) {
                return;
            }
            if (self->credentials_.are_void()) {  // the token was revoked meanwhile
                self->note_fault(token_is_void);
                self->close();
                return;
            }
            if (!is_json) {
                self->input_.skip_line();
            }
            self->is_in_turn_ = true;
            self->answered_from_ = self->output_.unread();
            self->handle_frames();  // what came behind it
            self->is_in_turn_ = false;
            self->after_turn();
        });
    });
}

// ---- writing -------------------------------------------------------------------------------------

void connection::send(std::string_view body) {
    memory_limit::check(body.size());
    const executor::memory_turn nobodys{nullptr};  // its buffers are counted with the connection
    if (output_.add(body, is_in_own_turn(executor::worker::current()))) {
        post_flush();
    }
}

void connection::send_at_once(std::string_view body) {
    const executor::worker* const here = executor::worker::current();
    if (here == nullptr || is_in_own_turn(here)) {
        send(body);
        return;
    }
    memory_limit::check(body.size());
    const executor::memory_turn nobodys{nullptr};  // as in send
    if (output_.add_or_write(body, here->stretch(), transport_)) {
        post_flush();
    }
}

/// Whether this is the home worker, in the middle of handling the client's messages.
bool connection::is_in_own_turn(const executor::worker* here) noexcept {
    return is_home(here) && is_in_turn_;
}

void connection::post_flush() {
    post_home([this] { after_turn(); });
}

void connection::flush() {
    if (is_writing_ || is_closed_ || is_peer_gone_) {
        return;
    }
    asio::error_code failed;
    output_.write_some(transport_, failed);
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
        wait_writable();
    } else if (failed) {
        lose_peer();
    } else if (output_.is_writing()) {
        is_writing_ = true;  // goes on when the others of this worker have had their turn
        post_home([this] {
            is_writing_ = false;
            after_turn();
        });
    }
}

void connection::wait_writable() {
    is_writing_ = is_blocked_ = true;
    transport_.socket().async_wait(transport_.needed_to_write(),
                                   [self = shared_from_this()](const asio::error_code& failed) {
                                       self->is_writing_ = self->is_blocked_ = false;
                                       if (!failed) {
                                           self->after_turn();
                                       }
                                   });
}

// ---- the end of a turn ---------------------------------------------------------------------------

/// After anything happened here: write what there is, go on reading if that is wanted, close if all is done.
void connection::after_turn() {
    if (input_ended_ && !is_unfinished_ && !is_in_bulk_) {
        lose_worker();  // it can answer nothing any more
        if (is_peer_gone_) {
            close();
        }
    }
    flush();
    if (is_lost_worker_ && is_blocked_ && !work_.is_owed()) {
        close();  // it does not read, and what is unwritten are its calls
    }
    if (is_closed_) {
        return;
    }
    if (is_finished()) {
        has_finished_.store(true, std::memory_order_release);
        input_ended_ && !is_lingering_ ? close() : linger();
        input_.shrink();  // a drain has all connections read at once: none keeps its buffer
        count_memory();
        return;
    }
    watch_clocks();
    if (must_wait_for_client()) {
        watch_output();  // nothing more is read until the client reads
    } else if (must_wait_for_memory()) {
        state().memory().note_waiting();
    } else {
        wait_readable();
    }
    wait_hang_up();
    if (!is_in_bulk_) {
        input_.shrink();
    }
    count_memory();
}

/// So its client's share is right but for what one turn takes.
void connection::count_memory() {
    constexpr std::size_t least = 1024;  // what an idle connection keeps costs no counting
    const std::size_t held = input_.held_bytes() + output_.held_bytes();
    const std::size_t now = held < least ? 0 : held;
    const std::size_t before = std::exchange(counted_bytes_, now);
    if (now != before) {
        work_.add_memory(static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(before));
    }
}

/// A client's clocks run only while we would read what it sends.
void connection::watch_clocks() {
    if (!input_ended_) {
        watch_message();
    }
    const bool stops = refuses_to_read();
    for (deadline* const each : {&message_deadline_, &idle_deadline_, &auth_deadline_}) {
        stops ? each->pause() : each->go_on(state().runs_on());
    }
}

void connection::end_for_memory(const char* limit) {
    post_home([this, limit] {
        const bool is_input = input_.held_bytes() >= work_.held_bytes() / 2;
        if (is_closed_ || (is_in_bulk_ && is_input)) {
            return;  // what is being decoded is bounded by itself
        }
        if (!is_in_bulk_ && !input_ended_ && input_.mid_message() && is_input) {
            shed(limit);
            after_turn();
        } else {
            close_for(limit);
        }
    });
}

void connection::look_at_memory() {
    post_home([this] {
        if (!is_closed_) {
            after_turn();
        }
    });
}

/// There is no memory for the message that is half read.
void connection::shed(const char* limit) {
    const error why = over_limit(limit, most_of(limit, state().bounds()));
    state().counts().add_error(why);
    std::string text;
    protocol::append_error(text, protocol::request_id::null(), why);
    send(text);
    note_fault(why.message);
    input_ended_ = is_lingering_ = true;  // its place in the stream is lost
    is_unfinished_ = false;
    input_.shed(state().bounds());
}

/// Whether there is nothing left to answer, and no more to come.
bool connection::is_finished() {
    const bool must_end =
        input_ended_ || is_shutting_down_.load(std::memory_order_relaxed) || credentials_.is_put_out();
    if (is_in_bulk_ || is_unfinished_) {
        return false;
    }
    const bool is_drained = state().is_draining() && !is_http_ && !input_.mid_message() &&
                            (state().may_workers_end() || work_.worker() == nullptr);
    const bool may_end = must_end || is_drained;
    if (!may_end || work_.is_owed()) {
        return false;
    }
    // Tasks first: what the last one to go has sent is seen then, if it was not written.
    return (must_end || !work_.has_task()) && output_.empty();
}

void connection::settle() {
    if (work_.settle() && may_end()) {
        look_again();
    }
}

/// Whether there is a reason to close once nothing is owed. Others than these come with a turn of their own.
bool connection::may_end() const noexcept {
    return input_ended_.load(std::memory_order_seq_cst) || is_shutting_down_.load(std::memory_order_seq_cst) ||  // L
           state().is_draining();                                                                                // L
}

void connection::look_again() {
    if (output_.claim_write()) {
        post_flush();
    }
}

/// All is answered: says so, and throws away what still comes for a while. A close with unread input would reset the
/// connection, and take the last answer with it.
void connection::linger() {
    if (std::exchange(our_end_is_shut_, true)) {
        wait_readable();
        return;
    }
    is_lingering_ = input_ended_ = true;
    transport_.shut_send();
    watch(idle_deadline_, linger_time, [](connection& self) { self.close(); });
    wait_readable();
}

void connection::shut_down() {
    // What workers run is cancelled, and they answer that.
    if (state().may_workers_end() || work_.worker() == nullptr) {
        is_shutting_down_.store(true, std::memory_order_seq_cst);  // L
    }
    work_.cancel_requests("shutting down");
    look_again();
}

void connection::close() noexcept {
    if (std::exchange(is_closed_, true)) {
        return;
    }
    output_.close();
    for (deadline* const each : {&message_deadline_, &output_deadline_, &idle_deadline_, &auth_deadline_}) {
        each->clear();
    }
    end_work();
    lose_worker();
}

void connection::lose_worker() noexcept {
    if (const auto worker = work_.take_worker()) {
        is_lost_worker_ = true;
        state().workers().lose(*worker, why_closed_ ? "the daemon closed its connection: " + *why_closed_ : "");
    }
}

/// Nobody is there to be written to: what it runs is cancelled. What a worker has sent before is read first: it may be
/// answers.
void connection::lose_peer() {
    const auto worker = work_.worker();
    if (worker == nullptr || input_ended_) {
        close();
    } else if (!std::exchange(is_peer_gone_, true)) {
        output_.close();
        state().workers().rest(*worker, std::chrono::milliseconds{0});
        wait_readable();
    }
}

void connection::finish_reading() {
    post_home([this] {
        if (!is_closed_) {
            transport_.shut();
            lose_peer();
        }
    });
}

void connection::hang_up() {
    post_home([this] { close(); });
}

/// Cancels what runs for the client, so much a turn, and leaves when that is done.
void connection::end_work() {
    const auto self = shared_from_this();
    if (work_.end_some(items_a_handler)) {
        post_home([this] { end_work(); });
        return;
    }
    table_.leave(self);
    transport_.close();  // last: a client that sees the end finds its place free for the next connection
}

void connection::close_for(const char* limit) noexcept {
    if (!is_closed_) {
        state().counts().add_limit(limit);
        note_fault(limit);
        close();
    }
}

// ---- where it lives ------------------------------------------------------------------------------

/// `then` may rely on this object.
template <typename Then>
void connection::post_home(Then then) {
    asio::post(home(), [self = shared_from_this(), then = std::move(then)]() mutable { then(); });
}

bool connection::is_home(const executor::worker* here) noexcept {
    return here != nullptr && &here->events().context() == &home();
}

void connection::defer(std::function<void()> job) {
    if (work_.defer(std::move(job))) {
        post_home([this] { run_deferred(); });
    }
}

void connection::run_deferred() {
    if (work_.run_deferred(items_a_handler)) {
        post_home([this] { run_deferred(); });
    }
}

void connection::answer_with(reply answer, bool is_long, std::function<value(connection&)> make) {
    if (!is_long) {
        return answer_within_memory(answer, make);
    }
    // Shared, since std::function copies what it holds.
    auto job = [this, owed = std::make_shared<reply>(std::move(answer)), make = std::move(make)] {
        const std::size_t most = state().bounds().unread_bytes;
        if (work_.has_ended()) {
            return;
        }
        if (output_.unread() > most) {
            state().counts().add_limit("limits.unread_bytes");
            owed->error(overloaded("limits.unread_bytes", most));
        } else {
            answer_within_memory(*owed, make);
        }
    };
    if (work_.add_long_answer(std::move(job))) {
        make_long_answer();
    }
}

/// The next one comes behind those of others.
void connection::make_long_answer() {
    state().bulk().submit_report(work_.share(), [self = shared_from_this()] {
        if (self->work_.make_long_answer()) {
            self->make_long_answer();
        }
    });
}

// ---- who it is -----------------------------------------------------------------------------------

bool connection::show_token(std::string_view token) {
    const bool is_known = credentials_.show(token);
    if (is_known) {
        if (who() != nullptr && !who()->name().empty()) {
            work_.set_share(who()->share());
        }
        input_.lift_limit(state().bounds());
    }
    return is_known;
}

void connection::look_at_identity() {
    post_home([this] {
        // What a message on the bulk lane may have changed is looked at when that is done.
        if (!is_closed_ && !is_in_bulk_ && (credentials_.are_void() || !may_serve_still())) {
            note_fault(token_is_void);
            close();
        }
    });
}

bool connection::may_serve_still() const {
    const auto worker = work_.worker();
    if (worker == nullptr || who() == nullptr) {
        return true;
    }
    const auto names = state().workers().names_of(*worker);
    return std::ranges::all_of(names, [this](const std::string& each) { return who()->may_serve(each); });
}

/// `late` is not called where the connection is no more: a deadline does not keep it, or one that is still set when the
/// daemon ends would keep it for ever.
template <typename Late>
void connection::watch(deadline& clock, std::chrono::nanoseconds time, Late late) {
    clock.set(state().runs_on(), time, [kept = weak_from_this(), late = std::move(late)] {
        if (const auto self = kept.lock()) {
            late(*self);
        }
    });
}

void connection::watch_auth() {
    if (who() == nullptr) {
        watch(auth_deadline_, state().bounds().auth_time, [](connection& self) {
            if (self.who() == nullptr) {  // its clock stands still while a message is on the bulk lane
                self.close_for("auth.time");
            }
        });
    }
}

// ---- clients that take too long ------------------------------------------------------------------

void connection::watch_message() {
    const bool wanted = !transport_.is_ready() || (!is_in_bulk_ && input_.mid_message());
    if (wanted == message_deadline_.is_set()) {
        return;
    }
    if (wanted) {
        watch(message_deadline_, state().bounds().message_time,
              [](connection& self) { self.close_for("limits.message_time"); });
    } else {
        message_deadline_.clear();
    }
}

void connection::watch_output() {
    if (output_deadline_.is_set()) {
        return;
    }
    state().counts().add_limit("limits.unread_bytes");
    // The system takes more only when a good part of its buffer is free: a slow reader's progress is seen in there.
    const auto taken = [](connection& self) { return self.output_.progress() - self.transport_.unacknowledged(); };
    watch(output_deadline_, state().bounds().unread_time, [taken, before = taken(*this)](connection& self) {
        if (!self.is_closed_ && self.is_writing_ && taken(self) == before) {
            self.close_for("limits.unread_time");
        } else {
            self.after_turn();  // which watches again if there is still too much
        }
    });
}

void connection::watch_idle() {
    const auto limit = state().bounds().idle_time;
    if (limit.count() == 0 || is_lingering_) {
        return;
    }
    watch(idle_deadline_, limit, [](connection& self) {
        if (self.is_closed_ || self.is_lingering_) {
            return;
        }
        const std::size_t progress = self.output_.progress();
        const bool has_read = std::exchange(self.was_active_, false);
        const bool has_written = std::exchange(self.progress_seen_, progress) != progress;
        if (!has_read && !has_written && !self.work_.is_owed() && !self.work_.has_unfinished_task() &&
            self.work_.worker() == nullptr) {
            self.close_for("limits.idle_time");
        } else {
            self.watch_idle();
        }
    });
}

void connection::add_task(const std::shared_ptr<owned_task>& task) {
    if (!work_.add_task(task)) {
        task->lose_creator();  // it closed in between
    }
}

void connection::remove_task(const std::shared_ptr<owned_task>& task) noexcept {
    if (work_.remove_task(task) && state().is_draining()) {
        look_again();
    }
}

}  // namespace gatherd::api::server
