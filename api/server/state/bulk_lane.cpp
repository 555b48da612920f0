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

/// Owns itself until it has run.
struct bulk_lane::job : executor::pool_work {
    job(bulk_lane& owner, std::function<void()> call) noexcept
        : pool_work{[](work& self) noexcept { static_cast<job&>(self).run_body(); },
                    [](work& self) noexcept { static_cast<job&>(self).end(); }},
          lane{owner},
          body{std::move(call)} {}

    void run_body() noexcept {
        body();
        body = nullptr;  // what it keeps alive goes before the job counts as finished
    }

    void end() noexcept {
        const std::unique_ptr<job> self{this};
        const std::lock_guard guard{lane.lock_};
        if (--lane.unfinished_ == 0) {
            lane.finished_.notify_all();
        }
    }

    bulk_lane& lane;
    std::function<void()> body;
};

bulk_lane::bulk_lane(std::size_t most_threads, std::function<void()> begin)
    : threads_{{.max_threads = most_threads, .name = "bulk", .begin = std::move(begin)},
               executor::blocking_pool::open_calls::awaited} {}

void bulk_lane::submit(std::function<void()> body) {
    auto made = std::make_unique<job>(*this, std::move(body));
    {
        const std::lock_guard guard{lock_};
        ++unfinished_;
    }
    job& item = *made.release();
    if (!threads_.submit(item)) {
        item.run(item);
        item.tell(item);
    }
}

void bulk_lane::finish() noexcept {
    std::unique_lock guard{lock_};
    finished_.wait(guard, [this] { return unfinished_ == 0; });
}

}  // namespace gatherd::api::server
