/// \file
/// Values that follow a task and all that it creates: asyncio's contextvars (PEP 567).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

#include "gatherd/executor/detail/context.hpp"
#include "gatherd/executor/errors.hpp"

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
/// Most variables are objects of static storage. One that is not must outlive its tokens and setters.
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
    class token;
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

    /// Sets it in the running task. The token takes that back: see reset. Throws std::logic_error outside a task, and
    /// std::bad_alloc.
    token set(T value) const {  // NOLINT(modernize-use-nodiscard): as in Python, most callers never reset
        detail::context_ref& here = context_here();
        token made{*this, here, here.with(id_, std::make_shared<const T>(std::move(value)))};
        here = made.set_;
        return made;
    }

    /// Gives the variable the value, or none, that it had before the set() that gave this token. Throws
    /// std::logic_error outside a task and for a token that was used before, value_error for another variable's token
    /// or another task's. It allocates only if another variable was set since.
    void reset(token& from_set) const {
        detail::context_ref& here = context_here();
        if (from_set.variable_ == nullptr) {
            throw std::logic_error{"the token has been used already"};
        }
        if (from_set.variable_ != this || from_set.home_ != &here) {
            throw value_error{"the token was made by another context_var or in another task"};
        }
        here = here == from_set.set_ ? std::move(from_set.before_) : here.with(id_, from_set.before_.value_of(id_));
        from_set.variable_ = nullptr;
    }

    /// `const auto with = request_id.scoped_set(7);`: as set(), until the end of the object's life, which must come in
    /// the same task.
    [[nodiscard]] setter scoped_set(T value) const { return setter{set(std::move(value))}; }

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

/// What set() gives, for one reset().
template <typename T>
class context_var<T>::token {
public:
    token(token&& other) noexcept
        : variable_{std::exchange(other.variable_, nullptr)},
          home_{other.home_},
          before_{std::move(other.before_)},
          set_{std::move(other.set_)} {}
    token& operator=(token&&) = delete;
    ~token() = default;

private:
    friend class context_var;
    token(const context_var& variable, const detail::context_ref& home, detail::context_ref set) noexcept
        : variable_{&variable}, home_{&home}, before_{home}, set_{std::move(set)} {}

    const context_var* variable_;      // null: used
    const detail::context_ref* home_;  // the task's; compared, never followed
    detail::context_ref before_;
    detail::context_ref set_;
};

/// What scoped_set() gives.
template <typename T>
class [[nodiscard]] context_var<T>::setter {
public:
    setter(setter&&) noexcept = default;
    setter& operator=(setter&&) = delete;
    ~setter() {
        if (token_.variable_ != nullptr) {
            token_.variable_->reset(
                token_);  // ends the program in another task, or if it would have to allocate in vain
        }
    }

private:
    friend class context_var;
    explicit setter(token made) noexcept : token_{std::move(made)} {}

    token token_;
};

}  // namespace gatherd::executor
