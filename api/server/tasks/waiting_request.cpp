#include "api/server/tasks/waiting_request.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/plan/model/failure.hpp"
#include "api/protocol/response.hpp"
#include "api/server/methods/outcome_text.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::server {

waiting_request::waiting_request(service& of, reply answer, std::vector<std::shared_ptr<created_task>> tasks,
                                 options how)
    : service_{of},
      answer_{std::move(answer)},
      creditor_{answer_.to()},
      id_{answer_.id()},
      tasks_{std::move(tasks)},
      how_{how} {}

void waiting_request::start() {
    const auto self = shared_from_this();
    if (!answer_.to()->work().add_request(self)) {
        cancel({});  // the client has gone
        return;
    }
    if (tasks_.empty() && claim()) {
        leave();
        answer_.result(how_.answer == form::streamed ? value{{"completed", 0}, {"failed", 0}} : value::array());
        return;
    }
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
    if (!how_.timeout) {
        return;
    }
    if (how_.timeout->count() <= 0) {
        time_is_up();
        return;
    }
    const std::lock_guard guard{lock_};
    if (!is_over_) {
        timer_.set(service_.runs_on(), *how_.timeout, [self] {
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
    answer_.to()->work().remove_request(shared_from_this());
}

bool waiting_request::is_enough(const task_end& end) const {
    const bool failed = !end.result.has_value();
    const bool raised = failed && !plan::is_cancellation(end.result);
    if (ended_ == tasks_.size()) {
        return true;
    }
    switch (how_.answer) {
        case form::list:
            return failed;
        case form::wait:
            return how_.when == executor::return_when::first_completed ||
                   (how_.when == executor::return_when::first_exception && raised);
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
    {
        const std::lock_guard guard{lock_};
        if (is_over_) {
            return;
        }
        ++ended_;
        failed_ += end->result.has_value() ? 0 : 1;
        if (how_.answer == form::streamed) {
            notify(*tasks_[index], *end);  // under the lock: before the answer
        }
        if (!is_enough(*end)) {
            return;
        }
        is_over_ = true;
    }
    leave();
    if (is_long_answer()) {
        service_.bulk().submit([self, index] { self->answer_by(index); });
    } else {
        answer_by(index);
    }
}

/// Whether writing the answer is not a worker's work.
bool waiting_request::is_long_answer() const {
    std::size_t left = most_text_parts_a_turn;
    for (const auto& each : tasks_) {
        const auto end = each->end();
        left -= end != nullptr && end->result.has_value() ? text_parts(end->result.result(), left) : 0;
        if (left == 0) {
            return how_.answer != form::streamed;  // whose answer only counts
        }
    }
    return false;
}

void waiting_request::answer_by(std::size_t decisive) {
    const auto end = tasks_[decisive]->end();
    if ((how_.answer == form::one || how_.answer == form::list) && !end->result.has_value()) {
        answer_.error(*end->refusal);
    } else if (how_.answer == form::one) {
        answer_.result(end->result.result());
    } else if (how_.answer == form::wait) {
        answer_.result(done_and_pending());
    } else if (how_.answer == form::streamed) {
        answer_.result({{"completed", ended_ - failed_}, {"failed", failed_}});
    } else {
        answer_.result(results(how_.answer == form::settled));
    }
    for (const auto& each : tasks_) {
        if (each->end() != nullptr) {
            each->settle();
        }
    }
}

value waiting_request::results(bool as_entries) const {
    value list = value::array();
    for (const auto& each : tasks_) {
        const auto end = each->end();
        if (as_entries) {
            list.push_back(plan::result_entry(end->result));
        } else {
            list.push_back(end->result.result());
        }
    }
    return list;
}

value waiting_request::done_and_pending() const {
    value done = value::array();
    value pending = value::array();
    for (const auto& each : tasks_) {
        if (const auto end = each->end()) {
            value entry = {{"id", each->id()}};
            plan::fill_entry(entry, end->result);
            done.push_back(std::move(entry));
        } else {
            pending.push_back(each->id());
        }
    }
    return {{"done", std::move(done)}, {"pending", std::move(pending)}};
}

void waiting_request::notify(const created_task& task, const task_end& end) {
    if (id_.is_absent()) {
        return;
    }
    value params = {{"id", task.id()}};
    add_outcome(params, end.result);
    std::string text;
    protocol::append_notification(text, "completed", id_, params);
    answer_.to()->send(text);
}

void waiting_request::time_is_up() {
    if (!claim()) {
        return;
    }
    leave();
    if (how_.answer == form::wait && is_long_answer()) {
        service_.bulk().submit([self = shared_from_this()] { self->answer_.result(self->done_and_pending()); });
    } else if (how_.answer == form::wait) {
        answer_.result(done_and_pending());
    } else {
        answer_.error(error_of({plan::program_end::way::timed_out, {}, nullptr}, service_.bounds()));
    }
}

bool waiting_request::cancel(const std::string& message) {
    if (!claim()) {
        return false;
    }
    leave();
    const plan::failure cancelled{"CancelledError", message};
    answer_.error(error_of({plan::program_end::way::cancelled, cancelled, nullptr}, service_.bounds()));
    return true;
}

}  // namespace gatherd::api::server
