/// \file
/// Values that follow a task and all that it creates: asyncio's contextvars (PEP 567).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "gatherd/executor/detail/context.hpp"
#include "gatherd/executor/detail/misuse.hpp"

namespace gatherd::executor {

/// A variable whose value belongs to the running task: ContextVar. A request's number or a user's name gets to every
/// function that a request calls, and to every task that it creates, without being a parameter of each.
///
/// A new task starts with the values that its creator has at that moment; so do the children of a gather, of a group
/// and of wait_for. What a task sets after that is seen by itself, by the coroutines that it awaits, and by tasks that
/// it creates later: neither by its creator nor by tasks that it created before. A task that no task created, such as
/// run's, starts with none. A callback
/// for the end of a task sees the values of who added it.
///
/// Threads: all are safe from any. Inside to_thread, compute, fork_join and callbacks outside a task there is no
/// context, and get() gives the initial value: hand the value over, as in `to_thread([id = request_id.get()] {...})`.
/// asyncio.to_thread copies the context instead.
///
/// Cost: a task that never meets a variable pays a null pointer. get() looks through the list of the variables that are
/// set, set() copies it and allocates three times, a created task counts one reference.
template <typename T>
class context_var {
public:
    class setter;

    /// `name`, which must outlive the variable, is for people. `initial` is the value where none was set.
    explicit context_var(const char* name, T initial = T{}) : name_{name}, initial_{std::move(initial)} {}
    context_var(const context_var&) = delete;
    context_var& operator=(const context_var&) = delete;

    [[nodiscard]] const char* name() const noexcept { return name_; }

    /// A copy of its value in the running task, else of the initial one. Throws what copying throws.
    [[nodiscard]] T get() const {
        const detail::context_ref* const here = detail::current_context();
        const void* const value = here == nullptr ? nullptr : here->find(id_);
        return value == nullptr ? initial_ : *static_cast<const T*>(value);
    }

    /// Sets it in the running task, up to its end or the next set(). Throws std::logic_error outside a task, and
    /// std::bad_alloc.
    void set(T value) const {
        detail::context_ref& here = context_here();
        here = here.with(id_, std::make_shared<const T>(std::move(value)));
    }

    /// `const auto id = request_id.scoped_set(7);`: as set(). At the end of the object's life, which must come in the
    /// same task, the variable gets the value that it had before: PEP 567's token and reset.
    [[nodiscard]] setter scoped_set(T value) const {
        detail::context_ref before = context_here();
        set(std::move(value));
        return setter{id_, std::move(before)};
    }

private:
    static detail::context_ref& context_here() {
        detail::context_ref* const here = detail::current_context();
        if (here == nullptr) {
            throw std::logic_error{"a context variable is set only inside a task"};
        }
        return *here;
    }

    const char* name_;
    T initial_;
    std::uint64_t id_ = detail::new_context_variable();
};

/// What scoped_set() gives.
template <typename T>
class [[nodiscard]] context_var<T>::setter {
public:
    setter(setter&& other) noexcept
        : variable_{other.variable_},
          home_{std::exchange(other.home_, nullptr)},
          before_{std::move(other.before_)},
          set_{std::move(other.set_)} {}
    setter& operator=(setter&&) = delete;

    /// It allocates only if another variable was set since, and ends the program if that fails.
    ~setter() {
        if (home_ == nullptr) {
            return;
        }
        if (home_ != detail::current_context()) {
            end_for_misuse("a context variable's scoped_set ends in the task that it began in");
        }
        *home_ = *home_ == set_ ? std::move(before_) : home_->with(variable_, before_.value_of(variable_));
    }

private:
    friend class context_var;
    setter(std::uint64_t variable, detail::context_ref before)
        : variable_{variable}, home_{detail::current_context()}, before_{std::move(before)}, set_{*home_} {}

    std::uint64_t variable_;
    detail::context_ref* home_;  // the task's
    detail::context_ref before_;
    detail::context_ref set_;
};

}  // namespace gatherd::executor
