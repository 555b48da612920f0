/// \file
/// Handing items from task to task: asyncio.Queue.
#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

#include "gatherd/executor/detail/unfinished_work.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/semaphore.hpp"

namespace gatherd::executor {

/// A bounded queue of items, between any number of tasks that put and get. `Items` says which item is next.
///
/// It is two semaphores round a container, one for free slots and one for items, and has its order from them: those who
/// wait in put, and those who wait in get, are served first come, first served. For each item that is put while tasks
/// wait in get, the first of them may take one, and for each slot that becomes free the first in put: such an item or
/// slot does not count in size, empty and full any more, and no newcomer takes it. That is the one thing in which it
/// differs from CPython 3.11's asyncio/queues.py, where a newcomer may be faster than a waiter who was woken. Which
/// item it is depends, as there, on what is next when the task runs.
///
/// Threads: all are safe from any; put, get and join are for tasks. It must outlive its waiters. Waiting costs no
/// allocation. An item's move must not throw.
template <typename Items>
class basic_queue {
public:
    using value_type = typename Items::value_type;
    static_assert(std::is_nothrow_move_constructible_v<value_type>, "an item must not be lost on its way");

    /// `maxsize` 0: no bound.
    explicit basic_queue(std::size_t maxsize = 0, Items items = Items{})
        : maxsize_{maxsize},
          slots_{maxsize == 0 ? std::numeric_limits<std::size_t>::max() : maxsize},
          items_{std::move(items)} {}

    class put_awaiter;
    class get_awaiter;

    /// `co_await q.put(item)`: waits for a slot. Raises cancelled_error when cancelled, then the item is not in the
    /// queue.
    [[nodiscard]] put_awaiter put(value_type item) { return put_awaiter{*this, std::move(item)}; }

    /// `co_await q.get()`: waits for an item. Raises cancelled_error when cancelled, then without one.
    [[nodiscard]] get_awaiter get() noexcept { return get_awaiter{*this}; }

    /// Throws queue_full when there is no slot.
    void put_nowait(value_type item) {
        if (!slots_.try_acquire()) {
            throw queue_full{};
        }
        store(std::move(item));
    }

    /// Throws queue_empty when there is no item.
    [[nodiscard]] value_type get_nowait() {
        if (!ready_.try_acquire()) {
            throw queue_empty{};
        }
        return take();
    }

    /// `co_await q.join()`: until task_done was called for each item that was put.
    [[nodiscard]] auto join() noexcept { return unfinished_.join(); }

    /// An item that was got is processed. Throws value_error when that was said of all that were put.
    void task_done() { unfinished_.done(); }

    [[nodiscard]] std::size_t maxsize() const noexcept { return maxsize_; }

    /// How many items get_nowait could take now. Like the next two, it may change at once.
    [[nodiscard]] std::size_t size() const noexcept { return ready_.value(); }
    [[nodiscard]] bool empty() const noexcept { return ready_.locked(); }
    [[nodiscard]] bool full() const noexcept { return maxsize_ != 0 && slots_.locked(); }

private:
    /// With a permit of slots_.
    void store(value_type item) {
        try {
            const std::lock_guard guard{lock_};
            items_.push(std::move(item));
        } catch (...) {  // out of memory, most likely: not put, so the slot is free
            slots_.release();
            throw;
        }
        unfinished_.add();
        ready_.release();
    }

    /// With a permit of ready_.
    value_type take() noexcept {
        value_type item = [this] {
            const std::lock_guard guard{lock_};
            return items_.pop();
        }();
        slots_.release();
        return item;
    }

    const std::size_t maxsize_;
    semaphore slots_;
    semaphore ready_{0};
    detail::unfinished_work unfinished_;
    std::mutex lock_;  // no spin lock: the container allocates, and items move and compare as they like
    Items items_;      // under lock_
};

template <typename Items>
class [[nodiscard]] basic_queue<Items>::put_awaiter : public semaphore::acquire_awaiter {
public:
    put_awaiter(basic_queue& to, value_type item) noexcept
        : acquire_awaiter{to.slots_}, to_{to}, item_{std::move(item)} {}

    void await_resume() {
        acquire_awaiter::await_resume();
        to_.store(std::move(item_));
    }
    [[nodiscard]] const char* kind() const noexcept override { return "queue.put"; }

private:
    basic_queue& to_;
    value_type item_;
};

template <typename Items>
class [[nodiscard]] basic_queue<Items>::get_awaiter : public semaphore::acquire_awaiter {
public:
    explicit get_awaiter(basic_queue& from) noexcept : acquire_awaiter{from.ready_}, from_{from} {}

    value_type await_resume() const {
        acquire_awaiter::await_resume();
        return from_.take();
    }
    [[nodiscard]] const char* kind() const noexcept override { return "queue.get"; }

private:
    basic_queue& from_;
};

/// First in, first out.
template <typename T>
class fifo_items {
public:
    using value_type = T;

    void push(T item) { items_.push_back(std::move(item)); }
    [[nodiscard]] T pop() noexcept {
        T first = std::move(items_.front());
        items_.pop_front();
        return first;
    }

private:
    std::deque<T> items_;
};

/// asyncio.Queue: items come out in the order in which they went in.
template <typename T>
using queue = basic_queue<fifo_items<T>>;

}  // namespace gatherd::executor
