#include "gatherd/executor/async_scope.hpp"

#include <exception>
#include <stdexcept>

#include "executor/src/scope_end.hpp"
#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

void detail::refuse_worker(const char* rule) {
    if (worker::current() != nullptr) {
        throw std::logic_error{rule};
    }
}

async_scope::async_scope(scheduler& pool, ordering order)
    : task_scope{pool, order}, end_{std::make_shared<detail::scope_end>()} {}

async_scope::~async_scope() {
    if (end_->has_come()) {
        return;
    }
    if (worker::current() != nullptr) {
        end_for_misuse("an async_scope is joined before a worker destroys it");
    }
    cancel();
    begin_to_join();
    end_->wait();
}

void async_scope::wait() {
    detail::refuse_worker("async_scope::wait() would block a worker: await join() instead");
    begin_to_join();
    end_->wait();
}

task<> async_scope::join() {
    if (&task_state::current().scope() == this) {
        throw std::logic_error{"a task cannot join the async_scope that it belongs to"};
    }
    begin_to_join();
    const auto end = end_;
    std::exception_ptr interrupted;
    while (!end->has_come()) {
        try {
            co_await end->reached().wait();
        } catch (const cancelled_error& error) {
            interrupted = std::current_exception();
            cancel_all({}, error.request());
        }
    }
    if (interrupted) {
        std::rethrow_exception(interrupted);
    }
}

std::unique_ptr<async_scope::member> async_scope::enter() {
    std::size_t live = live_.load(std::memory_order_relaxed);
    do {
        if (live == 0) {
            throw std::logic_error{"the async_scope has been joined"};
        }
    } while (!live_.compare_exchange_weak(live, live + 1, std::memory_order_relaxed));  // close() publishes nothing
    try {
        return std::make_unique<member>(*this);
    } catch (...) {
        leave();
        throw;
    }
}

void async_scope::leave() noexcept {
    if (live_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        close();
    }
}

void async_scope::begin_to_join() noexcept {
    if (!is_joining_.exchange(true, std::memory_order_relaxed)) {
        leave();
    }
}

void async_scope::on_drained() noexcept {
    const auto end = end_;  // whoever waits may destroy this object at once
    end->set();
}

}  // namespace gatherd::executor
