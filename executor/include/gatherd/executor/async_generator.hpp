/// \file
/// A coroutine that gives one item after the other and may wait in between: what `async def` with `yield` gives in
/// Python.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::executor {

template <typename T>
class async_generator;

namespace detail {

template <typename T>
class generator_promise : public promise_base {
public:
    /// What next() gives: an item, or nothing at the end. Of a generator of references a pointer.
    using item = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, std::optional<T>>;

    class yield_awaiter {
    public:
        using native_awaiter = void;
        explicit yield_awaiter(generator_promise& promise) noexcept : promise_{promise} {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {
            worker::current()->transfer_to(std::exchange(promise_.continuation, nullptr));
        }
        void await_resume() const {
            if (promise_.is_closing) {
                throw generator_exit{};
            }
        }

    private:
        generator_promise& promise_;
    };

    async_generator<T> get_return_object() noexcept;
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    void return_void() const noexcept {}

    /// The item is made in the frame of who awaits it. What that throws comes out of the co_yield.
    template <typename U = T>
    requires(!std::is_reference_v<T> && std::is_constructible_v<T, U&&>) yield_awaiter yield_value(U&& value) {
        into->emplace(std::forward<U>(value));
        return yield_awaiter{*this};
    }
    yield_awaiter yield_value(std::remove_reference_t<T>& value) noexcept requires std::is_reference_v<T> {
        *into = std::addressof(value);
        return yield_awaiter{*this};
    }

    item* into = nullptr;  ///< of who awaits the next item
    bool is_closing = false;
    std::exception_ptr failure;
};

}  // namespace detail

/// `async_generator<int> numbers() { for (int i = 0;; ++i) { co_yield i; co_await sleep(1s); } }`: items that are made
/// one by one, when they are asked for. Nothing runs before the first next() and between two of them.
///
///     auto items = numbers();
///     while (auto item = co_await items.next()) {
///         use(*item);
///     }
///
/// The generator's code runs inside the task that awaits next(), as an awaited coroutine does; no task is created and
/// no thread changed. It may await all that a task may. What it raises comes out of next(), CancelledError included: a
/// cancelled task raises it where it waits, here inside the generator. After an exception, as after its end, next()
/// gives nothing.
///
/// An async_generator<T> moves or copies each yielded value to who asked for it, so T may be move-only and an item
/// lives as long as its owner wants. An async_generator<T&> gives a pointer to what it yields, which may be used until
/// the following next().
///
/// The end of a generator that has not ended destroys its frame: its local objects' destructors run, in the reverse
/// order, and no handler does. Destructors cannot await; a generator whose clean-up must is ended by aclose().
///
/// Threads: one task at a time uses it, not always the same. Cost: one frame; an item allocates nothing and costs about
/// what a call of a coroutine does, and a chain of generators of any length needs no stack.
template <typename T>
class [[nodiscard]] async_generator {
public:
    using promise_type = detail::generator_promise<T>;
    using item = typename promise_type::item;

    explicit async_generator(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
    async_generator(async_generator&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    async_generator& operator=(async_generator other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~async_generator() {
        if (frame_) {
            if (frame_.promise().continuation) {
                end_for_misuse("an async_generator is destroyed while a task waits for its next item");
            }
            detail::drop_unstarted(frame_);
        }
    }

    /// `co_await g.next()`: runs it up to its next co_yield, and gives that item; nothing if it has ended. Throws
    /// std::logic_error if another next() or aclose() of it goes on. It must not be moved meanwhile.
    [[nodiscard]] auto next() noexcept {
        struct awaiter : step {
            using step::step;
            item await_resume() {
                step::finish();
                return std::move(this->result);
            }
        };
        return awaiter{*this, false};
    }

    /// `co_await g.aclose()`: ends it where it is suspended by raising generator_exit out of its co_yield, and waits
    /// for that: handlers run, and clean-up may await. One that has not begun or has ended is just destroyed. Raises
    /// what the generator raises instead, and std::logic_error if it yields once more.
    [[nodiscard]] auto aclose() noexcept {
        struct awaiter : step {
            using step::step;
            void await_resume() {
                try {
                    step::finish();
                } catch (const generator_exit&) {
                    return;
                }
                if (this->from.frame_) {
                    throw std::logic_error{"the async_generator ignored generator_exit"};
                }
            }
        };
        return awaiter{*this, true};
    }

private:
    /// From one suspension to the next.
    struct step {
        using native_awaiter = void;  // it knows tasks

        step(async_generator& generator, bool to_close) noexcept : from{generator}, closes{to_close} {}

        [[nodiscard]] bool await_ready() const {
            if (!from.frame_) {
                return true;
            }
            promise_type& promise = from.frame_.promise();
            if (promise.continuation) {
                throw std::logic_error{"the async_generator is running already"};
            }
            if (worker::current() == nullptr || worker::current()->running == nullptr) {
                end_for_misuse("only inside a task");
            }
            if (closes && promise.into == nullptr) {  // it has not begun
                detail::drop_unstarted(std::exchange(from.frame_, nullptr));
                return true;
            }
            return false;
        }
        void await_suspend(detail::awaiting_coroutine awaiting) noexcept {
            promise_type& promise = from.frame_.promise();
            promise.continuation = awaiting;
            promise.into = &result;
            promise.is_closing = closes;
            worker::current()->transfer_to(from.frame_);
        }
        /// Destroys it if it has ended, and raises what it ended by.
        void finish() const {
            if (from.frame_ && from.frame_.done()) {
                const auto frame = std::exchange(from.frame_, nullptr);
                const detail::ended_frame goes{frame};
                if (frame.promise().failure) {
                    std::rethrow_exception(std::move(frame.promise().failure));
                }
            }
        }

        async_generator& from;
        const bool closes;
        item result{};
    };

    std::coroutine_handle<promise_type> frame_;  // null: it has ended
};

namespace detail {

template <typename T>
async_generator<T> generator_promise<T>::get_return_object() noexcept {
    return async_generator<T>{std::coroutine_handle<generator_promise>::from_promise(*this)};
}

}  // namespace detail
}  // namespace gatherd::executor
