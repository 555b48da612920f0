/// \file
/// Runs of plans on a scheduler of their own, and what they came to.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/plan/evaluate/program.hpp"
#include "api/protocol/json_writer.hpp"
#include "checked.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::plan::tests {

/// How a run ended, as text.
struct run_end {
    program_end::way how = program_end::way::returned;
    std::string result;  ///< JSON: the value, or the ERROR with its paths
    std::vector<std::string> output{};
    std::vector<std::pair<std::size_t, std::string>> children{};  ///< in the order of their ends
};

/// What a run's outcome looks like as JSON.
inline std::string text_of(const outcome& o) {
    std::string text;
    protocol::append_value(text, o.has_value() ? o.result() : describe_with_paths(*o.reason()));
    return text;
}

/// Hears of a run. `end` is ready when all its tasks have ended.
///
/// Threads: children may end on several at a time; what the callbacks write is read after `end` was waited for.
class recorder final : public program_observer {
public:
    explicit recorder(limits bounds = {}, bool wants_children = false)
        : bounds_{bounds}, wants_children_{wants_children} {}

    void printed(std::string line) override {
        if (!has_begun_) {
            has_begun_ = true;
            first_line_.set_value();
        }
        made_.output.push_back(std::move(line));
    }
    void child_ended(std::size_t index, const outcome& result) override {
        const std::lock_guard guard{children_lock_};
        made_.children.emplace_back(index, text_of(result));
    }
    [[nodiscard]] bool wants_children() const noexcept override { return wants_children_; }
    [[nodiscard]] bool is_answer_wanted() const noexcept override { return !is_gone_; }
    void ended(program_end end) noexcept override {
        made_.how = end.how;
        made_.result = text_of(end.result);
        ended_.set_value(std::move(made_));
    }

    [[nodiscard]] run_end wait() { return ended_.get_future().get(); }
    /// Until the plan has printed something.
    void wait_for_a_line() { first_line_.get_future().wait(); }
    [[nodiscard]] const limits& bounds() const noexcept { return bounds_; }
    /// Nobody waits for the answer any more.
    void leave() noexcept { is_gone_ = true; }

private:
    limits bounds_;
    bool wants_children_;
    std::atomic<bool> is_gone_{false};
    std::mutex children_lock_;
    run_end made_;
    bool has_begun_ = false;
    std::promise<void> first_line_;
    std::promise<run_end> ended_;
};

/// Two workers, and the programs that run there.
class plan_runner {
public:
    explicit plan_runner(const registry& functions = standard(), std::size_t max_tasks = 1000)
        : functions_{functions}, max_tasks_{max_tasks} {}

    /// A program under way. Throws std::invalid_argument where the plan is refused.
    std::shared_ptr<program> start(std::string_view task, const std::shared_ptr<recorder>& who,
                                   program_options how = {}) {
        auto made = checked(task, max_tasks_, functions_);
        if (!made) {
            throw std::invalid_argument{made.reason().message};
        }
        auto started = std::make_shared<program>(scheduler_, std::move(*made), std::move(how), who->bounds(), who);
        started->prepare();
        started->start();
        return started;
    }

    run_end run(std::string_view task, program_options how = {}, limits bounds = {}) {
        const auto who = std::make_shared<recorder>(bounds);
        start(task, who, std::move(how));
        return who->wait();
    }

    /// The result's JSON. Of a failure the JSON of its ERROR.
    std::string result(std::string_view task) { return run(task).result; }

private:
    const registry& functions_;
    std::size_t max_tasks_;
    executor::scheduler scheduler_{{.workers = 2, .blocking_threads = 4}};
};

}  // namespace gatherd::api::plan::tests
