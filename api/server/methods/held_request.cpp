#include "api/server/methods/held_request.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/plan/check/plan_decoder.hpp"
#include "api/protocol/json_value.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/message_handling.hpp"

namespace gatherd::api::server {

namespace {

/// What is longer would keep a worker from its other connections when it is decoded again.
constexpr std::size_t most_held_bytes = std::size_t{1} << 20;

constexpr std::size_t padding = 64;  // that a decoder wants behind a text
constexpr std::chrono::milliseconds between_tries{5};

}  // namespace

bool held_request::may_wait(const server_parts& server, const error& why, const connection& client,
                            std::optional<clock::time_point> deadline) {
    return plan::is_unknown_function(why) && server.state.workers().is_expecting() && !server.state.is_draining() &&
           client.message_bytes() <= most_held_bytes && (!deadline || clock::now() < *deadline);
}

void held_request::hold(const server_parts& server, const protocol::request& request, reply answer,
                        std::optional<clock::time_point> deadline) {
    std::string text = R"({"method":)";
    protocol::append_string(text, request.method);
    text += R"(,"params":)";
    protocol::append_value(text, protocol::to_value(*request.params));
    if (!request.id.is_absent()) {
        text += R"(,"id":)";
        text += request.id.text();
    }
    text += '}';
    text.append(padding, ' ');
    std::make_shared<held_request>(server, std::move(answer), std::move(text),
                                   deadline.value_or(clock::now() + server.state.bounds().worker_wait))
        ->start();
}

held_request::held_request(const server_parts& server, reply answer, std::string text, clock::time_point deadline)
    : server_{server},
      client_{answer.to()},
      id_{answer.id()},
      text_{std::move(text)},
      deadline_{deadline},
      answer_{std::move(answer)} {
    client_->work().add_memory(static_cast<std::ptrdiff_t>(text_.size()));
}

held_request::~held_request() {
    client_->work().add_memory(-static_cast<std::ptrdiff_t>(text_.size()));
}

void held_request::start() {
    const auto self = shared_from_this();
    timer_.set(server_.state.runs_on(), std::max<clock::duration>(deadline_ - clock::now(), clock::duration::zero()),
               [self] { self->wake(); });
    const auto number = server_.state.workers().when_served([self] { self->wake(); });
    bool is_over = false;
    {
        const std::lock_guard guard{lock_};
        wake_number_ = number;
        is_over = !answer_;
    }
    if (is_over) {
        server_.state.workers().forget_call(number);
    } else if (!client_->work().add_request(self)) {
        cancel({});
    }
}

void held_request::wake() {
    client_->defer([self = shared_from_this()] { self->call_again(); });
}

/// The reply, if nobody has it yet: then this waits no more. `carries_out`: the caller calls the method.
std::optional<reply> held_request::take(bool carries_out) {
    std::optional<reply> taken;
    std::uint64_t number = 0;
    {
        const std::lock_guard guard{lock_};
        if (!answer_) {
            return std::nullopt;
        }
        taken = std::move(answer_);
        answer_.reset();
        number = wake_number_;
        is_carried_out_ = carries_out;
    }
    server_.state.workers().forget_call(number);
    timer_.cancel();
    return taken;
}

/// On the reactor of its connection.
void held_request::call_again() {
    if (client_->is_in_bulk()) {  // who the client is may be changing
        later_.set(server_.state.runs_on(), between_tries, [self = shared_from_this()] { self->wake(); });
        return;
    }
    const auto self = shared_from_this();
    auto answer = take(true);
    if (!answer) {
        return;
    }
    bool is_understood = false;
    const auto successor =
        client_->work().replace_request(self, [&] { is_understood = carry_out(*std::move(answer)); });
    end_watch(is_understood ? "done" : "failed");  // where it has no successor
    std::optional<std::string> cancelled_with;
    {
        const std::lock_guard guard{lock_};
        is_carried_out_ = false;
        cancelled_with.swap(cancelled_with_);
    }
    if (successor != nullptr && cancelled_with) {
        successor->cancel(*cancelled_with);
    }
}

/// Calls its method. False: it was refused.
bool held_request::carry_out(reply answer) {
    auto& decoder = decoder_of_this_thread(server_.state.bounds());
    const std::string_view text{text_.data(), text_.size() - padding};
    client_->note_message(text.size(), text.size());
    bool is_understood = false;
    for (const protocol::message_item& item : decoder.decode(text).items) {
        if (const auto* const refused = std::get_if<protocol::refusal>(&item)) {
            answer.error(refused->reason);
        } else {
            is_understood = call_method(server_, std::get<protocol::request>(item), std::move(answer), deadline_);
        }
    }
    decoder.shrink();
    return is_understood;
}

bool held_request::cancel(const std::string& message) {
    auto answer = take(false);
    if (!answer) {
        const std::lock_guard guard{lock_};
        if (is_carried_out_ && !cancelled_with_) {
            cancelled_with_ = message;
        }
        return is_carried_out_;
    }
    client_->work().remove_request(shared_from_this());
    end_watch("cancelled");
    answer->error({errc::cancelled, "CancelledError" + (message.empty() ? "" : ": " + message),
                   std::make_shared<const value>(value{{"type", "CancelledError"}, {"message", message}})});
    return true;
}

error with_faults_of_pools(const server_parts& server, const error& why) {
    const std::string faults = plan::is_unknown_function(why) ? server.state.workers().faults() : std::string{};
    if (faults.empty()) {
        return why;
    }
    value data = why.data == nullptr ? value::object() : *why.data;
    const auto hint = data.find("hint");
    data["hint"] = hint == data.end() ? faults : hint->get<std::string>() + "; " + faults;
    return {why.code, why.message + ": " + faults, std::make_shared<const value>(std::move(data))};
}

}  // namespace gatherd::api::server
