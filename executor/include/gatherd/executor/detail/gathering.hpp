/// \file
/// The children of one gather: started where the gather waits, made tasks of their own only where they wait.
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

/// When a gather is over.
enum class gather_until {
    first_exception,  ///< when any child has raised, or all have ended: asyncio.gather
    all_ended,        ///< with return_exceptions
};

/// How a child ended.
enum class child_end { returned, raised, cancelled };

/// What a gather does with its children, without the type of their results. In a parallel scope; a serial one makes
/// each a task of its own.
///
/// A child costs a task only if it needs one. The awaiting task runs the children itself, one after the other, each as
/// a task (with a control block that is used again for the next), before it waits at all. What is left while it does
/// lies on top of its worker's queue of new work, as one piece: a thief takes the rest and goes on likewise. A child
/// that comes to a wait keeps its block, joins the scope, and is from then on a task like any other: lazy task
/// creation, as in Multilisp ("Lazy Task Creation", Mohr, Kranz, Halstead, 1990). A gather whose children never wait
/// and are not stolen touches nothing that other threads see, but for that one piece.
///
/// State       word_ = holders << 32 | children that have not ended. A holder is the awaiter, or a child's block that
///             has been given away. The last of all ends the gathering.
///
/// Invariants  I1  each child is in one place: in a portion, run by who took it out, or a promoted task
///             I2  over_ is set once; who sets it, and finds a waiter, resumes it
///             I3  while a child that the scope does not know has not ended, the task that awaits the gathering is in
///                 the scope, or runs, or the gathering itself is in it (a gather that was left early)
///
/// Edges       W   any: word_ exchange or sub, acq_rel  ->  the last: the same      all results, before the end
///
/// Lock order: the waiter's lock, a scope's, then this one.
class gathering : public wait_point, public scope_member {
public:
    /// Asks the children to end: those that have not started never will. For the awaiting task and for the scope.
    cancellation cancel(task_refs& awaited) noexcept final;
    void ask_to_end(task_refs& to_cancel, const std::string& message, std::uint64_t request) final;

    /// Starts the children, in a step of the awaiting task. False: the gather is over already.
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    bool arm(task_state& waiter) noexcept final;

    /// What the awaiting task is told when it goes on. Raises the first exception, or what the awaiting task's own
    /// cancellation asks for. Children that still run stay with the scope.
    void await_resume();

    /// The awaiter's end. By the end of this the gathering may have ended.
    void release() noexcept;

protected:
    gathering(task_scope& scope, std::size_t children, gather_until until) noexcept
        : scope_{scope}, until_{until}, word_{holder + children}, first_{*this, 0, children} {}
    virtual ~gathering() = default;

    /// Takes the coroutine of a child, which is to run or to be destroyed.
    [[nodiscard]] virtual std::coroutine_handle<> take_coroutine(std::size_t number) noexcept = 0;
    /// Takes the result out of a coroutine that has ended, and destroys it.
    virtual child_end collect(std::size_t number, std::coroutine_handle<> ended) noexcept = 0;
    /// Destroys a coroutine that never ran; its outcome is the exception.
    virtual void refuse(std::size_t number, std::coroutine_handle<> unstarted, std::exception_ptr why) noexcept = 0;
    /// What a child raised, or null. After its end.
    [[nodiscard]] virtual std::exception_ptr exception_of(std::size_t number) const noexcept = 0;
    /// Destroys all outcomes: the scope, whose memory they may use, is about to end.
    virtual void forget_outcomes() noexcept = 0;
    /// Ends this object.
    virtual void destroy() noexcept = 0;

private:
    class child;

    /// Children that have yet to start, a range of them: what lies in the queues.
    struct portion : work, pooled {
        portion(gathering& g, std::size_t from, std::size_t to) noexcept
            : work{&portion::start}, of{g}, next{from}, end{to} {}
        static void start(work& item) noexcept;
        gathering& of;
        std::size_t next;  // of the thread that took it out of a queue
        std::size_t end;
    };

    static constexpr std::uint64_t holder = std::uint64_t{1} << 32;
    static constexpr std::uint64_t left(std::uint64_t word) noexcept { return word & (holder - 1); }

    [[nodiscard]] std::uint64_t run(worker& here, portion& some, bool awaiter_is_here) noexcept;
    [[nodiscard]] child* make_child() noexcept;
    void refuse_without_memory(std::size_t number, std::coroutine_handle<> unstarted) noexcept;
    void cut(worker& here, portion& some) noexcept;
    void put_back(worker& here, portion& some) const noexcept;
    void used_up(portion& some) noexcept;
    [[nodiscard]] std::uint64_t refuse_rest(portion& some) noexcept;
    void ended(std::uint64_t children) noexcept;
    void raised(std::size_t which, std::uint64_t request = 0) noexcept;
    void drop(std::uint64_t what) noexcept;
    void promote(child& waits) noexcept;
    void unlink(child& ends) noexcept;

    static constexpr std::size_t not_one = static_cast<std::size_t>(-1);

    task_scope& scope_;
    const gather_until until_;
    bool takes_turns_ = false;            // the children of a root stand in line with other programs
    std::atomic<bool> cancelled_{false};  // written under lock_
    std::atomic<bool> raised_{false};     // a hint for the awaiter, while it runs children
    std::atomic<std::uint64_t> word_;
    portion first_;

    spin_lock lock_;
    bool over_ = false;  // under lock_, as all below
    bool all_ended_ = false;
    bool cancel_requested_ = false;
    bool in_scope_ = false;
    std::size_t raised_first_ = not_one;
    std::uint64_t raised_by_ = 0;  // the request that the first to raise was cancelled by, or 0
    task_state* waiter_ = nullptr;
    child* first_promoted_ = nullptr;  // children that have waited and not ended
    child* last_promoted_ = nullptr;
    std::string message_;        // of the cancel
    std::uint64_t request_ = 0;  // and which it was
};

}  // namespace gatherd::executor
