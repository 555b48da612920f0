#include "api/server/methods/running_request.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "api/plan/model/drop_aside.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/protocol/response.hpp"
#include "api/release_memory.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/tasks/outcome_text.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {

running_request::running_request(server_state& state, reply answer, reporting wishes, task_allowance allowance,
                                 bool is_bulky)
    : state_{state},
      answer_{std::move(answer)},
      id_{answer_.id()},
      wishes_{wishes},
      is_bulky_{is_bulky},
      allowance_{std::move(allowance)} {}

void running_request::start(std::shared_ptr<const plan::plan> source, plan::program_options run_options,
                            std::size_t plan_bytes) {
    state_.counts().add(event::programs_run);
    const auto self = shared_from_this();
    const auto program =
        std::make_shared<plan::program>(is_bulky_ ? state_.bulk_scheduler() : state_.runs_on(), std::move(source),
                                        std::move(run_options), state_.bounds(), self);
    program->prepare();
    {
        const std::lock_guard guard{lock_};
        program_ = program;
    }
    const auto to = answer_.to();
    const bool is_gone = !to->work().add_request(self);
    program->memory().add(static_cast<std::ptrdiff_t>(plan_bytes + bytes_a_program));
    place_.enter(state_.memory(), to->work().share(), program);
    program->start();
    if (is_gone) {
        program->cancel({});
    }
}

bool running_request::cancel(const std::string& message) {
    const auto its_program = program();
    return its_program != nullptr && its_program->cancel(message);
}

std::shared_ptr<plan::program> running_request::program() const {
    const std::lock_guard guard{lock_};
    return program_;
}

void running_request::notify(const char* method, const value& params) {
    std::string text;
    protocol::append_notification(text, method, id_, params);
    answer_.to()->send(text);
}

void running_request::printed(std::string line) {
    if (!id_.is_absent()) {
        notify("output", {{"text", std::move(line)}});
    }
}

void running_request::children_counted(std::size_t count) {
    const std::lock_guard guard{lock_};
    wishes_.total = count;
}

void running_request::child_ended(std::size_t index, const plan::outcome& result) {
    const std::lock_guard guard{lock_};
    if (is_over_) {
        return;
    }
    ++done_;
    failed_ += result.has_value() ? 0 : 1;
    is_over_ = !result.has_value() && !wishes_.return_exceptions;
    if (id_.is_absent()) {
        return;
    }
    if (wishes_.streams) {
        value params = {{"index", index}};
        add_outcome(params, result);
        notify("completed", params);
    }
    if (wishes_.progress) {
        report_progress_in_time();
    }
}

/// Under lock_. The same numbers are sent once.
void running_request::report_progress(clock::time_point now) {
    if (last_progress_ && done_ == done_sent_ && failed_ == failed_sent_) {
        return;
    }
    last_progress_ = now;
    done_sent_ = done_;
    failed_sent_ = failed_;
    notify("progress", {{"total", wishes_.total}, {"done", done_}, {"failed", failed_}});
}

/// Under lock_. Sends the numbers now, or, if the last ones were sent too short a time ago, when that time is over.
void running_request::report_progress_in_time() {
    const auto now = clock::now();
    if (!last_progress_ || now - *last_progress_ >= *wishes_.progress) {
        report_progress(now);
    } else if (!std::exchange(is_progress_held_back_, true)) {
        progress_timer_.set(state_.runs_on(), *last_progress_ + *wishes_.progress - now, [self = weak_from_this()] {
            if (const auto request = self.lock()) {
                request->progress_is_due();
            }
        });
    }
}

void running_request::progress_is_due() {
    const std::lock_guard guard{lock_};
    is_progress_held_back_ = false;
    if (!is_over_) {
        report_progress(clock::now());
    }
}

void running_request::answer_result(value result) {
    if (wishes_.streams) {
        const std::lock_guard guard{lock_};
        result = {{"completed", done_ - failed_}, {"failed", failed_}};
    }
    std::string message;  // whole, so that a large result is written once
    try {
        executor::memory_account writing;
        const executor::memory_turn turn{&writing};
        protocol::append_result_head(message, id_);
        const std::size_t head = message.size();
        protocol::append_value(message, result);
        plan::take_apart({&result, 1});
        answer_with(answer_, message, head, state_.bounds());
    } catch (const memory_limit_exceeded&) {
        release_memory(message);
        answer_.error(out_of_memory());
    }
}

bool running_request::is_answer_wanted() const noexcept {
    const std::lock_guard guard{lock_};
    return program_ != nullptr && !id_.is_absent() && !answer_.to()->work().has_ended();
}

void running_request::ended(plan::program_end end) noexcept {
    if (!is_bulky_ && !is_long(end)) {
        answer_end(std::move(end));
        return;
    }
    state_.bulk().submit(answer_.to()->work().share(), shared_from_this(), &running_request::answer_end,
                         std::move(end));
}

void running_request::answer_end(plan::program_end end) {
    const auto self = shared_from_this();
    answer_.to()->work().remove_request(self);
    count_end(state_.counts(), end.how, allowance_.tasks());
    allowance_.release();
    place_.leave();
    std::shared_ptr<plan::program> program;  // let go when nobody holds our lock
    {
        const std::lock_guard guard{lock_};
        is_over_ = true;
        program = std::move(program_);
        if (wishes_.progress && !id_.is_absent()) {
            report_progress(clock::now());
            progress_timer_.cancel();
        }
    }
    end_watch(state_after(end.how));
    if (end.how == plan::program_end::way::returned) {
        answer_result(std::move(end.result.result()));
    } else {
        answer_.error(error_of(end, state_.bounds()));
    }
}

}  // namespace gatherd::api::server
