/// \file
/// The children of one gather, without the type of their results. A child becomes a task of its own only if it waits.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/scope_member.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

class worker;

/// What a gather does when a child ends by an exception, CancelledError included.
enum class on_failure {
    cancel_siblings,  ///< cancels the other children, waits until all have ended, raises the first exception
    leave_siblings,   ///< raises the exception at once; the other children run on in the scope: asyncio.gather
    go_on,            ///< nothing: an exception is a result, as with return_exceptions
};

/// How a child ended.
enum class child_end { returned, raised, cancelled };

/// Runs the children of one gather and counts their ends.
///
/// In a parallel scope a child costs a task only if it needs one. Before the awaiting task waits, it runs the children
/// itself, one after the other, each with a control block that the next child uses again. Meanwhile the children that
/// are left lie on top of the worker's queue as one item; a thief takes that item and goes on in the same way. A child
/// that has to wait keeps its block, joins the scope, and is a task like any other from then on. This is lazy task
/// creation as in Multilisp ("Lazy Task Creation", Mohr, Kranz, Halstead, 1990). If no child waits and none is stolen,
/// other threads see only the one queued item. In a serial scope each child is a task from the start.
///
/// This is why a gather counts the ends of its children itself and does not use task_ends: most children never are
/// tasks to which a continuation could be linked.
///
/// State       word_ = holders << 32 | children that have not ended. A holder is the awaiter, or a child's block that
///             has become a task. Whoever brings the word to 0 destroys the gathering.
///
/// Invariants  I1  each child is in one place: in a range, run by the thread that took it out, or a promoted task
///             I2  over_ is set once; whoever sets it, and finds a waiter, resumes it
///             I3  while a child that the scope does not know has not ended, one of these holds: the awaiting task is
///                 in the scope; the awaiting task runs; the gathering itself is in the scope (it was left early)
///
/// Edges       W   any: word_ exchange or sub, acq_rel  ->  the last: the same      all results, before the end
///
/// Lock order: the waiter's lock, a scope's, then this one.
class gathering : public wait_point, public scope_member {
public:
    /// For the awaiting task: cancels the children. Those that have not started never start.
    cancellation cancel(task_refs& awaited) noexcept final;
    /// The same for the scope.
    void ask_to_end(task_refs& to_cancel, const std::string& message, std::uint64_t request) final;

    /// Starts the children, in a step of the awaiting task. False: the gather is over already.
    bool await_suspend(detail::awaiting_coroutine at) noexcept;
    bool arm(task_state& waiter) noexcept final;
    void describe(wait_description& into) noexcept final;

    /// Ends the await. Raises the first exception, or the CancelledError of the awaiting task. Children that still run
    /// (on_failure::leave_siblings) stay with the scope.
    void await_resume();

    /// Gives up the awaiter's hold. This may destroy the gathering.
    void release() noexcept;

protected:
    gathering(task_scope& scope, std::size_t children, on_failure policy) noexcept
        : scope_{scope}, policy_{policy}, total_{children}, word_{holder + children}, first_{*this, 0, children} {}
    virtual ~gathering() = default;

    /// Takes the coroutine of a child, which is to be run or destroyed.
    [[nodiscard]] virtual std::coroutine_handle<> take_coroutine(std::size_t number) noexcept = 0;
    /// Takes the result out of a coroutine that has ended, and destroys the coroutine.
    virtual child_end collect(std::size_t number, std::coroutine_handle<> ended) noexcept = 0;
    /// Destroys a coroutine that never ran; its outcome is the exception.
    virtual void refuse(std::size_t number, std::coroutine_handle<> unstarted, std::exception_ptr reason) noexcept = 0;
    /// What a child raised, or null. After its end.
    [[nodiscard]] virtual std::exception_ptr exception_of(std::size_t number) noexcept = 0;
    /// Destroys all outcomes: the scope, whose memory they may use, is about to end.
    virtual void forget_outcomes() noexcept = 0;
    /// Ends this object.
    virtual void destroy() noexcept = 0;

private:
    class child;

    /// Children that have yet to start, from `next` up to `end`: the item that lies in the queues.
    struct child_range : work, pooled {
        child_range(gathering& parent, std::size_t first, std::size_t last) noexcept
            : work{&child_range::start}, owner{parent}, next{first}, end{last} {}
        static void start(work& item) noexcept;
        gathering& owner;
        std::size_t next;  // belongs to the thread that took the range out of a queue
        std::size_t end;
    };

    static constexpr std::uint64_t holder = std::uint64_t{1} << 32;
    static constexpr std::uint64_t left(std::uint64_t word) noexcept { return word & (holder - 1); }

    [[nodiscard]] std::uint64_t run(worker& here, child_range& range, bool awaiter_is_here) noexcept;
    [[nodiscard]] child* make_child() noexcept;
    void refuse_without_memory(std::size_t number, std::coroutine_handle<> unstarted) noexcept;
    void cut(worker& here, child_range& range) noexcept;
    void put_back(worker& here, child_range& range) const noexcept;
    void used_up(child_range& range) noexcept;
    [[nodiscard]] std::uint64_t refuse_rest(child_range& range) noexcept;
    void ended(std::uint64_t children) noexcept;
    void raised(std::size_t number, std::uint64_t request = 0) noexcept;
    void drop(std::uint64_t share) noexcept;
    void promote(child& waiting) noexcept;
    void unlink(child& ending) noexcept;
    void cancel_under_lock(const std::string& message, std::uint64_t request, task_refs& promoted) noexcept;

    static constexpr std::size_t not_one = static_cast<std::size_t>(-1);

    task_scope& scope_;
    const on_failure policy_;
    const std::size_t total_;
    detail::context_ref context_;             // the awaiter's, when it began to wait: each child starts with it
    bool takes_turns_ = false;                // the children of a root stand in line with other programs
    std::atomic<bool> cancelled_{false};      // written under lock_
    std::atomic<bool> is_over_early_{false};  // a hint for the awaiter, while it runs children
    std::atomic<std::uint64_t> word_;
    child_range first_;

    spin_lock lock_;
    bool over_ = false;  // under lock_, as all below
    bool all_ended_ = false;
    bool cancel_requested_ = false;   // by the awaiting task
    bool cancellation_wins_ = false;  // it came after the first exception, which would hide it
    bool in_scope_ = false;
    std::size_t raised_first_ = not_one;
    std::uint64_t raised_by_ = 0;  // if that child ended by CancelledError: the number of the request
    task_state* waiter_ = nullptr;
    child* first_promoted_ = nullptr;  // children that have waited and not ended
    child* last_promoted_ = nullptr;
    std::string message_;        // of the newest cancellation of the children, whatever its reason
    std::uint64_t request_ = 0;  // and its number
};

}  // namespace gatherd::executor
