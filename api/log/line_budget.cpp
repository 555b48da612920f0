#include "api/log/line_budget.hpp"

#include <algorithm>
#include <utility>

namespace gatherd::api::log {

std::optional<std::uint64_t> line_budget::pass(clock::time_point now) {
    const std::lock_guard guard{lock_};
    if (last_) {
        left_ = std::min(most_, left_ + each_second_ * std::chrono::duration<double>{now - *last_}.count());
    }
    last_ = now;
    if (left_ < 1) {
        ++left_out_;
        return std::nullopt;
    }
    left_ -= 1;
    return std::exchange(left_out_, 0);
}

}  // namespace gatherd::api::log
