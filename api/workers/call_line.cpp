#include "api/workers/call_line.hpp"

#include <tuple>
#include <utility>

namespace gatherd::api::workers {

void call_line::push(entry& last) {
    const auto known = programs_.find(last.program_);
    const bool is_new = known == programs_.end();
    auto own = is_new ? ring_.insert(ring_.end(), {last.program_, {}}) : known->second;
    if (is_new) {
        programs_.emplace(last.program_, own);
    }
    const auto turn = turns_.turns_.try_emplace(last.program_, program_turns::turn{turns_.number_ + 1, 0}).first;
    last.number_ = ++turns_.number_;
    last.turn_ = &turn->second;
    ++last.turn_->waiting;
    last.of_program_ = own->calls.insert(own->calls.end(), &last);
    last.by_arrival_ = arrivals_.insert(arrivals_.end(), &last);
    last.is_in_line_ = true;
}

void call_line::leave(entry& leaving, ring::iterator own) noexcept {
    own->calls.erase(leaving.of_program_);
    arrivals_.erase(leaving.by_arrival_);
    leaving.is_in_line_ = false;
    if (--std::exchange(leaving.turn_, nullptr)->waiting == 0) {
        turns_.turns_.erase(leaving.program_);
    }
    if (own->calls.empty()) {
        programs_.erase(leaving.program_);
        ring_.erase(own);
    }
}

void call_line::remove(entry& leaving) noexcept {
    leave(leaving, programs_.find(leaving.program_)->second);
}

call_line::entry& call_line::pop() noexcept {
    const auto own = ring_.begin();
    entry& next = *own->calls.front();
    next.turn_->last = ++turns_.number_;
    ring_.splice(ring_.end(), ring_, own);
    leave(next, own);
    return next;
}

bool call_line::goes_before(const call_line& other) const noexcept {
    const entry& mine = front();
    const entry& theirs = other.front();
    return std::tie(mine.turn_->last, mine.number_) < std::tie(theirs.turn_->last, theirs.number_);
}

}  // namespace gatherd::api::workers
