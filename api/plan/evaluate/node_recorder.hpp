/// \file
/// What became of each node of a program that somebody watches.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/plan/evaluate/record_budget.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/context_var.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// How an evaluation of a node is known to its recorder: a number, in the order in which they were queued.
using record_id = std::uint32_t;
constexpr record_id no_record = ~record_id{0};

/// The recorded evaluation that the running task is inside of.
inline const executor::context_var<record_id> record_around{"record_around", no_record};

/// The first evaluations of a program's nodes since it is watched; of all others only how many they are. A node that
/// is evaluated again, by a retry or for another item of a map, has a record for each time.
///
/// Records are nobody's memory: watching a program must not end it, nor push out what others keep. While memory is
/// short nothing is recorded, and a record may be cut short for others (record_budget): then all but the root is
/// dropped, and counts as not recorded, like all that comes.
///
/// Threads: all members are safe from any thread. Memory: at most 10 000 records of a few hundred bytes, 2 KiB at the
/// most.
class node_recorder {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::size_t most_nodes = 10'000;
    static constexpr std::size_t most_text_bytes = 512;  ///< of a path, a message

    /// The root's record is there from the beginning: it began when the program did. `budget`: where its nodes count;
    /// null: nowhere.
    node_recorder(const node& root, clock::time_point began, std::shared_ptr<record_budget> budget = nullptr);
    ~node_recorder();
    node_recorder(const node_recorder&) = delete;
    node_recorder& operator=(const node_recorder&) = delete;

    // ---- for the evaluator: none of them throws, and all take `no_record`, for which they do nothing ----

    /// Whether another evaluation would be recorded.
    [[nodiscard]] bool has_room() const noexcept {
        return !is_full_.load(std::memory_order_relaxed) && !memory_limit::is_high();
    }

    /// An evaluation is to come, as part of the one in `record_around`. `item`: of the map whose task the node is.
    [[nodiscard]] record_id queue(place where, std::uint32_t item = place::no_item) noexcept;

    /// It has begun. Counts once, and only if that record is of `at`, or that is null.
    void start(record_id id, const node* at) noexcept;

    /// The arguments of a call are known only now. Likewise.
    void set_arguments(record_id id, const node& at, const function& callee, arguments given) noexcept;

    /// It has ended. Counts once.
    void end(record_id id, const outcome& result) noexcept;

    /// It ends without an outcome: it was cancelled, before its first step perhaps.
    void end_cancelled(record_id id) noexcept;

    /// An evaluation is not recorded, whatever room there is.
    void leave_out() noexcept { left_out_.fetch_add(1, std::memory_order_relaxed); }

    // ---- for who watches ----

    /// Rises with each change. 0: nothing has been recorded.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }

    /// Adds the members `nodes`, those that have changed since that version, and `nodes_not_recorded`.
    /// Cost: linear in the records; the program's tasks are held up for 64 of them at most.
    void describe(value& into, std::uint64_t since = 0) const;

    /// How many there are.
    [[nodiscard]] std::size_t size() const;

    /// How the root has ended: "done", "failed" or "cancelled"; "running" before.
    [[nodiscard]] const char* root_state() const;
    [[nodiscard]] bool has_ended() const;
    /// Precondition: it has.
    [[nodiscard]] clock::time_point ended_at() const;

private:
    friend class record_budget;

    enum class state : std::uint8_t { queued, running, finished, failed, cancelled };

    struct record {
        const node* at;  // only compared
        record_id parent = no_record;
        std::uint32_t item = place::no_item;  // of the map around, or of the map that it is a call of
        kind is{};
        state now = state::queued;
        std::uint64_t changed = 0;
        std::size_t arguments_bytes = 0;
        clock::time_point queued_at{};
        std::optional<clock::time_point> started_at{};
        std::optional<clock::time_point> ended_at{};
        std::string path{};
        std::string function{};
        std::string error_type{};
        std::string error_message{};
    };

    void cut_short() noexcept;
    void count(std::size_t bytes) noexcept;
    void make_room() noexcept;
    static record made(place where, std::uint32_t item, record_id parent, clock::time_point when);
    static const char* name_of(state its_state);
    void end_as(record_id id, state ending, const failure* reason) noexcept;
    void touch(record& changed) noexcept;
    [[nodiscard]] value described(record_id id) const;

    const clock::time_point began_;
    const std::shared_ptr<record_budget> budget_;
    std::optional<record_budget::list::iterator> in_budget_{};  // the budget's
    std::atomic<bool> is_full_{false};                          // only a hint, as the next
    std::atomic<std::uint64_t> left_out_{0};
    std::atomic<std::uint64_t> version_{0};  // changed under lock_

    mutable std::mutex lock_;
    std::deque<record> records_;  // under lock_, as the next two
    std::size_t bytes_ = 0;       // of the nodes beside the root, as the budget has them
    bool is_cut_short_ = false;
};

/// How many bytes the arguments of a call have as compact JSON, about: nothing is escaped, and of more than 4096 values
/// the rest is not counted. Cost: bounded.
[[nodiscard]] std::size_t json_bytes(const function& callee, arguments given) noexcept;

/// The same evaluation, with a record if the program is watched. A call's record starts when the call does, those of
/// other kinds at the first step.
[[nodiscard]] executor::task<outcome> recorded(place where, executor::task<outcome> evaluation, program& p,
                                               std::uint32_t item = place::no_item);

/// Evaluates at once, `make()` giving the outcome, with a record. Only in a program that is watched.
template <typename Make>
[[nodiscard]] outcome recorded_now(node_recorder& recorder, place where, const Make& make) {
    const record_id id = recorder.queue(where);
    if (id == no_record) {
        return make();
    }
    recorder.start(id, where.at);
    const auto around = record_around.scoped_set(id);
    outcome result = make();
    recorder.end(id, result);
    return result;
}

}  // namespace gatherd::api::plan
