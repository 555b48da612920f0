#include "gatherd/executor/task.hpp"

#include <new>
#include <vector>

namespace gatherd::executor::detail {

void drop_unstarted(std::coroutine_handle<> frame) noexcept {
    constexpr int deepest = 64;
    static thread_local constinit int depth = 0;  // drops within drops on this thread
    static thread_local constinit std::vector<std::coroutine_handle<>>* put_off = nullptr;  // of the outermost

    if (depth == deepest) {
        try {
            put_off->push_back(frame);
        } catch (const std::bad_alloc&) {
            frame.destroy();  // by stack
        }
        return;
    }
    std::vector<std::coroutine_handle<>> later;
    if (depth == 0) {
        put_off = &later;
    }
    ++depth;
    frame.destroy();
    while (!later.empty()) {  // only of the outermost
        const auto next = later.back();
        later.pop_back();
        next.destroy();
    }
    --depth;
}

}  // namespace gatherd::executor::detail
