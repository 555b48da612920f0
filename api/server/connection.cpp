#include "api/server/connection.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/socket_base.hpp>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/server/created_task.hpp"
#include "api/server/methods.hpp"
#include "api/server/reply.hpp"
#include "api/server/service.hpp"
#include "api/wire/message_decoder.hpp"
#include "api/wire/response.hpp"
#include "executor/worker.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t bytes_a_turn = 512 * 1024;  // then the other connections of this worker have theirs
constexpr std::chrono::seconds linger_time{2};
constexpr std::chrono::seconds dead_peer_time{60};
constexpr int keepalive_idle_seconds = 30;  // then a probe each ten seconds: a host that vanished is found in a minute
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;

/// Each worker decodes one message at a time, so that idle connections hold no decoder.
wire::message_decoder& decoder_of_this_thread(std::size_t max_depth) {
    thread_local wire::message_decoder decoder{max_depth};
    return decoder;
}

template <int Name>
using tcp_option = asio::detail::socket_option::integer<IPPROTO_TCP, Name>;

void set_options(asio::ip::tcp::socket& socket) {
    asio::error_code ignored;  // they only make it better
    socket.non_blocking(true, ignored);
    socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
    socket.set_option(asio::socket_base::keep_alive{true}, ignored);
    const auto timeout =
        static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(dead_peer_time).count());
    socket.set_option(tcp_option<TCP_USER_TIMEOUT>{timeout}, ignored);
    socket.set_option(tcp_option<TCP_KEEPIDLE>{keepalive_idle_seconds}, ignored);
    socket.set_option(tcp_option<TCP_KEEPINTVL>{keepalive_interval_seconds}, ignored);
    socket.set_option(tcp_option<TCP_KEEPCNT>{keepalive_probes}, ignored);
}

}  // namespace

connection::connection(service& of, asio::ip::tcp::socket socket, std::size_t home)
    : service_{of},
      socket_{std::move(socket)},
      home_{home},
      reader_{{.message_bytes = of.bounds().message_bytes, .depth = of.bounds().depth}} {
    set_options(socket_);
}

connection::~connection() = default;

void connection::start() {
    watch_idle();
    after_turn();
}

void connection::begin_drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        if (!self->is_closed_ && !self->input_ended_) {
            self->read_some();  // what the client has sent by now gets an answer
        }
    });
}

void connection::refuse() {
    std::string text;
    wire::append_error(
        text, wire::request_id::null(),
        {errc::overloaded, "Overloaded: limits.connections is " + std::to_string(service_.bounds().connections),
         std::make_shared<const value>(value{{"retry_after", 1.0}})});
    input_ended_ = is_lingering_ = true;
    send(text);
}

// ---- reading -------------------------------------------------------------------------------------

void connection::wait_readable() {
    if (is_reading_ || is_closed_ || (input_ended_ && !is_lingering_)) {
        return;
    }
    is_reading_ = true;
    // Waiting takes no buffer: an idle connection holds none.
    socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](const asio::error_code& failed) {
        self->is_reading_ = false;
        if (!failed) {
            self->read_some();
        }
    });
}

void connection::read_some() {
    is_in_turn_ = true;
    for (std::size_t got = 0; got < bytes_a_turn && !is_closed_;) {
        asio::error_code failed;
        const auto room = reader_.prepare(read_size);
        const std::size_t count = socket_.read_some(asio::buffer(room.data(), room.size()), failed);
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
            close();  // reset: what it runs is cancelled
            break;
        }
        got += count;
        was_active_ = true;
        if (is_lingering_) {
            continue;
        }
        reader_.commit(count);
        handle_frames();
        if (input_ended_ || count < room.size()) {
            break;
        }
    }
    is_in_turn_ = false;
    after_turn();
}

void connection::handle_frames() {
    while (const auto frame = reader_.next(&decoder_of_this_thread(service_.bounds().depth))) {
        {
            const std::lock_guard guard{lock_};
            framing_ = reader_.spoken();
        }
        if (frame->kind == wire::frame_kind::message) {
            handle_message(frame->text);
        } else if (frame->kind == wire::frame_kind::foreign) {
            service_.counts().foreign_closed.fetch_add(1, std::memory_order_relaxed);
            close();
            return;
        } else if (frame->answer) {
            std::string text;
            wire::append_error(text, *frame->answer);
            send(text);
        }
        if (frame->closes()) {
            input_ended_ = is_lingering_ = true;  // what follows is thrown away
            return;
        }
    }
}

void connection::handle_message(std::string_view text) {
    const wire::message& message = decoder_of_this_thread(service_.bounds().depth).decode(text);
    if (message.items.empty()) {
        return;
    }
    service_.counts().requests.fetch_add(message.items.size(), std::memory_order_relaxed);
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
    const bool is_home = here != nullptr && here->index() == home_;
    {
        const std::lock_guard guard{lock_};
        if (!takes_output_) {
            return;
        }
        wire::append_framed(output_, framing_, body);
        if ((is_home && is_in_turn_) || std::exchange(flush_is_posted_, true)) {
            return;  // the end of the turn writes, or the flush that is on its way
        }
    }
    post_flush();
}

void connection::post_flush() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->after_turn(); });
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
    }
    if (!writing_.empty()) {
        write_some();
    }
}

void connection::write_some() {
    asio::error_code failed;
    while (written_ < writing_.size() && !failed) {
        const std::size_t count =
            socket_.write_some(asio::buffer(writing_.data() + written_, writing_.size() - written_), failed);
        written_ += count;
        progress_ += count;
        if (written_ == writing_.size()) {
            writing_.clear();
            if (writing_.capacity() > read_size) {
                writing_.shrink_to_fit();
            }
            written_ = 0;
            const std::lock_guard guard{lock_};
            flush_is_posted_ = false;
            writing_.swap(output_);
        }
    }
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
        is_writing_ = true;
        socket_.async_wait(asio::ip::tcp::socket::wait_write, [self = shared_from_this()](const asio::error_code& no) {
            self->is_writing_ = false;
            if (!no) {
                self->after_turn();
            }
        });
    } else if (failed) {
        close();  // the peer is gone
    }
}

// ---- the end of a turn ---------------------------------------------------------------------------

/// After anything happened here: write what there is, go on reading if that is wanted, close if all is done.
void connection::after_turn() {
    flush();
    if (is_closed_) {
        return;
    }
    if (is_finished()) {
        input_ended_ && !is_lingering_ ? close() : linger();
        return;
    }
    std::size_t unread = 0;
    {
        const std::lock_guard guard{lock_};
        unread = output_.size();
    }
    unread += writing_.size() - written_;
    if (!input_ended_) {
        watch_message();
    }
    if (unread <= service_.bounds().unread_bytes) {
        wait_readable();
    } else {
        watch_output();  // nothing more is read until the client reads
    }
    if (!reader_.mid_message()) {
        reader_.shrink();
    }
}

/// Whether there is nothing left to answer, and no more to come.
bool connection::is_finished() {
    const bool must_end = input_ended_ || is_shutting_down_.load(std::memory_order_relaxed);
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
    asio::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
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
        tasks.swap(tasks_);
    }
    message_alarm_.cancel();
    output_alarm_.cancel();
    idle_alarm_.cancel();
    for (const auto& each : tasks) {
        each->lose_creator();
    }
    cancel_requests(std::string{});
    service_.leave(self);
    asio::error_code ignored;
    socket_.close(ignored);  // last: a client that sees the end finds its place free for the next connection
}

// ---- clients that take too long ------------------------------------------------------------------

void connection::watch_message() {
    const bool wanted = reader_.mid_message();
    if (wanted == message_is_watched_) {
        return;
    }
    message_is_watched_ = wanted;
    if (!wanted) {
        message_alarm_.cancel();
    } else if (service_.bounds().message_time.count() > 0) {
        message_alarm_.set(service_.runs_on(), service_.bounds().message_time, [self = shared_from_this()] {
            if (self->message_is_watched_) {
                self->close();
            }
        });
    }
}

void connection::watch_output() {
    if (std::exchange(output_is_watched_, true)) {
        return;
    }
    output_alarm_.set(service_.runs_on(), service_.bounds().unread_time,
                      [self = shared_from_this(), before = progress_] {
                          self->output_is_watched_ = false;
                          if (!self->is_closed_ && self->is_writing_ && self->progress_ == before) {
                              self->close();
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
            self->close();
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
