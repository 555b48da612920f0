#include "gatherd/executor/fork_join/fork_frame.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

namespace gatherd::executor::detail {

void fork_without_join() noexcept {
    std::fputs("gatherd: a forked call returned or raised before it joined what it had forked\n", stderr);
    std::terminate();
}

void fork_frame::raise_kept_failure() {
    const std::unique_ptr<std::exception_ptr> kept{failure_.exchange(nullptr, std::memory_order_relaxed)};  // J
    std::rethrow_exception(std::move(*kept));
}

}  // namespace gatherd::executor::detail
