#include "api/server/state/bulk_lane.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace gatherd::api::server {
namespace {

constexpr int niceness = 5;

}  // namespace

void be_nice() noexcept {
    // On Linux this is about the calling thread alone. A refusal costs nothing but the preference.
    static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness));
}

/// For the pool: the right to run one job, whichever is next when a thread has come to it. As many as there are jobs.
/// Owns itself until it has run.
struct bulk_lane::turn : executor::pool_work {
    explicit turn(bulk_lane& owner) noexcept
        : pool_work{[](work& self) noexcept { static_cast<turn&>(self).run_job(); },
                    [](work& self) noexcept { static_cast<turn&>(self).end(); }},
          lane{owner} {}

    void run_job() const noexcept {
        const auto job = lane.next();
        job();
    }  // what the job keeps alive goes before it counts as finished

    void end() noexcept {
        const std::unique_ptr<turn> self{this};
        const std::lock_guard guard{lane.lock_};
        if (--lane.unfinished_ == 0) {
            lane.finished_.notify_all();
        }
    }

    bulk_lane& lane;
};

bulk_lane::bulk_lane(std::size_t most_threads, std::function<void()> begin)
    : threads_{{.max_threads = most_threads, .name = "bulk", .begin = std::move(begin)},
               executor::blocking_pool::open_calls::awaited} {}

void bulk_lane::add(kind what_for, const client& owner, std::function<void()> job) {
    auto made = std::make_unique<turn>(*this);
    {
        const std::lock_guard guard{lock_};
        waiting_[static_cast<std::size_t>(what_for)].push(owner, std::move(job));
        ++unfinished_;
    }
    turn& item = *made.release();
    if (!threads_.submit(item)) {
        item.run(item);
        item.tell(item);
    }
}

/// There is one for each turn.
std::function<void()> bulk_lane::next() {
    const std::lock_guard guard{lock_};
    const std::size_t other = 1 - last_kind_;
    last_kind_ = waiting_[other].empty() ? last_kind_ : other;
    return waiting_[last_kind_].pop();
}

void bulk_lane::finish() noexcept {
    std::unique_lock guard{lock_};
    finished_.wait(guard, [this] { return unfinished_ == 0; });
}

}  // namespace gatherd::api::server
