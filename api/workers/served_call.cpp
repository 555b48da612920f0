#include "api/workers/served_call.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/json_writer.hpp"
#include "api/shortened.hpp"
#include "api/workers/worker_table.hpp"

namespace gatherd::api::workers {

void served_call::send(const value* args, std::uint32_t attempt, std::optional<plan::deadline_time> deadline,
                       const trace_parent& trace) {
    const auto& own_timeout = declared_->timeout;
    std::string text = R"({"jsonrpc":"2.0","id":")";
    protocol::append_unsigned(text, id_);
    text += R"(","method":"invoke","params":{"call":)";
    protocol::append_string(text, declared_->callee.name);
    text += R"(,"args":)";
    append_arguments(text, *declared_, args);
    if (deadline || own_timeout) {
        auto left = deadline ? *deadline - clock::now() : *own_timeout;
        left = std::max(own_timeout ? std::min<clock::duration>(left, *own_timeout) : left, clock::duration::zero());
        text += R"(,"timeout":)";
        protocol::append_double(text, std::chrono::duration<double>{left}.count());
    }
    text += R"(,"attempt":)";
    protocol::append_unsigned(text, attempt);
    if (!trace.empty()) {
        text.append(R"(,"traceparent":")").append(trace.text()).append("\"");
    }
    text += "}}";
    if (const std::size_t most = table_.bounds().message_bytes; text.size() > most) {
        throw plan::raised{"OverflowError", declared_->callee.name + "(): the call is a message of " +
                                                std::to_string(text.size()) + " bytes, and limits.message_bytes is " +
                                                std::to_string(most)};
    }
    is_sent_ = true;
    {
        const std::lock_guard guard{lock_};
        if (own_timeout && !has_ended_) {
            timer_.set(table_.threads(), *own_timeout, [self = weak_from_this()] {
                if (const auto call = self.lock()) {
                    call->time_is_over();
                }
            });
        }
    }
    worker_->link().send(text);
}

void served_call::tell_cancel(const std::string& message) const {
    std::string text = R"({"jsonrpc":"2.0","method":"cancel","params":{"request":")";
    protocol::append_unsigned(text, id_);
    text += R"(","message":)";
    protocol::append_string(text, first_bytes(message, table_.bounds().message_bytes / 8));
    text += "}}";
    worker_->link().send(text);
}

bool served_call::begin_cancel(const std::string& message) {
    {
        const std::lock_guard guard{lock_};
        if (has_ended_ || std::exchange(is_cancelled_, true)) {
            return false;
        }
        wait_for_answer();
    }
    tell_cancel(message);
    return true;
}

void served_call::time_is_over() {
    {
        const std::lock_guard guard{lock_};
        if (has_ended_ || std::exchange(is_cancelled_, true)) {
            return;
        }
        is_timed_out_ = true;
        wait_for_answer();
    }
    tell_cancel({});
}

std::chrono::milliseconds served_call::cancel_time() const {
    const auto& member = worker_->member();
    return member != nullptr && member->cancel_time ? *member->cancel_time : table_.bounds().worker_cancel_time;
}

/// Under lock_.
void served_call::wait_for_answer() {
    timer_.set(table_.threads(), cancel_time(), [self = weak_from_this()] {
        if (const auto call = self.lock()) {
            call->give_up();
        }
    });
}

void served_call::give_up() {
    const std::lock_guard guard{lock_};
    if (has_ended_) {
        return;
    }
    timer_.set(table_.threads(), cancel_time(), [self = weak_from_this()] {
        if (const auto call = self.lock()) {
            call->table_.hang_up(*call);
        }
    });
    ended_.set();  // has_ended_ stays: the worker still has to answer
}

bool served_call::has_ended() const {
    const std::lock_guard guard{lock_};
    return has_ended_;
}

bool served_call::is_timed_out() const {
    const std::lock_guard guard{lock_};
    return is_timed_out_;
}

call_end served_call::take_end() {
    const std::lock_guard guard{lock_};
    return std::move(end_);
}

void served_call::leave() noexcept {
    {
        const std::lock_guard guard{lock_};
        context_ = nullptr;
    }
    if (!is_sent_) {
        table_.leave(*this);
    }
}

void served_call::print(std::string line) {
    const std::lock_guard guard{lock_};
    if (context_ != nullptr && !has_ended_) {
        context_->print(std::move(line));
    }
}

void served_call::finish(call_end end) noexcept {
    const std::lock_guard guard{lock_};
    if (std::exchange(has_ended_, true)) {
        return;
    }
    timer_.cancel();
    if (context_ != nullptr) {
        end_ = std::move(end);
    }
    ended_.set();
}

}  // namespace gatherd::api::workers
