#include "gatherd/executor/timer.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <latch>

#include "gatherd/executor/scheduler.hpp"

namespace gatherd::executor {

TEST_CASE("timer: suspended on one worker, it rings on the one where it is resumed", "[timer]") {
    scheduler on{{.workers = 2}};
    timer late;
    timer cancelled;
    std::latch is_over{1};
    std::atomic<bool> rang_elsewhere{false};
    asio::post(on.io(0), [&] {
        const std::size_t here = on.timer_home();
        late.set(on, std::chrono::milliseconds{1}, [&, here] {
            rang_elsewhere = on.timer_home() != here;
            is_over.count_down();
        });
        cancelled.set(on, std::chrono::milliseconds{1}, [] { std::terminate(); });
        late.suspend();
        cancelled.suspend();
        asio::post(on.io(1), [&] {
            static_cast<void>(cancelled.cancel());
            cancelled.resume(on);
            late.resume(on);
            late.resume(on);
        });
    });
    is_over.wait();
    CHECK(rang_elsewhere);
    on.stop();
}

}  // namespace gatherd::executor
