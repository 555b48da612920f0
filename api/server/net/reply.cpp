#include "api/server/net/reply.hpp"

#include <mutex>
#include <utility>

#include "api/protocol/response.hpp"
#include "api/release_memory.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t small_answer = 4096;  // bytes of an answer that comes from the reserve

/// Whether there is no memory for an answer of that size. Small ones are always sent: errors, above all.
bool is_too_much(std::size_t bytes) {
    return bytes > small_answer && memory_limit::is_reached(bytes);
}

}  // namespace

batch::batch(std::shared_ptr<connection> to, std::size_t owed) : to_{std::move(to)}, owed_{owed} {}

void batch::add(std::string_view text, std::function<void()> sent) {
    {
        const std::lock_guard guard{lock_};
        if (!text.empty() && !has_ended()) {
            const bool grows = answers_.capacity() - answers_.size() <= text.size();
            if (grows && answers_.size() > small_answer && memory_limit::is_high(answers_.size() + text.size())) {
                release_memory(answers_);
                has_ended_.store(true, std::memory_order_relaxed);
            } else {
                answers_ += answers_.empty() ? '[' : ',';
                answers_ += text;
            }
        }
        if (sent) {
            sent_.push_back(std::move(sent));
        }
        if (--owed_ != 0) {
            return;
        }
    }
    if (has_ended() || is_too_much(answers_.size())) {  // the last one has it to itself
        release_memory(answers_);
        const error why = out_of_memory();
        to_->state().counts().add_error(why);
        protocol::append_error(answers_, protocol::request_id::null(), why);
        to_->send_at_once(answers_);
    } else if (!answers_.empty()) {
        answers_ += ']';
        to_->send_at_once(answers_);
    }
    for (const auto& each : sent_) {
        each();
    }
}

reply::reply(std::shared_ptr<connection> to, protocol::request_id id, std::shared_ptr<batch> part_of)
    : to_{std::move(to)}, id_{std::move(id)}, part_of_{std::move(part_of)} {
    to_->owe();
}

reply::~reply() {
    if (to_ == nullptr) {
        return;
    }
    if (to_->work().has_ended()) {
        error({errc::cancelled, "CancelledError"});  // as what runs for it is ended: nobody reads it
    } else {
        error(out_of_memory());
    }
}

void reply::log_as(std::string_view method, std::size_t index, std::optional<protocol::json_view> params) noexcept {
    method_ = static_cast<std::uint8_t>(index);
    log_.begin(*to_, method, params);
}

void reply::send(std::string_view text, std::function<void()> sent, const errc* failed) {
    const executor::memory_turn nobodys{nullptr};  // from here on nothing is refused
    const std::shared_ptr<connection> to = std::move(to_);
    to->state().counts().add_answer(method_, failed);
    log_.end(*to, id_, failed, text.size());
    if (part_of_ != nullptr) {
        part_of_->add(text, std::move(sent));
    } else {
        if (!text.empty()) {
            to->send_at_once(text);
        }
        if (sent) {
            sent();
        }
    }
    to->settle();
}

void reply::result(const value& given, std::function<void()> sent) {
    std::string text;
    if (!is_notification()) {
        protocol::append_result(text, id_, given);
    }
    if (is_too_much(text.size())) {
        error(out_of_memory());
    } else {
        send(text, std::move(sent), nullptr);
    }
}

void reply::result_message(std::string_view message) {
    if (is_notification()) {
        send({}, nullptr, nullptr);
    } else if (is_too_much(message.size())) {
        error(out_of_memory());
    } else {
        send(message, nullptr, nullptr);
    }
}

void reply::error(const api::error& why) {
    std::string text;
    if (!is_notification()) {
        try {  // what a task raised may be long
            executor::memory_account writing;
            const executor::memory_turn turn{why.code == errc::task_failed ? &writing : nullptr};
            protocol::append_error(text, id_, why);
        } catch (const memory_limit_exceeded&) {
            release_memory(text);
            error(out_of_memory());
            return;
        }
    }
    const executor::memory_turn nobodys{nullptr};
    to_->state().counts().add_error(why);
    send(text, nullptr, &why.code);
}

void reply::error_body(errc code, std::string_view body) {
    to_->state().counts().add_error({code, {}});
    std::string text;
    if (!is_notification()) {
        protocol::append_error_around(text, id_, body);
    }
    if (is_too_much(text.size())) {
        error(out_of_memory());
    } else {
        send(text, nullptr, &code);
    }
}

}  // namespace gatherd::api::server
