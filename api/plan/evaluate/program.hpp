/// \file
/// One run of a plan: what asyncio.run is for a coroutine.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "api/plan/evaluate/call_times.hpp"
#include "api/plan/evaluate/node_recorder.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/plan.hpp"
#include "api/plan/model/python_random.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/task_scope.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::plan {

/// How a run is to go.
struct program_options {
    std::unique_ptr<python_random> generator{};         ///< seeded: one task at a time, and these draws
    std::optional<std::chrono::nanoseconds> timeout{};  ///< as wait_for(root, timeout)
    /// As many calls as its client may have on the blocking pool at once. None: as many as there are threads.
    std::shared_ptr<executor::semaphore> blocking_places{};
    caller client{};                           ///< who asked for it
    std::shared_ptr<record_budget> records{};  ///< where the record of its nodes counts, if it is watched
    std::shared_ptr<call_times> calls{};       ///< where its calls are counted; null: nowhere
};

/// How a run ended.
struct program_end {
    enum class way {
        returned,    ///< `result` has the root's value
        failed,      ///< `result` has its failure
        timed_out,   ///< the program's own timeout ended it
        cancelled,   ///< cancel() ended it
        over_limit,  ///< it exceeded `limit`
    };
    way how = way::returned;
    outcome result;
    const char* limit = nullptr;  ///< which: "limits.output_lines"
};

/// Who runs a program and wants to hear of it. Called from any thread: `printed` one call at a time, `child_ended` by
/// as many threads as run children, `ended` when both are over.
class program_observer {
public:
    virtual ~program_observer() = default;

    /// One line of `print`. None comes after `ended`.
    virtual void printed(std::string line) = 0;

    /// A child of the root gather or map has ended. Only asked for by wants_children.
    virtual void child_ended(std::size_t index, const outcome& result) = 0;
    [[nodiscard]] virtual bool wants_children() const noexcept = 0;

    /// The root is a map that runs so many children: told before any of them, where the plan did not say it. Only asked
    /// for by wants_children.
    virtual void children_counted(std::size_t /*count*/) {}

    /// Whether somebody still waits for the end. If not, a program that does not clean up is abandoned at once.
    [[nodiscard]] virtual bool is_answer_wanted() const noexcept { return true; }

    /// A call of that function has raised an error of that type. From any thread.
    virtual void call_failed(std::string_view /*function*/, std::string_view /*type*/) noexcept {}

    /// All tasks of the program have ended. The last call.
    virtual void ended(program_end end) noexcept = 0;
};

/// Draws for programs without a seed: seeded by the operating system, the calling thread's own.
[[nodiscard]] python_random& generator_of_this_thread();

/// A plan being run, with the scope of its tasks.
///
/// It keeps itself alive from start() until its observer was told the end, and longer while a thread that a cancelled
/// to_thread left behind still uses its plan.
///
/// Threads: all members are safe from any thread.
class program final : public call_context, public std::enable_shared_from_this<program>, private executor::task_scope {
public:
    program(executor::scheduler& threads, std::shared_ptr<const plan> source, program_options options,
            const limits& bounds, std::shared_ptr<program_observer> observer);
    ~program() override;

    /// Makes the root task, so that cancel() finds it. Once, before start().
    void prepare();

    /// Begins the run; the caller's worker takes it when its present work is done. Once.
    void start();

    /// Cancels the root, as Task.cancel. False: it has ended already.
    ///
    /// What still runs `limits.cleanup_time` after that, or after the end of the root, is cancelled again each second.
    /// The last of these rounds abandons the program: after `limits.cleanup_rounds`, or after the first if the observer
    /// wants no answer.
    bool cancel(const std::string& message) noexcept;

    /// Whether no node may start any more, since the program did not clean up in time.
    [[nodiscard]] bool is_abandoned() const noexcept { return is_abandoned_.load(std::memory_order_relaxed); }

    [[nodiscard]] const plan& source() const noexcept { return *plan_; }
    [[nodiscard]] bool is_seeded() const noexcept { return generator_ != nullptr; }
    [[nodiscard]] program_observer& observer() noexcept { return *observer_; }
    [[nodiscard]] const limits& bounds() const noexcept { return limits_; }
    [[nodiscard]] const std::shared_ptr<executor::semaphore>& blocking_places() const noexcept {
        return blocking_places_;
    }

    void print(std::string line) override;
    python_random& random() override;
    [[nodiscard]] caller client() const noexcept override { return client_; }
    [[nodiscard]] std::shared_ptr<executor::memory_account> account() override {
        return {shared_from_this(), &memory()};  // which keeps the program
    }
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept override {
        return deadline_;
    }

    /// The program goes beyond a limit of its own: it is cancelled, and that is its end.
    void exceed(const char* limit) noexcept override;

    void call_began() noexcept override;
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        observer_->call_failed(function, type);
    }

    /// There is no memory for it, by that limit: it is cancelled, and no node of it starts any more.
    void end_for_memory(const char* limit) noexcept;

    /// Whether no node of it may start any more.
    [[nodiscard]] bool has_no_memory() const noexcept { return memory().is_denied(); }

    using executor::task_scope::memory;

    /// A map begins whose items run so many tasks each. False: with it all maps of the program together have more than
    /// limits.plan_tasks, and the program is cancelled.
    [[nodiscard]] bool count_mapped(std::size_t items, std::size_t tasks_each) noexcept;

    /// From now on what becomes of its nodes is recorded. The record lives on after the program. Null: it has ended,
    /// and nobody had watched. Throws std::bad_alloc.
    [[nodiscard]] std::shared_ptr<const node_recorder> watch();

    /// What watch gave, or null if nobody has watched.
    [[nodiscard]] std::shared_ptr<const node_recorder> record() const;

    /// For the evaluator: null if nobody watches.
    [[nodiscard]] node_recorder* recorder() const noexcept { return recording_.load(std::memory_order_acquire); }

    /// Where its calls are counted; null: nowhere.
    [[nodiscard]] const std::shared_ptr<call_times>& calls() const noexcept { return calls_; }

    /// When it was started.
    [[nodiscard]] std::chrono::steady_clock::time_point began() const noexcept { return began_; }

private:
    struct root_watch : executor::continuation {
        explicit root_watch(program& watched) noexcept : continuation{&root_ended}, owner{watched} {}
        program& owner;
    };

    static void root_ended(executor::continuation& watch, executor::task_state& root) noexcept;
    void on_drained() noexcept override;
    void request_cancel(program_end::way reason, const std::string& message) noexcept;
    void begin_clean_up() noexcept;
    void arm_clean_up(std::chrono::nanoseconds delay) noexcept;
    void begin_clean_up_round() noexcept;
    [[nodiscard]] program_end end_of(outcome result) noexcept;
    void end_root_record() noexcept;

    std::shared_ptr<const plan> plan_;
    std::unique_ptr<python_random> generator_;  // of 2.5 KB, which few programs have
    std::optional<std::chrono::nanoseconds> timeout_;
    std::optional<std::chrono::steady_clock::time_point> deadline_{};  // when that is over; set before the start
    std::shared_ptr<executor::semaphore> blocking_places_;
    const caller client_;
    const std::shared_ptr<record_budget> record_budget_;
    const std::shared_ptr<call_times> calls_;
    const limits& limits_;
    std::shared_ptr<program_observer> observer_;
    std::shared_ptr<program> alive_;  // from start to the end
    root_watch watch_{*this};
    executor::task_handle<outcome> root_;

    std::mutex timer_lock_;
    executor::timer timeout_timer_;   // set before the start, under timer_lock_ afterwards
    executor::timer clean_up_timer_;  // under timer_lock_, as all below
    bool is_cleaning_up_ = false;
    bool is_over_ = false;
    std::string cancel_message_;  // of the first cancellation

    std::size_t clean_up_rounds_ = 0;  // of the timer's callback
    std::atomic<bool> is_abandoned_{false};
    std::atomic<program_end::way> cancelled_by_{program_end::way::returned};  // returned: by nobody
    std::atomic<const char*> exceeded_{nullptr};
    std::atomic<std::size_t> mapped_tasks_{0};                                        // only counted
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();  // set before the start
    mutable std::mutex watch_lock_;
    bool is_result_taken_ = false;                    // under watch_lock_, as the next
    std::shared_ptr<node_recorder> record_;           // set once
    std::atomic<node_recorder*> recording_{nullptr};  // released where that is set
    std::mutex output_lock_;
    std::size_t lines_ = 0;   // under output_lock_, as the next
    bool is_silent_ = false;  // ended: a thread left behind prints for nobody
};

}  // namespace gatherd::api::plan
