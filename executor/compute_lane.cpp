#include "executor/compute_lane.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <mutex>

namespace gatherd::executor {

/// Made by the first call: who never computes has none of its threads.
struct compute_lane::state {
    // oneTBB counts the thread that waits for the work among its threads; ours never does, so it gets one more. No slot
    // of the arena is kept for a thread of ours: workers never enter it.
    explicit state(std::size_t max_threads)
        : threads{oneapi::tbb::global_control::max_allowed_parallelism, max_threads + 1},
          arena{static_cast<int>(max_threads), 0} {}

    oneapi::tbb::global_control threads;
    oneapi::tbb::task_arena arena;
    oneapi::tbb::task_group running;
};

compute_lane::compute_lane(std::size_t max_threads) noexcept : max_threads_{max_threads} {}

compute_lane::~compute_lane() {
    stop();
}

bool compute_lane::submit(work& item) {
    std::call_once(made_, [this] { state_ = std::make_unique<state>(max_threads_); });
    state_->arena.enqueue(state_->running.defer([&item] { item.run(item); }));
    return true;
}

void compute_lane::stop() noexcept {
    if (state_ != nullptr) {
        state_->arena.execute([this] { state_->running.wait(); });
    }
}

}  // namespace gatherd::executor
