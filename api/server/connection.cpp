#include "api/server/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/server/created_task.hpp"
#include "api/server/methods.hpp"
#include "api/server/reply.hpp"
#include "api/wire/message_decoder.hpp"
#include "api/wire/response.hpp"
#include "executor/worker.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t read_size = 64 * 1024;
// Then the other connections of this worker have their turn. What is read is scanned at once, some nanoseconds a byte.
constexpr std::size_t bytes_a_turn = 512 * 1024;
constexpr std::size_t bytes_read_a_turn = 16 * 1024;
constexpr std::size_t bulk_bytes = 128 * 1024;   // of a message: about two milliseconds of work, then the bulk lane's
constexpr std::size_t decoded_times = 8;         // what a decoder holds is about so many times the text
constexpr std::size_t small_change = 64 * 1024;  // less than this a connection holds without account
constexpr std::size_t most_without_token = 64 * 1024;  // bytes of a message of a client that is still nobody
constexpr std::size_t most_refused = 256;  // connections that are being told that there are too many of them
constexpr std::chrono::seconds linger_time{2};
constexpr std::chrono::seconds dead_peer_time{60};
constexpr int keepalive_idle_seconds = 30;  // then a probe each ten seconds: a host that vanished is found in a minute
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;

/// Each worker decodes one message at a time, so that idle connections hold no decoder. It is made anew when the limit
/// of depth has changed.
wire::message_decoder& decoder_of_this_thread(std::size_t max_depth) {
    struct decoder_with_depth {
        explicit decoder_with_depth(std::size_t depth_) : depth{depth_}, decoder{depth_} {}
        std::size_t depth;
        wire::message_decoder decoder;
    };
    thread_local std::optional<decoder_with_depth> own;
    if (!own || own->depth != max_depth) {
        own.emplace(max_depth);
    }
    return own->decoder;
}

void set_option(int socket, int level, int name, int number) noexcept {
    static_cast<void>(setsockopt(socket, level, name, &number, sizeof number));  // it would only make it better
}

/// Of a TCP connection; a Unix socket refuses them, and needs none.
void set_options(int socket) noexcept {
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT,
               static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(dead_peer_time).count()));
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

error overloaded(const char* limit, std::size_t most) {
    constexpr double retry_after = 1.0;
    return {errc::overloaded, std::string{"Overloaded: "} + limit + " is " + std::to_string(most),
            std::make_shared<const value>(value{{"retry_after", retry_after}})};
}

}  // namespace

connection::connection(service& of, transport::socket_type socket, const std::shared_ptr<asio::ssl::context>& tls,
                       const peer_address& peer, std::size_t home)
    : service_{of},
      transport_{std::move(socket), tls},
      peer_{peer},
      home_{home},
      reader_{{.message_bytes = of.bounds().message_bytes, .depth = of.bounds().depth}},
      memory_{of.memory()},
      who_{of.without_token()} {
    if (peer_ != peer_address{}) {
        set_options(transport_.socket().native_handle());
    }
    if (who_ == nullptr) {
        reader_.limit_message(std::min(most_without_token, of.bounds().message_bytes));
    }
}

connection::~connection() {
    if (was_refused_) {
        service_.refused_now().fetch_sub(1, std::memory_order_relaxed);
    }
}

void connection::start() {
    watch_idle();
    watch_auth();
    after_turn();
}

void connection::refuse(const char* limit) {
    was_refused_ = true;
    // To tell it a descriptor is held for a while; and under TLS hands would have to be shaken first.
    if (service_.refused_now().fetch_add(1, std::memory_order_relaxed) >= most_refused || transport_.is_tls()) {
        close();
        return;
    }
    const limits& most = service_.bounds();
    const bool is_about_address = std::string_view{limit} == "limits.address_connections";
    std::string text;
    const error why = overloaded(limit, is_about_address ? most.address_connections : most.connections);
    service_.counts().add_error(why);
    wire::append_error(text, wire::request_id::null(), why);
    input_ended_ = is_lingering_ = true;
    send(text);
}

void connection::begin_drain() {
    asio::post(transport_.socket().get_executor(), [self = shared_from_this()] {
        if (!self->is_closed_ && !self->input_ended_ && !self->is_in_bulk_) {
            self->read_some();  // what the client has sent by now gets an answer
        }
    });
}

// ---- reading -------------------------------------------------------------------------------------

void connection::wait_readable() {
    if (is_reading_ || is_closed_ || is_in_bulk_ || (input_ended_ && !is_lingering_)) {
        return;
    }
    is_reading_ = true;
    if (transport_.has_buffered()) {
        asio::post(transport_.socket().get_executor(), [self = shared_from_this()] {
            self->is_reading_ = false;
            if (!self->is_closed_ && !self->is_in_bulk_) {
                self->read_some();
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

void connection::read_some() {
    is_in_turn_ = true;
    for (std::size_t got = 0; got < bytes_read_a_turn && !is_closed_;) {
        asio::error_code failed;
        const auto room = reader_.prepare(read_size);
        const std::size_t wanted = std::min(room.size(), bytes_read_a_turn);
        const std::size_t count = transport_.read_some(room.first(wanted), failed);
        if (failed == asio::error::would_block || failed == asio::error::try_again) {
            break;
        }
        if (failed == asio::error::eof) {
            if (is_lingering_) {
                close();
                break;
            }
            input_ended_ = true;
            reader_.finish();
            handle_frames();
            break;
        }
        if (failed) {
            if (transport_.is_tls() && failed.category() != asio::error::get_system_category()) {
                service_.counts().add(event::tls_failed);
            }
            close();  // reset: what it runs is cancelled
            break;
        }
        got += count;
        was_active_ = true;
        service_.counts().add(event::bytes_read, count);
        if (is_lingering_) {
            continue;
        }
        reader_.commit(count);
        handle_frames();
        if (input_ended_ || is_in_bulk_ || (count < wanted && !transport_.is_tls())) {
            break;
        }
    }
    is_in_turn_ = false;
    after_turn();
}

void connection::handle_frames() {
    while (!is_closed_ && !is_in_bulk_) {
        if (is_put_out_.load(std::memory_order_relaxed)) {
            input_ended_ = is_lingering_ = true;
            return;
        }
        const auto found = reader_.next(&decoder_of_this_thread(service_.bounds().depth));
        if (!found) {
            return;
        }
        handle_frame(*found);
        if (found->closes()) {
            input_ended_ = is_lingering_ = true;  // what follows is thrown away
            return;
        }
    }
}

void connection::handle_frame(const wire::frame& found) {
    {
        const std::lock_guard guard{lock_};
        framing_ = reader_.spoken();
    }
    if (found.kind == wire::frame_kind::message) {
        if (found.text.size() >= bulk_bytes) {
            handle_in_bulk(found.text);
        } else {
            handle_message(found.text, decoder_of_this_thread(service_.bounds().depth));
        }
    } else if (found.kind == wire::frame_kind::foreign) {
        service_.counts().add(event::foreign_closed);
        close();
    } else if (found.answer) {
        service_.counts().add_error(found.answer->reason);
        std::string text;
        wire::append_error(text, *found.answer);
        send(text);
    }
}

/// The text stays where it is: the reader is left alone until this is done.
void connection::handle_in_bulk(std::string_view text) {
    is_in_bulk_ = true;
    memory_.resize(memory_.bytes() + decoded_times * text.size());
    service_.bulk().submit([self = shared_from_this(), text] {
        {
            wire::message_decoder decoder{self->service_.bounds().depth};
            self->handle_message(text, decoder);
        }
        asio::post(self->transport_.socket().get_executor(), [self] {
            self->is_in_bulk_ = false;
            if (self->is_closed_) {
                return;
            }
            self->is_in_turn_ = true;
            self->handle_frames();  // what came behind it
            self->is_in_turn_ = false;
            self->after_turn();
        });
    });
}

void connection::handle_message(std::string_view text, wire::message_decoder& decoder) {
    const wire::message& message = decoder.decode(text);
    if (message.items.empty()) {
        return;
    }
    service_.counts().add(event::requests, message.items.size());
    message_bytes_ = text.size() / message.items.size();
    const auto self = shared_from_this();
    const auto part_of = message.is_batch ? std::make_shared<batch>(self, message.items.size()) : nullptr;
    for (const wire::message_item& item : message.items) {
        if (const auto* refused = std::get_if<wire::refusal>(&item)) {
            reply{self, refused->id, part_of}.error(refused->reason);
        } else {
            const auto& request = std::get<wire::request>(item);
            call_method(service_, request, reply{self, request.id, part_of});
        }
    }
}

// ---- writing -------------------------------------------------------------------------------------

void connection::send(std::string_view body) {
    const executor::worker* const here = executor::worker::current();
    // The workers for bulk have numbers, too.
    const bool is_home =
        here != nullptr && here->index() == home_ && executor::scheduler::current() == &service_.runs_on();
    {
        const std::lock_guard guard{lock_};
        if (!takes_output_) {
            return;
        }
        wire::append_framed(output_, framing_, body);
        account_output();
        if ((is_home && is_in_turn_) || std::exchange(flush_is_posted_, true)) {
            return;  // the end of the turn writes, or the flush that is on its way
        }
    }
    post_flush();
}

/// Under lock_: enters what waits to be written, where that is much. A client that does not read while there is no
/// memory loses what it would not read, and its connection.
void connection::account_output() {
    output_memory_.resize(output_.size() > small_change ? output_.size() : 0);
    if (output_.size() > service_.bounds().unread_bytes && service_.is_full()) {
        is_overfed_.store(true, std::memory_order_relaxed);
        takes_output_ = false;
        output_ = {};
        output_memory_.resize(0);
    }
}

void connection::post_flush() {
    asio::post(transport_.socket().get_executor(), [self = shared_from_this()] { self->after_turn(); });
}

void connection::flush() {
    if (is_writing_ || is_closed_) {
        return;
    }
    if (written_ == writing_.size()) {
        writing_.clear();
        written_ = 0;
        const std::lock_guard guard{lock_};
        flush_is_posted_ = false;
        writing_.swap(output_);
        output_memory_.resize(0);
    }
    if (!writing_.empty()) {
        write_some();
    }
}

void connection::write_some() {
    asio::error_code failed;
    std::size_t gone = 0;
    while (written_ < writing_.size() && !failed && gone < bytes_a_turn) {
        const std::size_t count = transport_.write_some(std::string_view{writing_}.substr(written_), failed);
        written_ += count;
        gone += count;
        if (written_ == writing_.size()) {
            writing_.clear();
            if (writing_.capacity() > read_size) {
                writing_.shrink_to_fit();
            }
            written_ = 0;
            const std::lock_guard guard{lock_};
            flush_is_posted_ = false;
            writing_.swap(output_);
            output_memory_.resize(0);
        }
    }
    progress_ += gone;
    service_.counts().add(event::bytes_written, gone);
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
        wait_writable();
    } else if (failed) {
        close();  // the peer is gone
    } else if (!writing_.empty()) {
        is_writing_ = true;  // goes on when the others of this worker have had their turn
        asio::post(transport_.socket().get_executor(), [self = shared_from_this()] {
            self->is_writing_ = false;
            self->after_turn();
        });
    }
}

void connection::wait_writable() {
    is_writing_ = true;
    transport_.socket().async_wait(transport_.needed_to_write(),
                                   [self = shared_from_this()](const asio::error_code& failed) {
                                       self->is_writing_ = false;
                                       if (!failed) {
                                           self->after_turn();
                                       }
                                   });
}

// ---- the end of a turn ---------------------------------------------------------------------------

/// After anything happened here: write what there is, go on reading if that is wanted, close if all is done.
void connection::after_turn() {
    if (!is_closed_ && is_overfed_.load(std::memory_order_relaxed)) {
        close_for("limits.memory_bytes");
    }
    if (!is_closed_ && must_shed()) {
        shed();
    }
    flush();
    if (is_closed_) {
        return;
    }
    if (is_finished()) {
        input_ended_ && !is_lingering_ ? close() : linger();
        return;
    }
    const std::size_t being_written = writing_.size() - written_;
    std::size_t unread = being_written;
    {
        const std::lock_guard guard{lock_};
        unread += output_.size();
    }
    if (!input_ended_) {
        watch_message();
    }
    if (unread <= service_.bounds().unread_bytes) {
        wait_readable();
    } else {
        watch_output();  // nothing more is read until the client reads
    }
    if (!is_in_bulk_ && !reader_.mid_message()) {
        reader_.shrink();
    }
    if (!is_in_bulk_) {
        const std::size_t held = reader_.held();
        memory_.resize((held > 2 * small_change ? held : 0) + (being_written > small_change ? being_written : 0));
    }
}

/// Whether a large message is half read while there is no memory for it: its share and its kin's is given back.
bool connection::must_shed() const noexcept {
    return !is_in_bulk_ && !input_ended_ && reader_.held() > 2 * small_change && service_.is_full() &&
           reader_.mid_message();
}

void connection::shed() {
    const error why = overloaded("limits.memory_bytes", service_.bounds().memory_bytes);
    service_.counts().add_limit("limits.memory_bytes");
    service_.counts().add_error(why);
    std::string text;
    wire::append_error(text, wire::request_id::null(), why);
    send(text);
    input_ended_ = is_lingering_ = true;  // its place in the stream is lost
    reader_ = wire::frame_reader{{.message_bytes = service_.bounds().message_bytes, .depth = service_.bounds().depth}};
}

/// Whether there is nothing left to answer, and no more to come.
bool connection::is_finished() {
    const bool must_end = input_ended_ || is_shutting_down_.load(std::memory_order_relaxed) ||
                          is_put_out_.load(std::memory_order_relaxed);
    if (is_in_bulk_) {
        return false;
    }
    const bool may_end = must_end || (service_.is_draining() && !reader_.mid_message());
    if (!may_end || owed_.load(std::memory_order_acquire) != 0 || !writing_.empty()) {
        return false;
    }
    const std::lock_guard guard{lock_};
    return output_.empty() && (must_end || tasks_.empty());
}

void connection::settle() {
    // Release: who sees the last one settled sees the answers too.
    if (owed_.fetch_sub(1, std::memory_order_release) == 1) {
        look_again();
    }
}

void connection::look_again() {
    {
        const std::lock_guard guard{lock_};
        if (!takes_output_ || std::exchange(flush_is_posted_, true)) {
            return;
        }
    }
    post_flush();
}

/// All is answered: says so, and throws away what still comes for a while. A close with unread input would reset the
/// connection, and take the last answer with it.
void connection::linger() {
    if (is_closed_ || std::exchange(our_end_is_shut_, true)) {
        return;
    }
    is_lingering_ = input_ended_ = true;
    transport_.shut_send();
    idle_alarm_.set(service_.runs_on(), linger_time, [self = shared_from_this()] { self->close(); });
    wait_readable();
}

void connection::shut_down() {
    is_shutting_down_.store(true, std::memory_order_relaxed);
    cancel_requests("shutting down");
    look_again();
}

void connection::close() noexcept {
    if (std::exchange(is_closed_, true)) {
        return;
    }
    const auto self = shared_from_this();
    std::unordered_set<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        takes_output_ = false;
        output_.clear();
        output_memory_.resize(0);
        tasks.swap(tasks_);
    }
    message_alarm_.cancel();
    output_alarm_.cancel();
    idle_alarm_.cancel();
    auth_alarm_.cancel();
    for (const auto& each : tasks) {
        each->lose_creator();
    }
    cancel_requests(std::string{});
    service_.leave(self);
    transport_.close();  // last: a client that sees the end finds its place free for the next connection
}

void connection::close_for(const char* limit) noexcept {
    if (!is_closed_) {
        service_.counts().add_limit(limit);
        close();
    }
}

// ---- who it is -----------------------------------------------------------------------------------

bool connection::show_token(std::string_view token) {
    const limits& most = service_.bounds();
    if (service_.tokens().empty()) {
        return true;
    }
    if (wrong_tokens_ >= most.auth_tries) {
        return false;  // it may not try any more, not even in the same message
    }
    if (auto found = service_.tokens().find(token)) {
        who_ = std::move(found);
        reader_.limit_message(most.message_bytes);
        return true;
    }
    service_.counts().add(event::tokens_refused);
    if (++wrong_tokens_ >= most.auth_tries) {
        service_.counts().add_limit("auth.tries");
        is_put_out_.store(true, std::memory_order_relaxed);
    }
    return false;
}

void connection::look_at_identity() {
    asio::post(transport_.socket().get_executor(), [self = shared_from_this()] {
        if (self->is_closed_ || self->is_in_bulk_) {
            return;  // a message on the bulk lane finds out by itself
        }
        const bool is_nobody = self->who_ == nullptr || self->who_->is_revoked();
        const bool was_anybody = self->who_ != nullptr && self->who_->name().empty();
        if (is_nobody && self->who_ != nullptr) {
            self->close();
        } else if (was_anybody && self->service_.without_token() == nullptr) {
            self->close();  // from now on tokens are asked for, and it has shown none
        }
    });
}

void connection::watch_auth() {
    if (who_ == nullptr) {
        auth_alarm_.set(service_.runs_on(), service_.bounds().auth_time, [self = shared_from_this()] {
            if (self->who_ == nullptr && !self->is_in_bulk_) {
                self->close_for("auth.time");
            }
        });
    }
}

// ---- clients that take too long ------------------------------------------------------------------

void connection::watch_message() {
    const bool wanted = !transport_.is_ready() || (!is_in_bulk_ && reader_.mid_message());
    if (wanted == message_is_watched_) {
        return;
    }
    message_is_watched_ = wanted;
    if (!wanted) {
        message_alarm_.cancel();
    } else if (service_.bounds().message_time.count() > 0) {
        message_alarm_.set(service_.runs_on(), service_.bounds().message_time, [self = shared_from_this()] {
            if (self->message_is_watched_) {
                self->close_for("limits.message_time");
            }
        });
    }
}

void connection::watch_output() {
    if (std::exchange(output_is_watched_, true)) {
        return;
    }
    service_.counts().add_limit("limits.unread_bytes");
    output_alarm_.set(service_.runs_on(), service_.bounds().unread_time,
                      [self = shared_from_this(), before = progress_] {
                          self->output_is_watched_ = false;
                          if (!self->is_closed_ && self->is_writing_ && self->progress_ == before) {
                              self->close_for("limits.unread_time");
                          } else {
                              self->after_turn();  // which watches again if there is still too much
                          }
                      });
}

void connection::watch_idle() {
    const auto limit = service_.bounds().idle_time;
    if (limit.count() == 0 || is_lingering_) {
        return;
    }
    idle_alarm_.set(service_.runs_on(), limit, [self = shared_from_this()] {
        if (self->is_closed_ || self->is_lingering_) {
            return;
        }
        const bool was_active = std::exchange(self->was_active_, false);
        if (!was_active && self->owed_.load(std::memory_order_relaxed) == 0 && !self->has_unfinished_task()) {
            self->close_for("limits.idle_time");
        } else {
            self->watch_idle();
        }
    });
}

bool connection::has_unfinished_task() {
    std::vector<std::shared_ptr<created_task>> tasks;
    {
        const std::lock_guard guard{lock_};
        tasks.assign(tasks_.begin(), tasks_.end());
    }
    // Without our lock: a task's comes before it.
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& each) { return each->end() == nullptr; });
}

// ---- what runs for it ----------------------------------------------------------------------------

void connection::add_pending(const std::shared_ptr<pending_request>& request) {
    const std::lock_guard guard{lock_};
    pending_.insert(request);
}

void connection::remove_pending(const std::shared_ptr<pending_request>& request) noexcept {
    const std::lock_guard guard{lock_};
    pending_.erase(request);
}

std::size_t connection::cancel_requests(json::json_view id, const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> chosen;
    {
        const std::lock_guard guard{lock_};
        for (const auto& each : pending_) {
            if (each->id().means(id)) {
                chosen.push_back(each);
            }
        }
    }
    std::size_t reached = 0;
    for (const auto& each : chosen) {
        reached += each->cancel(message) ? 1 : 0;
    }
    return reached;
}

std::size_t connection::cancel_requests(const std::string& message) {
    std::vector<std::shared_ptr<pending_request>> all;
    {
        const std::lock_guard guard{lock_};
        all.assign(pending_.begin(), pending_.end());
    }
    std::size_t reached = 0;
    for (const auto& each : all) {
        reached += each->cancel(message) ? 1 : 0;
    }
    return reached;
}

void connection::add_task(const std::shared_ptr<created_task>& task) {
    {
        const std::lock_guard guard{lock_};
        if (takes_output_) {
            tasks_.insert(task);
            return;
        }
    }
    task->lose_creator();  // it closed in between
}

void connection::remove_task(const std::shared_ptr<created_task>& task) noexcept {
    bool is_last = false;
    {
        const std::lock_guard guard{lock_};
        is_last = tasks_.erase(task) > 0 && tasks_.empty();
    }
    if (is_last && service_.is_draining()) {
        look_again();
    }
}

}  // namespace gatherd::api::server
