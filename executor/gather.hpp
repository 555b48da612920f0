/// \file
/// Running several coroutines at once and taking their results in order: asyncio.gather.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "executor/create_task.hpp"
#include "executor/wait.hpp"

namespace gatherd::executor {

/// What became of one child of a gather with return_exceptions: its value (std::monostate for void) or its exception.
template <typename T>
using gathered = std::variant<std::conditional_t<std::is_void_v<T>, std::monostate, T>, std::exception_ptr>;

namespace detail {

/// Children of one call that looks at all of them: one that fails after the first is nobody's to report, as in asyncio.
template <typename T>
std::vector<task_ref> start_all(std::vector<task<T>> coroutines) {
    std::vector<task_ref> children;
    children.reserve(coroutines.size());
    for (auto& each : coroutines) {
        auto child = create_task(std::move(each));
        child.ignore_exception();
        children.push_back(std::move(child).take_ref());
    }
    return children;
}

template <typename T>
task_with_result<T>& as(const task_ref& child) {
    return static_cast<task_with_result<T>&>(*child);
}

/// Raises what a task ended by, if it failed.
template <typename T>
void raise_from(const task_with_result<T>& child) {
    if (const auto failure = child.exception()) {
        std::rethrow_exception(failure);
    }
}

}  // namespace detail

/// `co_await gather(coroutines)`: all run as tasks; their results in the order given, when the last has ended.
///
/// The first exception is raised at once; the others run on, as asyncio's do, until their scope ends them. Cancelling
/// the awaiting task cancels all children. Of none gives an empty vector.
template <typename T>
requires(!std::is_void_v<T>) task<std::vector<T>> gather(std::vector<task<T>> coroutines) {
    const std::vector<task_ref> children = detail::start_all(std::move(coroutines));
    if (!children.empty()) {
        const auto ended = co_await wait_as_gather(std::span{children}, return_when::first_failure);
        detail::raise_from(detail::as<T>(ended.decisive));
    }
    std::vector<T> results;
    results.reserve(children.size());
    for (const task_ref& child : children) {
        results.push_back(detail::as<T>(child).take());
    }
    co_return results;
}

/// As gather, with return_exceptions=True: an exception is a result like others, and nothing is raised but the
/// awaiting task's own cancellation, once all children have ended.
template <typename T>
task<std::vector<gathered<T>>> gather_exceptions(std::vector<task<T>> coroutines) {
    const std::vector<task_ref> children = detail::start_all(std::move(coroutines));
    if (!children.empty()) {
        const auto ended = co_await wait_as_gather(std::span{children}, return_when::all_completed);
        if (ended.cancel_requested) {
            throw cancelled_error{};
        }
    }
    std::vector<gathered<T>> results;
    results.reserve(children.size());
    for (const task_ref& each : children) {
        auto& child = detail::as<T>(each);
        if (const auto failure = child.exception()) {
            results.emplace_back(std::in_place_index<1>, failure);
        } else if constexpr (std::is_void_v<T>) {
            results.emplace_back(std::in_place_index<0>);
        } else {
            results.emplace_back(std::in_place_index<0>, child.take());
        }
    }
    co_return results;
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
    co_return std::apply([](const auto&... child) { return std::tuple<Ts...>{child.take()...}; }, children);
}

}  // namespace gatherd::executor
