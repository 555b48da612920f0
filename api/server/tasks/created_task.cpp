#include "api/server/tasks/created_task.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/protocol/json_writer.hpp"
#include "api/protocol/response.hpp"
#include "api/server/limits/footprint.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "api/server/methods/outcome_text.hpp"
#include "api/server/net/connection.hpp"
#include "api/server/net/turn.hpp"

namespace gatherd::api::server {
namespace {

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

value unix_seconds(const std::optional<created_task::clock::time_point>& when) {
    if (!when) {
        return nullptr;
    }
    return std::chrono::duration<double>{when->time_since_epoch()}.count();
}

/// About how much memory a result holds.
std::size_t size_of(const task_end& end) {
    return sizeof end + (end.result.has_value() ? footprint(end.result.result()) : 0);
}

/// No value is longer as text than so many times what it holds: a control character becomes six.
constexpr std::size_t times_as_text = 6;

/// Whether a result would be longer as text than it may be.
bool is_text_longer(const plan::outcome& result, std::size_t most) {
    if (!result.has_value() || footprint(result.result()) < most / times_as_text) {
        return false;  // far from it
    }
    std::string text;
    protocol::append_value(text, result.result());
    return text.size() > most;
}

}  // namespace

created_task::created_task(service& of, std::string id, options how, const std::shared_ptr<connection>& creator,
                           task_allowance allowance)
    : service_{of}, id_{std::move(id)}, how_{std::move(how)}, allowance_{std::move(allowance)}, creator_{creator} {}

void created_task::start(std::shared_ptr<const plan::plan> what, plan::program_options how) {
    service_.counts().add(event::programs_run);
    service_.counts().add(event::created_tasks_run);
    const auto program =
        std::make_shared<plan::program>(how_.is_bulky ? service_.bulk_scheduler() : service_.runs_on(), std::move(what),
                                        std::move(how), service_.bounds(), shared_from_this());
    program->prepare();
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
    if (how_.is_silent) {
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
    if (!how_.is_detached) {
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
    if (how_.owner != nullptr && how_.owner->is_revoked()) {
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
    if (end_->result.has_value()) {
        return task_phase::done;
    }
    return end_->result.reason()->is_cancellation() ? task_phase::cancelled : task_phase::failed;
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
            {"name", how_.name.empty() ? id_ : how_.name},
            {"state", name_of(phase_now())},
            {"created", unix_seconds(created_)},
            {"started", unix_seconds(started_)},
            {"finished", unix_seconds(finished_)}};
}

bool created_task::is_answer_wanted() const noexcept {
    const std::lock_guard guard{lock_};
    return !creator_.expired() || !listeners_.empty();
}

void created_task::ended(plan::program_end end) noexcept {
    if (!how_.is_bulky && !is_long(end)) {
        take(std::move(end));
        return;
    }
    service_.bulk().submit(shared_from_this(), &created_task::take, std::move(end));
}

void created_task::take(plan::program_end end) {
    const auto self = shared_from_this();
    const auto how = end.how;
    auto made = std::make_shared<task_end>();
    if (end.how == plan::program_end::way::over_limit) {
        made->refusal = error_of(end, service_.bounds());
    } else if (!end.result.has_value()) {
        made->refusal = error_of({plan::program_end::way::failed, end.result, nullptr}, service_.bounds());
    }
    made->result = std::move(end.result);
    std::size_t bytes = size_of(*made);
    if (is_text_longer(made->result, service_.bounds().result_bytes)) {
        made->refusal = over_limit("limits.result_bytes", service_.bounds().result_bytes);
    }
    if (made->refusal && made->refusal->code == errc::limit_exceeded) {
        made->result = plan::failure{"LimitError", made->refusal->message};
        bytes = sizeof *made;
    }
    std::map<std::uint64_t, listener> listeners;
    std::shared_ptr<plan::program> program;  // its plan goes when nobody holds our lock
    {
        const std::lock_guard guard{lock_};
        end_ = std::move(made);
        finished_ = clock::now();
        listeners.swap(listeners_);
        program = std::move(program_);
        count_end(service_.counts(), how, allowance_.tasks());
        allowance_.release();
    }
    service_.tasks().finish(self, bytes);
    memory_.release();  // from here on it is a kept result
    const bool tell_all_at_once = listeners.size() <= items_a_turn;
    const auto tell_all = [self, listeners = std::move(listeners)] {
        for (const auto& [number, then] : listeners) {
            then(self);
        }
    };
    if (tell_all_at_once) {
        tell_all();
    } else {
        service_.bulk().submit(tell_all);
    }
}

}  // namespace gatherd::api::server
