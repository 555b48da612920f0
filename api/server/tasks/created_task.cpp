#include "api/server/tasks/created_task.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/json_writer.hpp"
#include "api/protocol/response.hpp"
#include "api/release_memory.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"
#include "api/server/tasks/outcome_text.hpp"
#include "api/server/tasks/task_table.hpp"
#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::server {

const char* name_of(task_phase phase) {
    switch (phase) {
        case task_phase::pending:
            return "pending";
        case task_phase::running:
            return "running";
        case task_phase::done:
            return "done";
        case task_phase::failed:
            return "failed";
        case task_phase::cancelled:
            break;
    }
    return "cancelled";
}

namespace {

value unix_seconds(const std::optional<created_task::clock::time_point>& when) {
    if (!when) {
        return nullptr;
    }
    return std::chrono::duration<double>{when->time_since_epoch()}.count();
}

void fail(task_end& made, const error& why, std::string text) {
    made.phase = task_phase::failed;
    made.text = std::move(text);
    made.code = why.code;
    made.refusal.clear();
    protocol::append_error_body(made.refusal, why);
}

void fail_by_limit(task_end& made, const error& why) {
    std::string text;
    protocol::append_value(text, {{"type", "LimitError"}, {"message", why.message}});
    fail(made, why, std::move(text));
}

/// May throw memory_limit_exceeded.
void describe_end(task_end& made, plan::program_end& end, const limits& bounds) {
    using way = plan::program_end::way;
    if (end.how == way::over_limit) {
        fail_by_limit(made, error_of(end, bounds));
        return;
    }
    if (end.result.has_value()) {
        protocol::append_value(made.text, end.result.result());
        end.result = {};
        if (made.text.size() > bounds.result_bytes) {
            fail_by_limit(made, over_limit("limits.result_bytes", bounds.result_bytes));
        }
        return;
    }
    std::string text;
    protocol::append_value(text, plan::describe(*end.result.reason()));
    fail(made, error_of({way::failed, end.result, nullptr}, bounds), std::move(text));
    if (end.result.reason()->is_cancellation()) {
        made.phase = task_phase::cancelled;
    }
}

task_end text_of(plan::program_end end, const limits& bounds) {
    task_end made;
    try {
        executor::memory_account writing;
        const executor::memory_turn turn{&writing};
        describe_end(made, end, bounds);
        memory_limit::check(made.text.size());
        made.text.shrink_to_fit();
    } catch (const memory_limit_exceeded&) {
        release_memory(made.text);
        fail_by_limit(made, out_of_memory());
    }
    return made;
}

}  // namespace

created_task::created_task(server_state& state, task_table& table, std::string id, options chosen,
                           const std::shared_ptr<connection>& creator, task_allowance allowance)
    : state_{state},
      table_{table},
      id_{std::move(id)},
      options_{std::move(chosen)},
      allowance_{std::move(allowance)},
      creator_{creator} {}

void created_task::start(std::shared_ptr<const plan::plan> source, plan::program_options run_options,
                         std::size_t plan_bytes) {
    state_.counts().add(event::programs_run);
    state_.counts().add(event::created_tasks_run);
    const auto program =
        std::make_shared<plan::program>(options_.is_bulky ? state_.bulk_scheduler() : state_.runs_on(),
                                        std::move(source), std::move(run_options), state_.bounds(), shared_from_this());
    program->prepare();
    program->memory().add(static_cast<std::ptrdiff_t>(plan_bytes + bytes_a_program));
    place_.enter(state_.memory(), options_.share, program);
    {
        const std::lock_guard guard{lock_};
        program_ = program;
        started_ = clock::now();
    }
    program->start();
    look_at_owner();  // who may have been revoked since the request was let in
}

void created_task::announce() {
    std::vector<std::string> lines;
    {
        const std::lock_guard guard{lock_};
        is_announced_ = true;
        lines = std::move(held_back_);
        for (const std::string& line : lines) {  // under the lock: lines that are printed now come after
            tell(line);
        }
    }
}

/// Under lock_.
void created_task::tell(const std::string& line) {
    if (const auto to = creator_.lock()) {
        std::string text;
        protocol::append_notification(text, "output", {{"task", id_}, {"text", line}});
        to->send(text);
    }
}

void created_task::printed(std::string line) {
    if (options_.is_silent) {
        return;
    }
    const std::lock_guard guard{lock_};
    if (is_announced_) {
        tell(line);
    } else {
        held_back_.push_back(std::move(line));
    }
}

bool created_task::cancel(const std::string& message) {
    std::shared_ptr<plan::program> program;
    {
        const std::lock_guard guard{lock_};
        program = program_;
    }
    return program != nullptr && program->cancel(message);
}

void created_task::lose_creator() {
    {
        const std::lock_guard guard{lock_};
        creator_.reset();
    }
    if (!options_.is_detached) {
        cancel({});
    }
}

void created_task::settle() {
    std::shared_ptr<connection> creator;
    {
        const std::lock_guard guard{lock_};
        creator = creator_.lock();
    }
    if (creator != nullptr) {
        creator->remove_task(shared_from_this());
    }
}

void created_task::look_at_owner() {
    if (options_.owner != nullptr && options_.owner->is_revoked()) {
        cancel("the token was revoked");
    }
}

task_phase created_task::phase() const {
    const std::lock_guard guard{lock_};
    return phase_now();
}

/// Under lock_.
task_phase created_task::phase_now() const {
    if (end_ == nullptr) {
        return started_ ? task_phase::running : task_phase::pending;
    }
    return end_->phase;
}

std::shared_ptr<const task_end> created_task::end() const {
    const std::lock_guard guard{lock_};
    return end_;
}

std::uint64_t created_task::when_ended(listener then) {
    {
        const std::lock_guard guard{lock_};
        if (end_ == nullptr) {
            listeners_.emplace(++last_number_, std::move(then));
            return last_number_;
        }
    }
    then(shared_from_this());
    return 0;
}

void created_task::forget_listener(std::uint64_t number) noexcept {
    const std::lock_guard guard{lock_};
    listeners_.erase(number);
}

value created_task::status() const {
    const std::lock_guard guard{lock_};
    return {{"id", id_},
            {"name", options_.name.empty() ? id_ : options_.name},
            {"state", name_of(phase_now())},
            {"created", unix_seconds(created_)},
            {"started", unix_seconds(started_)},
            {"finished", unix_seconds(finished_)}};
}

std::shared_ptr<const plan::node_recorder> created_task::watch() {
    const std::lock_guard guard{lock_};
    return program_ != nullptr ? program_->watch() : record_;
}

bool created_task::is_answer_wanted() const noexcept {
    const std::lock_guard guard{lock_};
    return !creator_.expired() || !listeners_.empty();
}

void created_task::ended(plan::program_end end) noexcept {
    if (!options_.is_bulky && !is_long(end)) {
        take(std::move(end));
        return;
    }
    state_.bulk().submit(options_.share, shared_from_this(), &created_task::take, std::move(end));
}

void created_task::take(plan::program_end end) {
    const auto self = shared_from_this();
    const auto ending = end.how;
    if (ending == plan::program_end::way::over_limit) {
        state_.counts().add_limit(end.limit);
    }
    const auto made = std::make_shared<const task_end>(text_of(std::move(end), state_.bounds()));
    std::map<std::uint64_t, listener> listeners;
    std::shared_ptr<plan::program> program;  // its plan goes when nobody holds our lock
    {
        const std::lock_guard guard{lock_};
        end_ = made;
        record_ = program_ != nullptr ? program_->record() : nullptr;
        finished_ = clock::now();
        listeners.swap(listeners_);
        program = std::move(program_);
        count_end(state_.counts(), ending, allowance_.tasks());
        allowance_.release();
    }
    place_.leave();
    table_.finish(self, made->bytes() + options_.name.capacity());
    const bool tell_all_at_once =
        listeners.size() <= items_a_turn && listeners.size() * made->bytes() <= bytes_made_a_turn;
    const auto tell_all = [self, listeners = std::move(listeners)] {
        for (const auto& [number, then] : listeners) {
            then(self);
        }
    };
    if (tell_all_at_once) {
        tell_all();
    } else {
        state_.bulk().submit(options_.share, tell_all);
    }
}

}  // namespace gatherd::api::server
