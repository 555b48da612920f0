/// \file
/// Awaiting any asynchronous operation of Asio: sockets, timers, signals, resolvers. The only public header that
/// includes Asio.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error_code.hpp>
#include <asio/io_context.hpp>
#include <asio/system_error.hpp>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// The completion token of a coroutine: `std::size_t n = co_await socket.async_read_some(buffer, use_task);`
///
/// The await gives what a handler would get: nothing, one value, or a tuple of several. An error_code that is set, or
/// an exception, is raised (std::system_error) and not part of the result. Asio's adapters give it instead:
/// `asio::redirect_error(use_task, error)`, `asio::experimental::as_tuple(use_task)`.
///
/// The operation starts in the `co_await`, and has ended when that returns: buffers may be variables of the coroutine.
/// A cancellation of the awaiting task is sent to Asio's cancellation slot, and cancelled_error is raised when the
/// operation has ended, which is never its result then. An operation that Asio cannot cancel runs to its end.
///
/// Threads: a socket, timer or signal set is for one thread or task at a time, as Asio has it. It may live on any
/// io_context: `this_io()`, scheduler::io, or one of another thread. The task goes on on the workers. A cancellation is
/// sent on the executor of the object. So an io_context that several threads run needs a strand as that executor, or
/// `asio::bind_executor(strand, use_task)` as the token, innermost: with another adapter inside it no cancellation is
/// sent.
///
/// Cost: one allocation of a pooled block, beside those of Asio.
struct use_task_t {};
inline constexpr use_task_t use_task{};

/// The event loop of the worker that calls. Its handlers run on that worker; the calling task may go on on others.
/// Only inside a task or a handler.
[[nodiscard]] asio::io_context& this_io() noexcept;

namespace detail {

/// One operation of Asio that a task awaits, but for its result. It lives in the awaiting frame.
///
/// The task goes on when the last of three has happened: the function that starts the operation has returned; the
/// handler was called, or destroyed; a cancellation that was posted has run. A bit of state_ stands for each. So
/// nothing is used after the end of the frame.
///
/// Edges  S   start(), handler, emission: state_ or, acq_rel  ->  the last: the same      all uses come before the end
class io_awaiter_base : public wait_point {
public:
    explicit io_awaiter_base(asio::any_io_executor executor) noexcept : executor_{std::move(executor)} {}
    io_awaiter_base(const io_awaiter_base&) = delete;
    io_awaiter_base& operator=(const io_awaiter_base&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) noexcept;

    bool arm(task_state& waiter) noexcept override {
        waiter_ = &waiter;
        return true;
    }

    /// Keeps the request for the end of the operation, and sends it a cancellation.
    cancellation cancel(task_refs&) noexcept override;
    void describe(wait_description& description) noexcept override { description.kind = "an operation of Asio"; }

    // ---- for the handler ----

    [[nodiscard]] asio::cancellation_slot slot() noexcept { return signal_.slot(); }

    /// The executor on which the operation runs its handlers. The first call is made by the thread that starts it.
    void learn_executor(const asio::any_io_executor& executor) noexcept {
        if (!executor_) {
            executor_ = executor;
        }
    }

    /// The handler was called, or destroyed.
    void finish_operation() noexcept { finish(in_progress); }

protected:
    ~io_awaiter_base() = default;

    virtual void start() = 0;

    void fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

    /// What await_resume begins with. Raises a cancellation, or what start() or the handler raised.
    void raise_failure() const;

private:
    struct emission;

    static constexpr std::uint32_t starting = 1;
    static constexpr std::uint32_t in_progress = 2;
    static constexpr std::uint32_t emitting = 4;
    static constexpr std::uint32_t is_cancelled = 8;

    void emit() noexcept;
    void finish(std::uint32_t bit) noexcept;

    std::atomic<std::uint32_t> state_{starting | in_progress};
    task_state* waiter_ = nullptr;
    asio::any_io_executor executor_;
    asio::cancellation_signal signal_;  // used by start(), and then on executor_
    std::exception_ptr failure_;
};

template <typename... Results>
class io_awaiter;

/// What Asio calls. Destroyed without a call, as when an io_context ends, it breaks the promise.
template <typename... Results>
class io_handler {
public:
    using cancellation_slot_type = asio::cancellation_slot;

    explicit io_handler(io_awaiter<Results...>& awaiter) noexcept : awaiter_{&awaiter} {}
    io_handler(io_handler&& other) noexcept : awaiter_{std::exchange(other.awaiter_, nullptr)} {}
    io_handler& operator=(io_handler&&) = delete;
    ~io_handler() {
        if (awaiter_ != nullptr) {
            awaiter_->finish_operation();
        }
    }

    template <typename... Values>
    void operator()(Values&&... values) {
        std::exchange(awaiter_, nullptr)->complete(std::forward<Values>(values)...);
    }

    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return awaiter_->slot(); }

    void learn_executor(const asio::any_io_executor& executor) const noexcept { awaiter_->learn_executor(executor); }

private:
    io_awaiter<Results...>* awaiter_;
};

/// An operation that has not been started: the call of Asio's function without its handler.
template <typename... Results>
struct io_initiation : pooled {
    virtual ~io_initiation() = default;
    virtual void start(io_handler<Results...> handler) = 0;
};

template <typename Initiation, typename Arguments, typename... Results>
class io_call final : public io_initiation<Results...> {
public:
    template <typename... Args>
    explicit io_call(Initiation initiation, Args&&... args)
        : initiation_{std::move(initiation)}, arguments_{std::forward<Args>(args)...} {}

    void start(io_handler<Results...> handler) override {
        const auto call = [&](auto&&... args) { std::move(initiation_)(std::move(handler), std::move(args)...); };
        std::apply(call, arguments_);
    }

private:
    Initiation initiation_;
    Arguments arguments_;
};

/// Raises an error that a handler gets first. Gives the rest, as a tuple.
template <typename First, typename... Rest>
auto raise_error(std::tuple<First, Rest...>&& results) {
    if constexpr (std::is_same_v<First, asio::error_code> || std::is_same_v<First, std::exception_ptr>) {
        if (const First& error = std::get<0>(results)) {
            if constexpr (std::is_same_v<First, asio::error_code>) {
                throw asio::system_error{error};
            } else {
                std::rethrow_exception(error);
            }
        }
        const auto without_error = [](First&, Rest&... rest) { return std::tuple<Rest...>{std::move(rest)...}; };
        return std::apply(without_error, results);
    } else {
        return std::move(results);
    }
}
inline std::tuple<> raise_error(std::tuple<>&& results) {
    return results;
}

template <typename... Results>
class io_awaiter final : public io_awaiter_base {
public:
    io_awaiter(io_initiation<Results...>& initiation, asio::any_io_executor executor) noexcept
        : io_awaiter_base{std::move(executor)}, initiation_{initiation} {}

    template <typename... Values>
    void complete(Values&&... values) noexcept {
        try {
            results_.emplace(std::forward<Values>(values)...);
        } catch (...) {  // of a copy; it travels to the awaiting task
            fail(std::current_exception());
        }
        finish_operation();
    }

    auto await_resume() {
        raise_failure();
        if (!results_) {
            throw broken_promise_error{};
        }
        auto rest = raise_error(std::move(*results_));
        if constexpr (std::tuple_size_v < decltype(rest) >> 1) {
            return rest;
        } else if constexpr (std::tuple_size_v<decltype(rest)> == 1) {
            return std::get<0>(std::move(rest));
        }
    }

private:
    void start() override { initiation_.start(io_handler<Results...>{*this}); }

    io_initiation<Results...>& initiation_;
    std::optional<std::tuple<Results...>> results_;
};

}  // namespace detail

/// What Asio's functions return for use_task. Awaited once; it has not started before.
template <typename... Results>
class [[nodiscard]] io_operation {
public:
    explicit io_operation(std::unique_ptr<detail::io_initiation<Results...>> initiation) noexcept
        : initiation_{std::move(initiation)} {}

    /// The executor that its handler is bound to.
    void bind(asio::any_io_executor executor) noexcept { executor_ = std::move(executor); }

    auto operator co_await() && noexcept { return detail::io_awaiter<Results...>{*initiation_, std::move(executor_)}; }

private:
    std::unique_ptr<detail::io_initiation<Results...>> initiation_;
    asio::any_io_executor executor_;
};

}  // namespace gatherd::executor

namespace asio {

template <typename... Results, typename Executor>
struct associated_executor<gatherd::executor::detail::io_handler<Results...>, Executor> {
    using type = Executor;

    static type get(const gatherd::executor::detail::io_handler<Results...>& handler,
                    const Executor& executor = Executor()) noexcept {
        if constexpr (std::is_convertible_v<const Executor&, any_io_executor>) {
            handler.learn_executor(executor);
        }
        return executor;
    }
};

template <typename Result, typename... Args>
class async_result<gatherd::executor::use_task_t, Result(Args...)> {
public:
    using return_type = gatherd::executor::io_operation<std::decay_t<Args>...>;

    template <typename Initiation, typename... InitArgs>
    static return_type initiate(Initiation&& initiation, gatherd::executor::use_task_t, InitArgs&&... args) {
        using call = gatherd::executor::detail::io_call<std::decay_t<Initiation>, std::tuple<std::decay_t<InitArgs>...>,
                                                        std::decay_t<Args>...>;
        return return_type{
            std::make_unique<call>(std::forward<Initiation>(initiation), std::forward<InitArgs>(args)...)};
    }
};

template <typename Executor, typename Result, typename... Args>
class async_result<executor_binder<gatherd::executor::use_task_t, Executor>, Result(Args...)> {
    using unbound = async_result<gatherd::executor::use_task_t, Result(Args...)>;

public:
    using return_type = typename unbound::return_type;

    template <typename Initiation, typename Token, typename... InitArgs>
    static return_type initiate(Initiation&& initiation, Token&& token, InitArgs&&... args) {
        auto bound = [initiation = std::decay_t<Initiation>(std::forward<Initiation>(initiation)),
                      executor = token.get_executor()](auto&& handler, auto&&... rest) mutable {
            std::move(initiation)(bind_executor(executor, std::move(handler)), std::move(rest)...);
        };
        return_type operation = unbound::initiate(std::move(bound), {}, std::forward<InitArgs>(args)...);
        operation.bind(token.get_executor());
        return operation;
    }
};

}  // namespace asio
