/// \file
/// A task that create_task made: a program that lives beside the request that began it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/error.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/server/auth/identity.hpp"
#include "api/server/limits/memory_watch.hpp"
#include "api/server/limits/task_allowance.hpp"
#include "api/server/net/client_work.hpp"
#include "api/server/state/server_state.hpp"

namespace gatherd::api::server {

class connection;
class task_table;

/// The words of method status.
enum class task_phase : std::uint8_t { pending, running, done, failed, cancelled };
[[nodiscard]] const char* name_of(task_phase phase);

/// What became of a created task, as JSON text: its size is known, and each who asks gets the same.
struct task_end {
    task_phase phase = task_phase::done;  ///< done, failed or cancelled
    std::string text;                     ///< its result, or its ERROR without paths
    errc code{};                          ///< of a failure: what an await of this task answers
    std::string refusal{};                ///< of a failure: the body of that answer

    [[nodiscard]] bool has_value() const noexcept { return phase == task_phase::done; }
    [[nodiscard]] std::size_t bytes() const noexcept { return sizeof *this + text.capacity() + refusal.capacity(); }
};

/// A created task and, once it has ended, its result.
///
/// Threads: all members are safe from any thread. Shared by the table, its creator and whoever waits for it.
class created_task final : public plan::program_observer,
                           public owned_task,
                           public std::enable_shared_from_this<created_task> {
public:
    using clock = std::chrono::system_clock;
    using listener = std::function<void(const std::shared_ptr<created_task>&)>;

    struct options {
        std::string name;  ///< empty: the id serves
        bool is_detached = false;
        bool is_silent = false;  ///< a notification created it: nobody knows its id, and what it prints is dropped
        std::chrono::nanoseconds keep{0};
        std::shared_ptr<const identity> owner{};  ///< who created it
        std::shared_ptr<client_share> share{};    ///< of its client
        bool is_bulky = false;  ///< its result may be so large that taking it in is not a worker's work
    };

    created_task(server_state& state, task_table& table, std::string id, options chosen,
                 const std::shared_ptr<connection>& creator, task_allowance allowance);

    /// Runs the plan. Lines that it prints are held back until announce().
    /// `plan_bytes`: what the plan has allocated.
    void start(std::shared_ptr<const plan::plan> source, plan::program_options run_options, std::size_t plan_bytes);

    /// The answer that tells the id has been sent: what was printed may follow.
    void announce();

    /// Cancels it. False: it has ended.
    bool cancel(const std::string& message);

    /// Cancels it if the token that it was created with is one no more, also where it is detached.
    void look_at_owner();

    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] std::chrono::nanoseconds keep() const noexcept { return options_.keep; }
    [[nodiscard]] client_share& share() const noexcept { return *options_.share; }
    [[nodiscard]] const identity& owner() const noexcept { return *options_.owner; }

    /// Its state, as method status says it. Always agrees with end().
    [[nodiscard]] task_phase phase() const;

    /// Its result was given to somebody, or dropped: its creator need not stay for it.
    void settle();

    /// How it ended, or null while it runs. Stays what it is.
    [[nodiscard]] std::shared_ptr<const task_end> end() const;

    /// Calls back when it has ended: at once if it has. The number takes the wish back; 0: it was called at once.
    std::uint64_t when_ended(listener then);
    void forget_listener(std::uint64_t number) noexcept;

    /// `{"id", "name", "state", "created", "started", "finished"}`
    [[nodiscard]] value status() const;

    /// From now on its nodes are recorded; the record, which is kept with its result. Null: it ended before anybody
    /// watched. Throws std::bad_alloc.
    [[nodiscard]] std::shared_ptr<const plan::node_recorder> watch();

    // owned_task
    [[nodiscard]] bool has_ended() const override { return end() != nullptr; }
    void lose_creator() override;

    // program_observer
    void printed(std::string line) override;
    void child_ended(std::size_t, const plan::outcome&) override {}
    [[nodiscard]] bool wants_children() const noexcept override { return false; }
    [[nodiscard]] bool is_answer_wanted() const noexcept override;
    void call_failed(std::string_view function, std::string_view type) noexcept override {
        state_.failures().add(function, type);
    }
    void ended(plan::program_end end) noexcept override;

private:
    void take(plan::program_end end);
    [[nodiscard]] task_phase phase_now() const;
    void tell(const std::string& line);

    server_state& state_;
    task_table& table_;
    const std::string id_;
    const options options_;
    const clock::time_point created_ = clock::now();

    mutable std::mutex lock_;
    task_allowance allowance_;  // under lock_, as all below
    std::shared_ptr<plan::program> program_;
    std::weak_ptr<connection> creator_;
    bool is_announced_ = false;
    std::vector<std::string> held_back_;
    std::optional<clock::time_point> started_;
    std::optional<clock::time_point> finished_;
    std::shared_ptr<const task_end> end_;
    std::shared_ptr<const plan::node_recorder> record_;  // since its end: until then the program has it
    std::uint64_t last_number_ = 0;
    std::map<std::uint64_t, listener> listeners_;  // by number, that is in the order in which they came

    memory_watch::place place_;  // from its start to its end
};

}  // namespace gatherd::api::server
