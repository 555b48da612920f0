#include "executor/compute_lane.hpp"

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <algorithm>

namespace gatherd::executor {

struct compute_lane::state {
    // No slot is kept for a thread of ours: workers never enter the arena.
    // More threads than oneTBB has would only make it warn.
    explicit state(std::size_t max_threads)
        : arena{std::min(static_cast<int>(max_threads), oneapi::tbb::info::default_concurrency()), 0} {}

    oneapi::tbb::task_arena arena;
    oneapi::tbb::task_group running;
};

compute_lane::compute_lane(std::size_t max_threads) : state_{std::make_unique<state>(max_threads)} {}

compute_lane::~compute_lane() {
    stop();
}

bool compute_lane::submit(work& item) {
    state_->arena.enqueue(state_->running.defer([&item] { item.run(item); }));
    return true;
}

void compute_lane::stop() noexcept {
    state_->arena.execute([this] { state_->running.wait(); });
}

}  // namespace gatherd::executor
