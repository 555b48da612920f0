#include "api/admin/http_request.hpp"

#include <sys/socket.h>

#include <exception>
#include <new>
#include <utility>
#include <variant>

#include "api/log/event.hpp"

namespace gatherd::api::admin {
namespace {

constexpr std::size_t piece_bytes = std::size_t{32} * 1024;  // of an answer

/// Whether libmicrohttpd takes an answer before the body, and then closes the connection without reading that.
bool can_answer_early(const request_head& head) {
    return head.method == "POST" || head.method == "PUT";
}

}  // namespace

http_request::http_request(http_requests& others, MHD_Connection* connection, http_client& client)
    : others_{others}, connection_{connection}, client_{client}, number_{++others.last_number} {
    others.all.emplace(number_, this);
}

http_request::~http_request() {
    if (handler_ != nullptr && !is_gone_) {
        handler_->detach();
    }
    others_.all.erase(number_);
    others_.handled -= is_counted_ ? 1 : 0;
    others_.owed.fetch_sub(is_owed_ ? 1 : 0, std::memory_order_relaxed);
    if (response_ != nullptr) {
        MHD_destroy_response(response_);
    }
}

MHD_Result http_request::start(const request_head& head) {
    if (head.fault != nullptr) {
        answer(text_answer(MHD_HTTP_BAD_REQUEST, head.fault));
        return can_answer_early(head) ? send() : MHD_NO;
    }
    take_route(head, others_.routes(head));
    return response_ != nullptr && handler_ == nullptr && head.has_body() && can_answer_early(head) ? send() : MHD_YES;
}

void http_request::take_route(const request_head& head, route_outcome outcome) {
    auto* const made = std::get_if<std::shared_ptr<request_handler>>(&outcome.what);
    if (made == nullptr) {
        answer(std::get<http_answer>(std::move(outcome.what)));
        return;
    }
    if (!outcome.is_reserved && others_.handled >= others_.most_handled) {
        auto refused =
            text_answer(MHD_HTTP_SERVICE_UNAVAILABLE, "as many requests as admin.connections allows are being handled");
        refused.headers.push_back({"Retry-After", "1"});
        answer(std::move(refused));
        return;
    }
    is_counted_ = !outcome.is_reserved;
    others_.handled += is_counted_ ? 1 : 0;
    handler_ = std::move(*made);
    if (head.has_body()) {
        watch_for_its_end();
    }
    handler_->attach(*this);
}

MHD_Result http_request::go_on(const char* piece, std::size_t& size) {
    if (is_gone_ || others_.is_stopping) {
        return MHD_NO;
    }
    if (size > 0) {
        size -= handler_ == nullptr ? size : handler_->take({piece, size});
        if (size > 0) {
            suspend();
        }
        return MHD_YES;
    }
    if (!std::exchange(is_whole_, true)) {
        be_whole();
    }
    if (response_ != nullptr) {
        return send();
    }
    suspend();
    return MHD_YES;
}

/// Nothing more of the request comes: it is the handler's turn.
void http_request::be_whole() {
    others_.clients.stop_reading(client_);
    stop_watching();
    if (handler_ != nullptr) {
        is_owed_ = handler_->is_owed();
        others_.owed.fetch_add(is_owed_ ? 1 : 0, std::memory_order_relaxed);
    }
    if (handler_ != nullptr && response_ == nullptr) {
        handler_->begin();
    }
}

void http_request::answer(http_answer whole) {
    set_response(MHD_create_response_from_buffer(whole.body.size(), whole.body.data(), MHD_RESPMEM_MUST_COPY), whole);
}

void http_request::begin_answer(http_answer head, std::optional<std::uint64_t> body_bytes) {
    set_response(
        MHD_create_response_from_callback(body_bytes.value_or(MHD_SIZE_UNKNOWN), piece_bytes, &read, this, nullptr),
        head);
}

void http_request::wake() {
    if (std::exchange(is_suspended_, false)) {
        if (is_whole_) {
            stop_watching();
        } else {
            others_.clients.read_on(client_);
        }
        MHD_resume_connection(connection_);
        others_.pump_soon();
    }
}

/// Before the whole request is there libmicrohttpd would wait for the rest, but for the end of the socket.
void http_request::note_end() {
    stop_watching();
    if (is_suspended_) {
        hang_up();
    } else if (!is_whole_) {
        ::shutdown(client_.descriptor, SHUT_RDWR);
    }
}

void http_request::hang_up() {
    if (handler_ != nullptr && !is_gone_) {
        handler_->detach();
    }
    is_gone_ = true;
    wake();
}

void http_request::set_response(MHD_Response* made, const http_answer& head) {
    if (made == nullptr) {
        throw std::bad_alloc{};
    }
    if (response_ != nullptr) {
        MHD_destroy_response(response_);
    }
    response_ = made;
    status_ = head.status;
    MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(made, "Cache-Control", "no-store");
    if (!head.type.empty()) {
        MHD_add_response_header(made, "Content-Type", head.type.c_str());
    }
    for (const http_header& each : head.headers) {
        MHD_add_response_header(made, each.name.c_str(), each.value.c_str());
    }
    wake();
}

MHD_Result http_request::send() {
    MHD_Response* const whole = std::exchange(response_, nullptr);
    const MHD_Result queued = MHD_queue_response(connection_, status_, whole);
    MHD_destroy_response(whole);  // the connection has a count of its own
    return queued;
}

/// Nothing is read or written until wake; that the client goes is noticed.
void http_request::suspend() {
    others_.clients.stop_reading(client_);
    is_suspended_ = true;
    watch_for_its_end();
    MHD_suspend_connection(connection_);
}

void http_request::watch_for_its_end() noexcept {
    if (!std::exchange(is_watched_, true)) {
        others_.hang_ups.add(client_.descriptor, number_);
    }
}

void http_request::stop_watching() noexcept {
    if (std::exchange(is_watched_, false)) {
        others_.hang_ups.remove(client_.descriptor);
    }
}

ssize_t http_request::read(void* self, std::uint64_t /*position*/, char* into, std::size_t most) noexcept {
    auto& own = *static_cast<http_request*>(self);
    try {
        const ssize_t got = own.is_gone_ || own.others_.is_stopping || own.handler_ == nullptr
                                ? request_handler::read_end::broken
                                : own.handler_->read(into, most);
        if (got == 0) {
            own.suspend();
        }
        return got == request_handler::read_end::broken    ? MHD_CONTENT_READER_END_WITH_ERROR
               : got == request_handler::read_end::of_body ? MHD_CONTENT_READER_END_OF_STREAM
                                                           : got;
    } catch (const std::exception& failed) {
        log::error("an answer of the admin port ended early", {{"error", failed.what()}});
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

}  // namespace gatherd::api::admin
