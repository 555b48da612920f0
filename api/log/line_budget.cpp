#include "api/log/line_budget.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "gatherd/executor/timer.hpp"

namespace gatherd::api::log {

struct line_budget::state {
    const double most;
    const double each_second;
    executor::scheduler& threads;
    const teller tell;
    std::mutex lock{};
    double left = most;  // under lock, as all below
    std::optional<clock::time_point> last{};
    std::uint64_t left_out = 0;
    executor::timer telling{};  // set while lines were left out

    /// Lets go of the lock first.
    void tell_left_out(std::unique_lock<std::mutex> guard) {
        const auto count = std::exchange(left_out, 0);
        guard.unlock();
        if (count > 0) {
            tell(count);
        }
    }
};

line_budget::line_budget(double most, double each_second, executor::scheduler& threads, teller tell)
    : state_{std::make_shared<state>(most, each_second, threads, std::move(tell))} {}

line_budget::~line_budget() = default;

bool line_budget::pass(clock::time_point now) {
    state& s = *state_;
    std::unique_lock guard{s.lock};
    if (s.last) {
        s.left = std::min(s.most, s.left + s.each_second * std::chrono::duration<double>{now - *s.last}.count());
    }
    s.last = now;
    if (s.left >= 1) {
        s.left -= 1;
        s.telling.cancel();
        s.tell_left_out(std::move(guard));
        return true;
    }
    if (s.left_out++ == 0) {
        const std::chrono::duration<double> two_lines{2 / s.each_second};
        s.telling.set(s.threads, std::chrono::duration_cast<std::chrono::nanoseconds>(two_lines),
                      [kept = std::weak_ptr{state_}] {
                          if (const auto here = kept.lock()) {
                              here->tell_left_out(std::unique_lock{here->lock});
                          }
                      });
    }
    return false;
}

}  // namespace gatherd::api::log
