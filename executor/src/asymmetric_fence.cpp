#include "gatherd/executor/detail/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gatherd::executor {
namespace {

long membarrier(int command) noexcept {
    return syscall(SYS_membarrier, command, 0, 0);
}

bool registered() noexcept {
    const long known = membarrier(MEMBARRIER_CMD_QUERY);
    return known > 0 && (known & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
           membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

}  // namespace

void asymmetric_fence::prepare() noexcept {
    static const bool once = has_membarrier_ = registered();
    static_cast<void>(once);
}

void asymmetric_fence::heavy() noexcept {
    if (has_membarrier_) {
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);  // cannot fail once registered
    } else {
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
}

}  // namespace gatherd::executor
