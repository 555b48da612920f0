#include "api/server/tasks/waiting_request.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/response.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/state/server_state.hpp"
#include "api/server/tasks/outcome_text.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {
namespace {

constexpr std::size_t bytes_around_a_result = 64;  // of its entry in an answer, beside its id
constexpr std::size_t bytes_a_request = 1024;      // of memory while it waits, about
constexpr std::size_t bytes_a_task = 160;          // and for each task that it listens to
constexpr std::size_t copies_of_an_id = 4;

}  // namespace

waiting_request::waiting_request(server_state& state, reply answer, std::vector<std::shared_ptr<created_task>> tasks,
                                 options chosen)
    : state_{state},
      answer_{std::move(answer)},
      creditor_{answer_.to()},
      id_{answer_.id()},
      tasks_{std::move(tasks)},
      options_{chosen} {}

/// What it takes while it waits.
std::ptrdiff_t waiting_request::held_bytes() const noexcept {
    const std::size_t id_bytes = id_.is_absent() ? 0 : id_.text().size();
    return static_cast<std::ptrdiff_t>(bytes_a_request + copies_of_an_id * id_bytes + bytes_a_task * tasks_.size());
}

void waiting_request::start() {
    const auto self = shared_from_this();
    creditor_->work().add_memory(held_bytes());
    if (!answer_.to()->work().add_request(self)) {
        cancel({});  // the client has gone
        return;
    }
    if (tasks_.empty() && claim()) {
        leave();
        end_watch("done");
        answer_.result(options_.answer == form::streamed ? value{{"completed", 0}, {"failed", 0}} : value::array());
        return;
    }
    if (options_.answer == form::streamed && is_long()) {
        state_.bulk().submit_report(creditor_->work().share(), [self] { self->listen(); });
    } else {
        listen();
    }
}

/// Of those that have ended already it hears at once.
void waiting_request::listen() {
    const auto self = shared_from_this();
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const std::uint64_t number = tasks_[i]->when_ended([self, i](const auto&) { self->task_ended(i); });
        const std::lock_guard guard{lock_};
        if (number != 0) {
            listening_.emplace_back(i, number);
        }
        if (is_over_) {
            break;
        }
    }
    if (!options_.timeout) {
        return;
    }
    if (options_.timeout->count() <= 0) {
        time_is_up();
        return;
    }
    const std::lock_guard guard{lock_};
    if (!is_over_) {
        timer_.set(state_.runs_on(), *options_.timeout, [self] {
            // Many may expire together: each only takes its place in the line here.
            self->creditor_->defer([self] { self->time_is_up(); });
        });
    }
}

bool waiting_request::claim() {
    const std::lock_guard guard{lock_};
    return !std::exchange(is_over_, true);
}

/// Whoever claimed the end calls this first: nothing listens for us any more.
void waiting_request::leave() {
    std::vector<std::pair<std::size_t, std::uint64_t>> listening;
    {
        const std::lock_guard guard{lock_};
        timer_.cancel();
        listening.swap(listening_);
    }
    for (const auto& [index, number] : listening) {
        tasks_[index]->forget_listener(number);
    }
    creditor_->work().remove_request(shared_from_this());
    creditor_->work().add_memory(-held_bytes());
}

bool waiting_request::is_enough(const task_end& end) const {
    const bool failed = !end.has_value();
    const bool raised = end.phase == task_phase::failed;
    if (ended_ == tasks_.size()) {
        return true;
    }
    switch (options_.answer) {
        case form::list:
            return failed;
        case form::wait:
            return options_.when == executor::return_when::first_completed ||
                   (options_.when == executor::return_when::first_exception && raised);
        case form::one:
        case form::settled:
        case form::streamed:
            break;
    }
    return false;
}

void waiting_request::task_ended(std::size_t index) {
    const auto self = shared_from_this();
    const auto end = tasks_[index]->end();
    const char* limit = nullptr;  // that leaves no memory to tell of this end
    {
        const std::lock_guard guard{lock_};
        if (is_over_) {
            return;
        }
        ++ended_;
        failed_ += end->has_value() ? 0 : 1;
        if (options_.answer == form::streamed) {
            limit = limit_met(end->text.size());
            if (limit == nullptr) {
                notify(*tasks_[index], *end);  // under the lock: before the answer
            }
        }
        if (limit == nullptr && !is_enough(*end)) {
            return;
        }
        is_over_ = true;
    }
    leave();
    if (limit != nullptr) {
        end_watch("failed");
        state_.counts().add_limit(limit);
        answer_.error(over_limit(limit, most_of(limit, state_.bounds())));
        return;
    }
    if (options_.answer != form::streamed && is_long()) {
        state_.bulk().submit_report(answer_.to()->work().share(), [self, index] { self->answer_by(index); });
    } else {
        answer_by(index);
    }
}

/// Whether to write what has ended is not a worker's work.
bool waiting_request::is_long() const {
    std::size_t bytes = 0;
    for (const auto& each : tasks_) {
        const auto end = each->end();
        bytes += bytes_around_a_result + (end == nullptr ? 0 : end->text.size());
        if (bytes > bytes_made_a_turn) {
            return true;
        }
    }
    return false;
}

void waiting_request::answer_by(std::size_t decisive) {
    const auto end = tasks_[decisive]->end();
    const bool has_failed = (options_.answer == form::one || options_.answer == form::list) && !end->has_value();
    end_watch(has_failed ? "failed" : "done");
    if (has_failed) {
        answer_.error_body(end->code, end->refusal);
    } else if (options_.answer == form::streamed) {
        answer_.result({{"completed", ended_ - failed_}, {"failed", failed_}});
    } else {
        answer_with_texts();
    }
    for (const auto& each : tasks_) {
        if (each->end() != nullptr) {
            each->settle();
        }
    }
}

/// Appends `"value":..` or `"error":..`. A cancellation's message is for who awaits it, not for who only looks.
void waiting_request::append_end(std::string& text, const task_end& end, bool looks_only) const {
    text += end.has_value() ? R"("value":)" : R"("error":)";
    if (looks_only && end.phase == task_phase::cancelled) {
        text += R"({"type":"CancelledError","message":""})";
    } else {
        text += end.text;
    }
}

/// Answers with the results that are there, in the form that was asked for.
void waiting_request::answer_with_texts() {
    std::size_t bytes = bytes_around_a_result;
    end_list ends;
    for (const auto& each : tasks_) {
        ends.push_back(each->end());
        bytes += bytes_around_a_result + each->id().size() + (ends.back() == nullptr ? 0 : ends.back()->text.size());
    }
    if (memory_limit::is_reached(bytes)) {
        answer_.error(out_of_memory());
        return;
    }
    std::string text;
    text.reserve(bytes);
    protocol::append_result_head(text, id_);
    if (options_.answer == form::one) {
        text += ends.front()->text;
    } else if (options_.answer == form::wait) {
        append_done_and_pending(text, ends);
    } else {
        append_list(text, ends);
    }
    text += '}';
    answer_.result_message(text);
}

void waiting_request::append_list(std::string& text, const end_list& ends) const {
    text += '[';
    for (const auto& each : ends) {
        text += &each == &ends.front() ? "" : ",";
        if (options_.answer == form::settled) {
            text += '{';
            append_end(text, *each, true);
            text += '}';
        } else {
            text += each->text;
        }
    }
    text += ']';
}

void waiting_request::append_done_and_pending(std::string& text, const end_list& ends) const {
    std::string pending;
    text += R"({"done":[)";
    bool is_first = true;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const std::string& id = tasks_[i]->id();  // hexadecimal digits
        if (ends[i] == nullptr) {
            pending += (pending.empty() ? "\"" : ",\"") + id + '"';
            continue;
        }
        text += std::exchange(is_first, false) ? R"({"id":")" : R"(,{"id":")";
        text += id;
        text += R"(",)";
        append_end(text, *ends[i], true);
        text += '}';
    }
    text += R"(],"pending":[)";
    text += pending;
    text += "]}";
}

/// The limit that a notification with a text of so many bytes would be over, or null.
const char* waiting_request::limit_met(std::size_t bytes) const noexcept {
    constexpr std::size_t copies = 2;  // the notification, and what is sent of it
    if (id_.is_absent()) {
        return nullptr;
    }
    if (memory_limit::is_reached(copies * (bytes_around_a_result + id_.text().size() + bytes))) {
        return "limits.memory_bytes";
    }
    return state_.memory().is_full(*creditor_->work().share()) ? "limits.client_memory_bytes" : nullptr;
}

void waiting_request::notify(const created_task& task, const task_end& end) {
    if (id_.is_absent()) {
        return;
    }
    std::string text{R"({"jsonrpc":"2.0","method":"completed","params":{"request":)"};
    text.append(id_.text()).append(R"(,"id":")").append(task.id()).append(R"(",)");
    append_end(text, end, false);
    text += "}}";
    answer_.to()->send(text);
}

void waiting_request::time_is_up() {
    if (!claim()) {
        return;
    }
    leave();
    end_watch(options_.answer == form::wait ? "done" : "failed");
    if (options_.answer == form::wait && is_long()) {
        state_.bulk().submit_report(answer_.to()->work().share(),
                                    [self = shared_from_this()] { self->answer_with_texts(); });
    } else if (options_.answer == form::wait) {
        answer_with_texts();
    } else {
        answer_.error(error_of({plan::program_end::way::timed_out, {}, nullptr}, state_.bounds()));
    }
}

bool waiting_request::cancel(const std::string& message) {
    if (!claim()) {
        return false;
    }
    leave();
    end_watch("cancelled");
    const plan::failure cancelled{"CancelledError", message};
    answer_.error(error_of({plan::program_end::way::cancelled, cancelled, nullptr}, state_.bounds()));
    return true;
}

}  // namespace gatherd::api::server
