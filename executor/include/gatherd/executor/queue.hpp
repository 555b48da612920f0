/// \file
/// Handing items from task to task: asyncio.Queue, LifoQueue and PriorityQueue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {
namespace detail {

/// All of a queue but its items. Waiting tasks share it, so that they may go on after the queue was destroyed.
///
/// Invariants  I1  a slot or an item is free, or promised to one task, which took it or was taken out of a wait queue
///             I2  nobody waits for a slot, or an item, while one is free, nor after the queue was shut down
///             I3  items that are promised are in the container, unless `is_emptied`
class queue_core : public std::enable_shared_from_this<queue_core> {
public:
    explicit queue_core(std::size_t maxsize) noexcept;

    /// A number of things that nobody has been promised, and the tasks that wait for one.
    struct stock {
        std::size_t free;
        wait_queue waiters{};

        /// Gives one to the first waiter, which must be resumed; null when nobody waits.
        [[nodiscard]] wait_queue::entry* give() noexcept {
            wait_queue::entry* const next = waiters.take_first();
            free += next == nullptr ? 1 : 0;
            return next;
        }
    };

    class stock_awaiter;
    class join_awaiter;

    void task_done();
    [[nodiscard]] std::size_t free_of(const stock& which) const noexcept;

    /// Nothing can be put any more: asyncio's shutdown. `immediate`: nor can anything be got, and the caller drops the
    /// items. Gives how many there are. `by_destructor`: who waits gets abandoned_error.
    std::size_t close(bool immediate, bool by_destructor) noexcept;

    /// Under the lock: throws what the functions of a closed queue throw.
    [[noreturn]] void refuse() const;

    mutable std::mutex lock;  // no spin lock: the container allocates, and items move and compare as they like
    stock slots;              // under lock, as all below
    stock ready{0};           // items
    wait_queue joiners;
    std::size_t size = 0;  // items, promised ones too
    std::size_t unfinished = 0;
    bool is_closed = false;
    bool is_emptied = false;  // closed, and no item may be touched
    bool is_destroyed = false;
};

/// Waits until one of a stock is promised to the task.
class queue_core::stock_awaiter : public wait_queue::entry {
public:
    stock_awaiter(queue_core& core, stock& wanted) noexcept : core_{core}, wanted_{wanted} {}

    [[nodiscard]] bool await_ready() noexcept;
    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs&) noexcept override;

protected:
    /// What await_resume begins with: gives the lock, under which the promise is to be kept. Throws.
    [[nodiscard]] std::unique_lock<std::mutex> promised();

    queue_core& core_;

private:
    [[nodiscard]] bool try_promise() noexcept;

    stock& wanted_;
    std::shared_ptr<queue_core> kept_;  // from the time at which it may have to wait
    bool is_promised_ = false;
};

class [[nodiscard]] queue_core::join_awaiter : public wait_queue::entry {
public:
    explicit join_awaiter(queue_core& core) noexcept : core_{core} {}

    void await_resume() const { go_on(); }
    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs&) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "queue.join"; }

private:
    queue_core& core_;
};

}  // namespace detail

/// A bounded queue of items, between any number of tasks that put and get. `Items` says which item is next.
///
/// Tasks that wait in put, and tasks that wait in get, are served first come, first served. For each item that is put
/// while tasks wait in get, the first of them is promised one, and for each slot that becomes free the first in put:
/// such an item or slot does not count in size, empty and full any more, and no newcomer takes it. That is the one
/// difference from CPython 3.13's asyncio/queues.py, where a newcomer may be faster than a waiter that was woken. Which
/// item it is depends, as there, on what is next when the task runs.
///
/// Destroying it resumes all tasks that wait in put, get and join: they raise abandoned_error. A task that uses it
/// again is a use after its life; so end such tasks first, by shutdown or in a task_group.
///
/// Threads: all members are safe from any thread; put, get and join are for tasks. One allocation, and those of the
/// container; waiting allocates nothing. An item's move must not throw.
template <typename Items>
class basic_queue {
public:
    using value_type = typename Items::value_type;
    static_assert(std::is_nothrow_move_constructible_v<value_type>, "an item must not be lost on its way");

    /// `maxsize` 0: no bound.
    explicit basic_queue(std::size_t maxsize = 0, Items items = Items{})
        : core_{std::make_shared<core>(maxsize, std::move(items))}, maxsize_{maxsize} {}
    basic_queue(const basic_queue&) = delete;
    basic_queue& operator=(const basic_queue&) = delete;
    ~basic_queue() { close(true, true); }

    class put_awaiter;
    class get_awaiter;

    /// `co_await q.put(item)`: waits for a slot. Raises cancelled_error when cancelled, then the item is not in the
    /// queue; queue_shut_down after shutdown.
    [[nodiscard]] put_awaiter put(value_type item) { return put_awaiter{*core_, std::move(item)}; }

    /// `co_await q.get()`: waits for an item. Raises cancelled_error when cancelled, then without one; queue_shut_down
    /// after shutdown, when no item is left.
    [[nodiscard]] get_awaiter get() noexcept { return get_awaiter{*core_}; }

    /// Throws queue_full when there is no slot, queue_shut_down after shutdown.
    void put_nowait(value_type item) {
        std::unique_lock guard{core_->lock};
        if (core_->is_closed) {
            core_->refuse();
        }
        if (core_->slots.free == 0) {
            throw queue_full{};
        }
        --core_->slots.free;
        core_->store(std::move(item), std::move(guard));
    }

    /// Throws queue_empty when there is no item, queue_shut_down when there will be none.
    [[nodiscard]] value_type get_nowait() {
        std::unique_lock guard{core_->lock};
        if (core_->ready.free == 0) {
            if (core_->is_closed) {
                core_->refuse();
            }
            throw queue_empty{};
        }
        --core_->ready.free;
        return core_->take(std::move(guard));
    }

    /// `co_await q.join()`: waits until task_done was called for each item that was put.
    [[nodiscard]] auto join() noexcept { return detail::queue_core::join_awaiter{*core_}; }

    /// An item that was got is processed. Throws value_error when that was said of all that were put.
    void task_done() { core_->task_done(); }

    /// Closes the queue: asyncio's shutdown. From now on put raises queue_shut_down, also in tasks that wait in it; get
    /// does so as soon as no item is left. `immediate`: the items are dropped, as if task_done was called for each.
    void shutdown(bool immediate = false) { close(immediate, false); }

    [[nodiscard]] std::size_t maxsize() const noexcept { return maxsize_; }

    /// How many items get_nowait could take now. Like the next two, it may change at once.
    [[nodiscard]] std::size_t size() const noexcept { return core_->free_of(core_->ready); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool full() const noexcept { return maxsize_ != 0 && core_->free_of(core_->slots) == 0; }

private:
    struct core final : detail::queue_core {
        core(std::size_t maxsize, Items container) : queue_core{maxsize}, items{std::move(container)} {}

        /// Into a slot that the caller was promised.
        void store(value_type item, std::unique_lock<std::mutex> guard) {
            wait_queue::entry* next = nullptr;
            try {
                items.push(std::move(item));
                ++size;
                ++unfinished;
                next = ready.give();
            } catch (...) {  // out of memory, most likely: not put, so the slot is free
                next = slots.give();
                guard.unlock();
                wait_queue::resume_all(next);
                throw;
            }
            guard.unlock();
            wait_queue::resume_all(next);
        }

        /// The next item, which the caller was promised.
        value_type take(std::unique_lock<std::mutex> guard) noexcept {
            value_type item = items.pop();
            --size;
            wait_queue::entry* const next = slots.give();
            guard.unlock();
            wait_queue::resume_all(next);
            return item;
        }

        Items items;  // under lock
    };

    void close(bool immediate, bool by_destructor) noexcept {
        for (std::size_t left = core_->close(immediate, by_destructor); left > 0; --left) {
            static_cast<void>(core_->items.pop());  // without the lock: an item may do anything at its end
        }
    }

    const std::shared_ptr<core> core_;
    const std::size_t maxsize_;
};

template <typename Items>
class [[nodiscard]] basic_queue<Items>::put_awaiter : public detail::queue_core::stock_awaiter {
public:
    put_awaiter(core& queue, value_type item) noexcept : stock_awaiter{queue, queue.slots}, item_{std::move(item)} {}

    void await_resume() {
        auto guard = this->promised();
        if (this->core_.is_closed) {
            this->core_.refuse();
        }
        static_cast<core&>(this->core_).store(std::move(item_), std::move(guard));
    }
    [[nodiscard]] const char* kind() const noexcept override { return "queue.put"; }

private:
    value_type item_;
};

template <typename Items>
class [[nodiscard]] basic_queue<Items>::get_awaiter : public detail::queue_core::stock_awaiter {
public:
    explicit get_awaiter(core& queue) noexcept : stock_awaiter{queue, queue.ready} {}

    value_type await_resume() {
        auto guard = this->promised();
        if (this->core_.is_emptied) {
            this->core_.refuse();
        }
        return static_cast<core&>(this->core_).take(std::move(guard));
    }
    [[nodiscard]] const char* kind() const noexcept override { return "queue.get"; }
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

/// Last in, first out.
template <typename T>
class lifo_items {
public:
    using value_type = T;

    void push(T item) { items_.push_back(std::move(item)); }
    [[nodiscard]] T pop() noexcept {
        T last = std::move(items_.back());
        items_.pop_back();
        return last;
    }

private:
    std::vector<T> items_;
};

/// The lowest first, by `Compare`, which must not throw; equal ones in any order, as in a heap.
template <typename T, typename Compare = std::less<T>>
class sorted_items {
public:
    using value_type = T;

    explicit sorted_items(Compare lower = Compare{}) : lower_{std::move(lower)} {}

    void push(T item) {
        items_.push_back(std::move(item));
        std::push_heap(items_.begin(), items_.end(), higher());
    }
    [[nodiscard]] T pop() noexcept {
        std::pop_heap(items_.begin(), items_.end(), higher());
        T lowest = std::move(items_.back());
        items_.pop_back();
        return lowest;
    }

private:
    /// The standard's heaps have the highest on top.
    [[nodiscard]] auto higher() const noexcept {
        return [this](const T& a, const T& b) { return lower_(b, a); };
    }

    Compare lower_;
    std::vector<T> items_;
};

/// asyncio.Queue: items come out in the order in which they went in.
template <typename T>
using queue = basic_queue<fifo_items<T>>;

/// asyncio.LifoQueue: the newest item is next.
template <typename T>
using lifo_queue = basic_queue<lifo_items<T>>;

/// asyncio.PriorityQueue: the lowest item is next.
template <typename T, typename Compare = std::less<T>>
using priority_queue = basic_queue<sorted_items<T, Compare>>;

}  // namespace gatherd::executor
