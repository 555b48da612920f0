#include "gatherd/executor/detail/compute_pool.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

namespace gatherd::executor {
namespace {

/// oneTBB starts its threads from whichever needs them, so that they may inherit a pinned worker's CPU. Each that
/// enters the arena for a part of a parallel algorithm is sent where it may run.
class unpinning : public oneapi::tbb::task_scheduler_observer {
public:
    unpinning(oneapi::tbb::task_arena& arena, const cpu_mask& cpus) : task_scheduler_observer{arena}, cpus_{cpus} {
        observe(true);
    }
    /// oneTBB lets the entries end that have begun, and no more begin. ThreadSanitizer does not see what it counts them
    /// by, so there is a number of ours.
    ~unpinning() override {
        observe(false);
        static_cast<void>(entries.load(std::memory_order_acquire));  // E
    }

    void on_scheduler_entry(bool /*is_worker*/) override {
        static_cast<void>(cpus_.apply_to(pthread_self()));  // refused: it works where it is
        entries.fetch_add(1, std::memory_order_release);    // E: all of the above comes before the end of this object
    }

private:
    static inline std::atomic<std::size_t> entries{0};

    const cpu_mask& cpus_;
};

}  // namespace

class compute_pool::arena {
public:
    arena(std::size_t max_threads, cpu_mask cpus) : max_threads_{max_threads}, cpus_{std::move(cpus)} {}

    void run(work& item) noexcept {
        bool has_run = false;
        try {
            std::call_once(prepared_, [this] { prepare(); });
            tasks_.execute([&item, &has_run]() noexcept {
                has_run = true;
                item.run(item);
            });
        } catch (const std::exception&) {  // no memory for the arena: the call is made without it
        }
        if (!has_run) {
            item.run(item);
        }
    }

    void use_all_cpus() const noexcept {
        if (!cpus_.empty()) {
            static_cast<void>(cpus_.apply_to(pthread_self()));  // refused: it works where it is
        }
    }

private:
    /// A slot for each thread of ours, so that none waits for one; and as many more as help one that is alone, if
    /// oneTBB may start them: it prints a warning when it is asked for more.
    void prepare() {
        using limit = oneapi::tbb::global_control;
        const std::size_t helpers = std::min(max_threads_, limit::active_value(limit::max_allowed_parallelism)) - 1;
        tasks_.initialize(static_cast<int>(max_threads_ + helpers), static_cast<unsigned>(max_threads_));
        if (!cpus_.empty()) {
            unpinned_.emplace(tasks_, cpus_);
        }
    }

    const std::size_t max_threads_;
    const cpu_mask cpus_;
    oneapi::tbb::task_arena tasks_;
    std::once_flag prepared_;
    std::optional<unpinning> unpinned_;
};

compute_pool::compute_pool(std::size_t max_threads, cpu_mask cpus)
    : arena_{std::make_unique<arena>(max_threads, std::move(cpus))},
      threads_{{.max_threads = max_threads,
                .name = "compute",
                .begin = [&arena = *arena_] { arena.use_all_cpus(); },
                .run = [&arena = *arena_](work& item) { arena.run(item); }},
               blocking_pool::open_calls::awaited} {}

compute_pool::~compute_pool() = default;

}  // namespace gatherd::executor
