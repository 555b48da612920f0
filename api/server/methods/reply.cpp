#include "api/server/methods/reply.hpp"

#include <cassert>
#include <mutex>
#include <utility>

#include "api/protocol/response.hpp"
#include "api/server/net/connection.hpp"

namespace gatherd::api::server {

batch::batch(std::shared_ptr<connection> to, std::size_t owed)
    : to_{std::move(to)}, owed_{owed}, memory_{to_->of().memory()} {}

void batch::add(std::string text, std::function<void()> sent) {
    {
        const std::lock_guard guard{lock_};
        if (!text.empty()) {
            answers_ += answers_.empty() ? '[' : ',';
            answers_ += text;
            memory_.resize(answers_.size());
        }
        if (sent) {
            sent_.push_back(std::move(sent));
        }
        if (--owed_ != 0) {
            return;
        }
    }
    if (!answers_.empty()) {  // the last one has it to itself
        answers_ += ']';
        to_->send(answers_);
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
    assert(to_ == nullptr && "every request is answered");
}

void reply::send(std::string text, std::function<void()> sent) {
    const std::shared_ptr<connection> to = std::move(to_);
    if (part_of_ != nullptr) {
        part_of_->add(std::move(text), std::move(sent));
    } else {
        if (!text.empty()) {
            to->send(text);
        }
        if (sent) {
            sent();
        }
    }
    to->settle();
}

void reply::result(const value& what, std::function<void()> sent) {
    std::string text;
    if (!is_notification()) {
        protocol::append_result(text, id_, what);
    }
    send(std::move(text), std::move(sent));
}

void reply::result_message(std::string_view message) {
    const std::shared_ptr<connection> to = std::move(to_);
    if (part_of_ != nullptr) {
        part_of_->add(std::string{is_notification() ? std::string_view{} : message}, nullptr);
    } else if (!is_notification()) {
        to->send(message);
    }
    to->settle();
}

void reply::error(const api::error& why) {
    to_->of().counts().add_error(why);
    std::string text;
    if (!is_notification()) {
        protocol::append_error(text, id_, why);
    }
    send(std::move(text), nullptr);
}

}  // namespace gatherd::api::server
