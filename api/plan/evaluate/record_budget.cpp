#include "api/plan/evaluate/record_budget.hpp"

#include "api/plan/evaluate/node_recorder.hpp"

namespace gatherd::api::plan {

void record_budget::enter(node_recorder& newcomer) {
    const std::lock_guard guard{lock_};
    newcomer.in_budget_ = records_.insert(records_.end(), &newcomer);
}

void record_budget::leave(node_recorder& leaving) noexcept {
    const std::lock_guard guard{lock_};
    if (leaving.in_budget_) {
        records_.erase(*leaving.in_budget_);
    }
}

void record_budget::make_room() noexcept {
    if (const std::size_t most = most_bytes(); bytes() > most) {
        cut_down_to(most - most / 8);  // some room, so that not each further node comes here
    }
}

bool record_budget::cut_all() noexcept {
    const std::size_t before = bytes();
    cut_down_to(0);
    return bytes() < before;
}

void record_budget::cut_down_to(std::size_t most) noexcept {
    const std::lock_guard guard{lock_};
    while (bytes() > most && !records_.empty()) {
        node_recorder& oldest = *records_.front();  // it waits for this lock before it dies
        records_.pop_front();
        oldest.in_budget_.reset();
        oldest.cut_short();
    }
}

}  // namespace gatherd::api::plan
