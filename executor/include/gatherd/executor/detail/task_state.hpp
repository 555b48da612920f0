/// \file
/// A running task, without the type of its result: what the scheduler, its waiters and cancel() see of it.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/awaiting_coroutine.hpp"
#include "gatherd/executor/detail/context.hpp"
#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/reserve.hpp"
#include "gatherd/executor/detail/scope_member.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/wait_description.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

class task_notes;
class task_scope;
class task_state;

/// A counted reference to a task.
class task_ref {
public:
    task_ref() noexcept = default;
    explicit task_ref(task_state* state) noexcept;
    struct adopted {};
    task_ref(task_state* state, adopted) noexcept : state_{state} {}  ///< takes over a reference that the caller has
    task_ref(const task_ref& other) noexcept : task_ref{other.state_} {}
    task_ref(task_ref&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
    task_ref& operator=(task_ref other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~task_ref();

    [[nodiscard]] task_state* get() const noexcept { return state_; }
    task_state* operator->() const noexcept { return state_; }
    task_state& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    task_state* state_ = nullptr;
};

/// One party's wish to be told when a task has ended. Intrusive: linked in the task under its lock.
struct continuation {
    using fire_function = void (*)(continuation&, task_state&) noexcept;

    explicit continuation(fire_function on_end) noexcept : fire{on_end} {}

    fire_function fire;  ///< called once, without any lock; may end the life of this object
    continuation* next = nullptr;
    continuation* previous = nullptr;
};

/// What a task waits for, so that cancel() can end the waiting. It lives in the waiting coroutine's frame.
///
/// All functions are called under the waiting task's lock, and may take the lock of what is waited for.
class wait_point {
public:
    enum class cancellation {
        detached,   ///< it waits no longer; the caller resumes it, and CancelledError is raised there
        too_late,   ///< what it waited for has just come; the task is being resumed by that
        forwarded,  ///< it awaits other tasks: cancel those instead, as asyncio does
        passed_on,  ///< what it waits for has taken the request, and will raise; `awaited` are to be cancelled besides
    };

    /// Begins the wait. False: there is nothing to wait for, the task goes on at once.
    virtual bool arm(task_state& waiter) noexcept = 0;

    /// Ends it. For `forwarded` and `passed_on`, adds the tasks to cancel, none that has ended.
    virtual cancellation cancel(task_refs& awaited) noexcept = 0;

    /// Tells what it is, for dump_tasks. Allocates nothing.
    virtual void describe(wait_description& /*into*/) noexcept {}

protected:
    ~wait_point() = default;
};

/// The control block of a task: asyncio's Task. Made by create_task, counted by references.
///
/// State      ready --step--> running --suspend--> waiting --resume--> ready ...  running --> ended
///
/// One thread at a time runs its steps, a different one each time perhaps. A step holds no lock.
///
/// Invariants I1  waiting_ is set from the end of arm until the next step begins or cancel detaches it
///            I2  a waiting task is made ready exactly once: by what it waits for, or by a cancel that detached it
///            I3  a cancel that comes between is kept in must_cancel_ and raised where the task waits next, or where
///                its step begins, whichever is first; a task that returns without either ends cancelled: asyncio's
///                _must_cancel
///            I4  one request, which may reach a task by several ways, raises one CancelledError there; its number
///                tells
///
/// Its scope lists it from its creation on; a child of a gather from its first wait on: see gathering.hpp.
///
/// Edges      E   the end: word_ exchange or or, release  ->  ended(): acquire      the result is visible
///            R   release(): word_ sub, acq_rel  ->  the last one's load or sub     all uses come before the end of it
///
/// Evidence   tests/model/cancellation.pml (spin: every interleaving of two workers and two cancels); tests/stress
/// (TSan)
///
/// Lock order: that of a scope's list, a task's, that of what it waits for (a task that it awaits, a group, a timer
/// wheel).
class task_state : public scope_member, public work {
public:
    virtual ~task_state() {
        if (notes_.load(std::memory_order_acquire) != nullptr) [[unlikely]] {  // N
            drop_notes();
        }
    }

    // ---- for everybody -------------------------------------------------------------------------

    [[nodiscard]] bool ended() const noexcept { return (word_.load(std::memory_order_acquire) & is_over) != 0; }  // E

    /// Whether it has run up to its first wait, or has ended.
    [[nodiscard]] bool has_waited() const noexcept { return ended() || has_waited_.load(std::memory_order_acquire); }

    /// Asks the task to end by CancelledError where it waits: asyncio's Task.cancel. False: it has ended already.
    /// A task that awaits others passes the request on to them, to many as cancel_each does. Never waits; a chain of
    /// any length needs no stack.
    bool cancel(const std::string& message = {}) noexcept;

    /// Cancels all of them as one: a task that several of them await, or that is named twice, is asked once. On
    /// asyncio's one thread that is what a loop of cancels does; here a task that was asked could begin its clean-up in
    /// between, and the next request would interrupt it; so would one that a task gets after another of them, which it
    /// awaits, has ended by the same.
    ///
    /// Linear in what is reached. On a worker, what it reaches beyond cancellation_walk::piece tasks it reaches later,
    /// in pieces between other work. A serial scope whose step calls this runs none of its tasks before that is done.
    ///
    /// `request`: the number of the request that this cancellation follows from (cancelled_error::request), so that a
    /// task which that request has reached already is not interrupted again. 0: a new request.
    static void cancel_each(std::span<const task_ref> tasks, const std::string& message,
                            std::uint64_t request = 0) noexcept;

    /// How many requests to cancel it have been made and not been taken back: asyncio's Task.cancelling. More than 0
    /// after a CancelledError was caught means that a cancellation was swallowed.
    [[nodiscard]] std::uint32_t cancelling() const noexcept;

    /// Takes one request back, for who made it, and gives how many are left: asyncio's Task.uncancel. With the last,
    /// one that has not been raised yet is forgotten, as in CPython 3.13: here it may come while the task runs.
    std::uint32_t uncancel() noexcept;

    /// Links a continuation. False: the task has ended, and nothing will be fired.
    bool add_continuation(continuation& node) noexcept;

    /// Unlinks it. False: it has been fired, or is about to be.
    bool remove_continuation(continuation& node) noexcept;

    /// Whether it ended by an exception, CancelledError included. Only after it ended.
    [[nodiscard]] virtual bool failed() const noexcept = 0;

    /// Whether it ended by CancelledError. Only after it ended.
    [[nodiscard]] virtual bool cancelled() const noexcept = 0;

    /// The exception that it ended by, CancelledError included, or null. Only after it ended. Whoever asks has
    /// retrieved it: see unretrieved_exception.hpp.
    [[nodiscard]] virtual std::exception_ptr exception() const noexcept = 0;

    [[nodiscard]] task_scope& scope() const noexcept { return *scope_; }

    /// Whether another task created it.
    [[nodiscard]] bool is_child() const noexcept { return is_child_; }

    /// The name that it was given or asked for, or an empty one.
    [[nodiscard]] std::string given_name() const;

    /// Whether the caller's reference is the only one: all others have been given up, with all their uses.
    [[nodiscard]] bool has_one_reference() const noexcept {
        return is_last(word_.load(std::memory_order_acquire));
    }  // R

    /// Its name and the callbacks for its end. The first call allocates them. Throws std::bad_alloc.
    [[nodiscard]] task_notes& notes();

    // ---- for awaitables, in a step of this task ------------------------------------------------

    /// The values of its context variables, of which created tasks get a copy. In its own steps only.
    [[nodiscard]] detail::context_ref& context() noexcept { return context_; }

    /// The task whose step runs on this thread. Only inside one.
    [[nodiscard]] static task_state& current() noexcept {
        worker* const w = worker::current();
        if (w == nullptr || w->running == nullptr) {
            end_for_misuse("only inside a task");
        }
        return *w->running;
    }

    /// Suspends the task at `point`. False: it goes on at once, so await_suspend returns this value.
    bool suspend(std::coroutine_handle<> at, wait_point& point) noexcept;

    /// As suspend, for an await that may find at once what it waits for. A step may have only so many of those in a
    /// row: then other work goes first, and the await begins anew after it. Nothing is taken before that, so a
    /// cancellation loses nothing; in a serial scope no other task of it runs in between. tokio calls this cooperative
    /// scheduling.
    bool suspend_within_budget(std::coroutine_handle<> at, wait_point& point) noexcept;

    /// Suspends the task at `at` and puts it at the end of the line. By the end of this it may run on another thread.
    /// False: nobody else is ready here, and it goes on at once, so await_suspend returns this value.
    bool go_to_the_end_of_the_line(std::coroutine_handle<> at) noexcept;

    /// The running task is about to wait for this one. If it has yet to start, and would be the next to start here, it
    /// runs now, inside the step of the other: so that a task which does not wait keeps nobody waiting.
    void run_if_next() noexcept;

    /// Every await_resume begins with this. Throws cancelled_error if the wait was cancelled.
    void throw_if_cancelled() {
        if (cancel_due_) [[unlikely]] {
            raise_cancellation();
        }
    }

    /// The CancelledError that `awaited` has ended by is about to come out of an await here. If this task has been
    /// sent the same request, or will be, it is this task's one CancelledError for that (I4).
    void adopt_cancellation_of(const task_state& awaited) noexcept { adopt_cancellation(awaited.newest_request()); }

    /// The same for a request that one knows the number of; 0 is none.
    void adopt_cancellation(std::uint64_t request) noexcept;

    /// The number of the newest request that this task was sent, or heard of through what it awaited; 0 if of none.
    [[nodiscard]] std::uint64_t newest_request() const noexcept;

    /// The message of that request; an empty one if there is none, or no memory for it.
    [[nodiscard]] std::string cancel_message() const noexcept;

    /// The number for a wait_point::cancel, which is called under the lock: the request that it is called for.
    [[nodiscard]] std::uint64_t request_in_hand() const noexcept { return requests_ ? requests_->last : 0; }

    /// What it waits for. False: it does not wait, or need not any longer. From any thread, with a reference to it.
    [[nodiscard]] bool describe_wait(wait_description& into) noexcept;

    /// Makes the waiting task ready. Whoever claimed its wake-up calls this once; see I2.
    void resume() noexcept;

    // ---- for create_task and the scope ---------------------------------------------------------

    /// Makes the new task ready for its first step; it must be, once: the task owns a reference to itself until its
    /// end. `soon`: the calling worker takes it when it is done here.
    void start(bool soon) noexcept;

    void acquire() noexcept {
        word_.fetch_add(one_reference, std::memory_order_relaxed);
    }  // the caller has one already
    void release() noexcept {
        // The last one needs no locked instruction: nobody is left who could acquire.
        if (is_last(word_.load(std::memory_order_acquire)) ||                      // R
            is_last(word_.fetch_sub(one_reference, std::memory_order_acq_rel))) {  // R
            delete this;
        }
    }

    /// One step, on a worker; begins under must_cancel_. For the scheduler and serial scopes.
    void step() noexcept;

protected:
    /// `root`: the coroutine whose end is the task's.
    task_state(task_scope& scope, std::coroutine_handle<> root) noexcept
        : work{&run_step}, scope_{&scope}, resume_at_{root} {}

    /// Takes the result out of the root coroutine, which has ended, and destroys it.
    virtual void collect(std::coroutine_handle<> root) noexcept = 0;
    /// The task was cancelled before its first step: there is no result. Destroys the root coroutine.
    virtual void collect_cancelled(std::coroutine_handle<> root, const std::string& message) noexcept = 0;
    /// A cancel came in its last step: what it returned is dropped, as in asyncio; what it raised is not. After
    /// collect(), before the end is seen by others, under the task's lock.
    virtual void cancel_result(const std::string& /*message*/) noexcept {}

    // ---- for tasks that count their own end, see child_ends.hpp --------------------------------

    /// The task has ended, which others see already. Only if watch_own_end() was called.
    virtual void own_end() noexcept {}
    /// Has own_end() called. Before the task starts.
    void watch_own_end() noexcept { word_.fetch_or(is_watched, std::memory_order_relaxed); }

    // ---- for tasks that begin in the step of another, see gathering.hpp ------------------------

    /// A task that began without start() is about to wait for the first time: it joins its scope.
    virtual void join_scope() noexcept;

    /// As start(), but the caller runs the first step, and the scope does not know the task unless it waits.
    void begin_here(const detail::context_ref& inherited) noexcept {
        if (!(context_ == inherited)) [[unlikely]] {  // the last child in this block may have changed it
            context_ = inherited;
        }
        is_child_ = true;
        started_ = true;
    }

    /// The root coroutine of a task that has yet to start; until then it may be given another.
    [[nodiscard]] std::coroutine_handle<> unstarted_root() const noexcept { return resume_at_; }
    void set_root(std::coroutine_handle<> root) noexcept { resume_at_ = root; }

    // ---- of the result, kept here since here is room; written by who ends the task, before its end --------------

    bool has_value_ : 1 = false;
    bool has_failure_ : 1 = false;
    bool is_cancelled_ : 1 = false;  // the failure is a cancelled_error

private:
    bool cancel_due_ : 1 = false;  // set before the task is made ready, read by its step
    bool started_ : 1 = false;     // of the thread that runs it, as the next
    bool is_child_ : 1 = false;
    bool is_put_off_ : 1 =
        false;  // waiting_ is an await that has yet to begin; under lock_ but for the task's own step

protected:
    mutable std::atomic<bool> is_retrieved_{false};  // somebody has seen the failure, or need not

    /// Whether nobody has seen a task that began so and did not wait, so that another may be run in its place. Only for
    /// who holds the two references that it began with.
    [[nodiscard]] bool is_as_new() const noexcept {
        // One that has been about to wait may be asked to end at this moment, by who finds it in its scope or gather.
        return !is_listed_ &&
               word_.load(std::memory_order_acquire) == as_new &&  // R: with the last other reference went all its uses
               requests_ == nullptr && notes_.load(std::memory_order_relaxed) == nullptr;
    }

    /// The end of the task, after collect().
    void end() noexcept;

private:
    friend class cancellation_walk;
    friend class gathering;
    friend class task_scope;
    friend class worker;

    // word_: what must change at once with the end of the task.
    static constexpr std::uint32_t is_over = 1;
    static constexpr std::uint32_t must_cancel = 2;  // asyncio's _must_cancel
    static constexpr std::uint32_t is_watched = 4;   // there are completions, or were
    static constexpr std::uint32_t one_reference = 8;
    static constexpr std::uint32_t as_new = 2 * one_reference;  // of who made it, and of the task itself until its end
    [[nodiscard]] static constexpr bool is_last(std::uint32_t word) noexcept { return word / one_reference == 1; }

    /// What few tasks ever have: requests to cancel.
    struct requests {
        static void* operator new(std::size_t size) noexcept { return detail::allocate_or_reserve(size); }
        static void operator delete(void* block, std::size_t size) noexcept {
            detail::give_back_or_reserve(block, size);
        }

        std::uint64_t last = 0;    // the newest that reached it
        std::uint64_t raised = 0;  // the newest that came out of an await here, or is about to
        std::uint32_t count = 0;   // asyncio's _num_cancels_requested
        std::string message;
    };

    enum class answer {
        ended,
        accepted,
        forwarded,  // if what it awaits takes it
        passed_on,  // accepted, and what it awaits is to be asked
    };
    /// Tells one call of cancel from all others.
    [[nodiscard]] static std::uint64_t new_request() noexcept;
    answer cancel_here(const std::string& message, std::uint64_t request, bool first, task_refs& awaited) noexcept;
    bool announce(const std::string& message, std::uint64_t request) noexcept;
    void remember(const std::string& message, std::uint64_t request) noexcept;
    void make_due(std::uint64_t request) noexcept;
    [[nodiscard]] const std::string& message() const noexcept;
    [[nodiscard]] std::pair<std::string, std::uint64_t> request_to_raise() const noexcept;
    [[nodiscard]] bool has_to_cancel() const noexcept;
    static void run_step(work& item) noexcept;
    void take_kept_request() noexcept;
    void see_cancellation() noexcept;
    [[nodiscard]] bool begin_put_off_await() noexcept;
    void run_from(worker& here, std::coroutine_handle<> at) noexcept;
    [[noreturn, gnu::cold]] void raise_cancellation();
    [[gnu::cold]] void drop_notes() noexcept;
    void about_to_wait() noexcept;
    void end_under_lock() noexcept;
    void ask_to_end(task_refs& to_cancel, const std::string&, std::uint64_t) final { to_cancel.emplace_back(this); }
    [[nodiscard]] task_state* as_task() noexcept final { return this; }

    mutable spin_lock lock_;
    std::atomic<bool> has_waited_{false};

    // References, and flags. Each flag is set under lock_, but for the end of a task that has none of the others: that
    // needs no lock, since one exchange decides between it and who is about to set them.
    std::atomic<std::uint32_t> word_{as_new};

    task_scope* scope_;
    std::coroutine_handle<> resume_at_;          // before its first step, the root
    wait_point* waiting_ = nullptr;              // under lock_, but null as long as the task runs
    continuation* last_continuation_ = nullptr;  // under lock_; the list is a circle
    std::unique_ptr<requests> requests_;         // under lock_
    std::atomic<task_notes*> notes_{nullptr};    // its own; of the few tasks that need them
    detail::context_ref context_;                // of its steps, one after the other; before that its creator's
};

inline task_ref::task_ref(task_state* state) noexcept : state_{state} {
    if (state_ != nullptr) {
        state_->acquire();
    }
}

inline task_ref::~task_ref() {
    if (state_ != nullptr) {
        state_->release();
    }
}

}  // namespace gatherd::executor
