/// \file
/// Running several coroutines at once and taking their results in order: asyncio.gather.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/gathering.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// What became of one child of a gather with return_exceptions: its value (std::monostate for void) or its exception.
template <typename T>
using gathered = std::variant<std::conditional_t<std::is_void_v<T>, std::monostate, T>, std::exception_ptr>;

namespace detail {

/// The children of one gather and their outcomes.
template <typename T>
class gathering_of final : public gathering, public pooled {
public:
    gathering_of(task_scope& scope, std::vector<task<T>> coroutines, gather_until until)
        : gathering{scope, coroutines.size(), until},
          coroutines_{std::move(coroutines)},
          outcomes_(coroutines_.size()) {}

    [[nodiscard]] std::vector<T> take_values() requires(!std::is_void_v<T>) {
        std::vector<T> values;
        values.reserve(outcomes_.size());
        for (outcome<stored>& each : outcomes_) {
            values.push_back(std::move(each.value()));
        }
        return values;
    }

    [[nodiscard]] std::vector<gathered<T>> take_outcomes() {
        std::vector<gathered<T>> all;
        all.reserve(outcomes_.size());
        for (outcome<stored>& each : outcomes_) {
            if (each.has_failed()) {
                all.emplace_back(std::in_place_index<1>, std::move(each.failure()));
            } else {
                all.emplace_back(std::in_place_index<0>, std::move(each.value()));
            }
        }
        return all;
    }

private:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    [[nodiscard]] std::coroutine_handle<> take_coroutine(std::size_t number) noexcept override {
        return release_once(coroutines_[number]);
    }

    child_end collect(std::size_t number, std::coroutine_handle<> ended) noexcept override {
        const auto root = std::coroutine_handle<task_promise<T>>::from_address(ended.address());
        outcome<stored>& of = outcomes_[number];
        child_end how = child_end::returned;
        try {
            if constexpr (std::is_void_v<T>) {
                root.promise().take();
                of.set_value();
            } else {
                of.set_value(root.promise().take());
            }
        } catch (const cancelled_error&) {
            how = child_end::cancelled;
            of.set_failure(std::current_exception());
        } catch (...) {  // the edge of the child: it waits here for the gather
            how = child_end::raised;
            of.set_failure(std::current_exception());
        }
        root.destroy();
        return how;
    }

    void refuse(std::size_t number, std::coroutine_handle<> unstarted, std::exception_ptr why) noexcept override {
        outcomes_[number].set_failure(std::move(why));
        unstarted.destroy();
    }

    [[nodiscard]] std::exception_ptr exception_of(std::size_t number) const noexcept override {
        const outcome<stored>& of = outcomes_[number];
        return of.has_failed() ? of.failure() : nullptr;
    }

    void forget_outcomes() noexcept override { outcomes_.clear(); }
    void destroy() noexcept override { delete this; }

    std::vector<task<T>> coroutines_;
    std::vector<outcome<stored>> outcomes_;
};

/// The one reference that a gather has to its children.
struct release_gathering {
    void operator()(gathering* g) const noexcept { g->release(); }
};
template <typename T>
using gathering_ptr = std::unique_ptr<gathering_of<T>, release_gathering>;

template <typename T>
gathering_ptr<T> gather_here(std::vector<task<T>> coroutines, gather_until until) {
    return gathering_ptr<T>{new gathering_of<T>{task_state::current().scope(), std::move(coroutines), until}};
}

/// Starts the children and waits for the end of the gather.
class gather_awaiter {
public:
    using native_awaiter = void;

    explicit gather_awaiter(gathering& of) noexcept : of_{of} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept { return of_.await_suspend(at); }
    void await_resume() { of_.await_resume(); }

private:
    gathering& of_;
};

/// Raises what a task ended by, if it failed, in the task that has waited for it.
template <typename T>
void raise_from(const task_with_result<T>& child) {
    if (const auto failure = child.exception()) {
        if (child.cancelled()) {
            task_state::current().adopt_cancellation_of(child);
        }
        std::rethrow_exception(failure);
    }
}

template <typename T>
task_with_result<T>& as(const task_ref& child) {
    return static_cast<task_with_result<T>&>(*child);
}

}  // namespace detail

/// `co_await gather(coroutines)`: all run as tasks; their results in the order given, when the last has ended.
///
/// The first exception is raised at once; the others run on, as asyncio's do, until their scope ends them. Cancelling
/// the awaiting task cancels all children. Of none gives an empty vector.
///
/// Cost: children start in the order given, on the thread that awaits as long as no other takes some of them; one that
/// ends without having waited costs little more than its coroutine (see gathering.hpp).
template <typename T>
requires(!std::is_void_v<T>) task<std::vector<T>> gather(std::vector<task<T>> coroutines) {
    if (coroutines.empty()) {
        co_return std::vector<T>{};
    }
    const auto children = detail::gather_here(std::move(coroutines), gather_until::first_exception);
    co_await detail::gather_awaiter{*children};
    co_return children->take_values();
}

/// As gather, with return_exceptions=True: an exception is a result like others, and nothing is raised but the
/// awaiting task's own cancellation, once all children have ended.
template <typename T>
task<std::vector<gathered<T>>> gather_exceptions(std::vector<task<T>> coroutines) {
    if (coroutines.empty()) {
        co_return std::vector<gathered<T>>{};
    }
    const auto children = detail::gather_here(std::move(coroutines), gather_until::all_ended);
    co_await detail::gather_awaiter{*children};
    co_return children->take_outcomes();
}

/// `co_await gather(a(), b())`: as gather of a range, for coroutines of different types; gives a tuple.
template <typename... Ts>
requires(sizeof...(Ts) > 0 && (!std::is_void_v<Ts> && ...)) task<std::tuple<Ts...>> gather(task<Ts>... coroutines) {
    const std::tuple<task_handle<Ts>...> children{create_task(std::move(coroutines))...};
    std::apply([](const auto&... child) { (child.ignore_exception(), ...); }, children);
    std::vector<task_ref> refs =
        std::apply([](const auto&... child) { return std::vector<task_ref>{child.ref()...}; }, children);
    const auto ended = co_await wait_as_gather(std::move(refs), return_when::first_failure);
    std::apply(
        [&ended](const auto&... child) {
            ((child.ref().get() == ended.decisive.get() ? detail::raise_from(detail::as<Ts>(child.ref())) : void()),
             ...);
        },
        children);
    if (ended.cancel_requested) {
        throw cancelled_error{};
    }
    co_return std::apply([](const auto&... child) { return std::tuple<Ts...>{child.take()...}; }, children);
}

}  // namespace gatherd::executor
