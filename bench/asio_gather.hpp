/// \file
/// Fork and join for Asio's coroutines, which Asio 1.22 has only for a number of them that is known when compiling.
#pragma once

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace gatherd::bench {
namespace detail {

/// Calls the parent's handler when all children have ended and the parent has started the last of them.
template <typename Handler>
class children_left {
public:
    children_left(std::size_t children, Handler&& parent) : left_{children + 1}, parent_{std::move(parent)} {}

    void child_ended() {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            asio::dispatch(std::move(parent_));
        }
    }
    void all_started() {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            asio::post(std::move(parent_));  // not at once: the parent is still about to suspend
        }
    }

private:
    std::atomic<std::size_t> left_;
    Handler parent_;
};

}  // namespace detail

/// Runs all children on the caller's executor; their results in order. An exception ends the program.
template <typename T>
asio::awaitable<std::vector<T>> gather(std::vector<asio::awaitable<T>> children) {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<T> results(children.size());
    auto start = [&executor, &children, &results](auto parent) {
        using left_type = detail::children_left<decltype(parent)>;
        const auto left = std::make_shared<left_type>(children.size(), std::move(parent));
        for (std::size_t i = 0; i < children.size(); ++i) {
            T& result = results[i];
            asio::co_spawn(executor, std::move(children[i]), [left, &result](std::exception_ptr failure, T value) {
                if (failure) {
                    std::terminate();
                }
                result = std::move(value);
                left->child_ended();
            });
        }
        left->all_started();
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
    co_return results;
}

}  // namespace gatherd::bench
