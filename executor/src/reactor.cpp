#include "gatherd/executor/detail/reactor.hpp"

#include <asio/bind_allocator.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>

namespace gatherd::executor {

struct reactor::parts {
    /// The memory of the one wake-up that may be on its way: to wake a worker must not fail.
    template <typename T>
    struct wake_memory {
        using value_type = T;

        explicit wake_memory(parts& owner) noexcept : space{owner.wake_space} {}
        template <typename U>
        wake_memory(const wake_memory<U>& other) noexcept : space{other.space} {}

        [[nodiscard]] T* allocate(std::size_t count) const noexcept {
            static_assert(sizeof(T) <= sizeof(wake_space) && alignof(T) <= alignof(std::max_align_t));
            assert(count == 1);
            static_cast<void>(count);
            return reinterpret_cast<T*>(space);
        }
        void deallocate(T*, std::size_t) const noexcept {}
        friend bool operator==(const wake_memory&, const wake_memory&) noexcept { return true; }

        std::byte* space;
    };

    // The hint says that one thread runs it; posts from others stay safe.
    asio::io_context context{1};
    std::atomic<bool> is_waking{false};  // wake_space is in use
    alignas(std::max_align_t) std::byte wake_space[128];
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
};

reactor::reactor() : parts_{std::make_unique<parts>()}, context_{&parts_->context} {}
reactor::~reactor() = default;

bool reactor::run_ready() {
    return context_->poll_one() > 0;
}

void reactor::wait(std::chrono::nanoseconds limit) {
    ++looks_;
    context_->run_one_for(limit);
}

void reactor::wake() noexcept {
    if (!parts_->is_waking.exchange(true, std::memory_order_acq_rel)) {  // W: else who is being woken sees what we did
        asio::post(*context_, asio::bind_allocator(parts::wake_memory<std::byte>{*parts_}, [&parts = *parts_] {
            parts.is_waking.exchange(false, std::memory_order_acq_rel);  // W
        }));
    }
}

}  // namespace gatherd::executor
