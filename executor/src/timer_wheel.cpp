#include "gatherd/executor/detail/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace gatherd::executor {
namespace {

/// Some 146 years: later deadlines count as this, so that no sum here overflows.
constexpr std::chrono::nanoseconds horizon{std::int64_t{1} << 62};

}  // namespace

std::uint64_t timer_wheel::tick_of(clock::time_point deadline) const noexcept {
    if (deadline <= start_) {
        return 0;
    }
    constexpr std::uint64_t round_up = (std::uint64_t{1} << tick_bits) - 1;
    const std::chrono::nanoseconds ahead = std::min<std::chrono::nanoseconds>(deadline - start_, horizon);
    return (static_cast<std::uint64_t>(ahead.count()) + round_up) >> tick_bits;
}

/// Of a timer that is in a slot, or about to be put into one. The level is the highest group of six bits in which its
/// tick differs from the elapsed ones. It stays the same until the slot begins, and then the slot is emptied.
timer_wheel::position timer_wheel::position_of(const timer_node& t) const noexcept {
    const std::uint64_t tick = std::max(tick_of(t.deadline_), elapsed_);
    const std::uint64_t differing = (elapsed_ ^ tick) | (slots - 1);
    const int level = (63 - std::countl_zero(differing)) / slot_bits;
    return {level, tick >> (level * slot_bits) << (level * slot_bits)};
}

/// Gives the tick where its slot begins.
std::uint64_t timer_wheel::link(timer_node& t) noexcept {
    const position at = position_of(t);
    timer_node*& head = head_of(at);
    t.next_ = nullptr;
    if (head == nullptr) {
        t.previous_ = &t;
        head = &t;
        occupied_[static_cast<std::size_t>(at.level)] |= bit_of(at);
    } else {
        t.previous_ = head->previous_;
        t.previous_->next_ = &t;
        head->previous_ = &t;
    }
    return at.tick;
}

void timer_wheel::unlink(timer_node& t) noexcept {
    const position at = position_of(t);
    timer_node*& head = head_of(at);
    if (head == &t) {
        head = t.next_;
    } else {
        t.previous_->next_ = t.next_;
    }
    if (head == nullptr) {
        occupied_[static_cast<std::size_t>(at.level)] &= ~bit_of(at);
    } else {
        (t.next_ != nullptr ? t.next_ : head)->previous_ = t.previous_;
    }
    t.previous_ = nullptr;
}

bool timer_wheel::add(timer_node& t, clock::time_point deadline) noexcept {
    const std::lock_guard guard{lock_};
    t.wheel_ = this;
    t.deadline_ = deadline;
    const std::uint64_t tick = link(t);
    if (tick >= earliest_.load(std::memory_order_relaxed)) {
        return false;
    }
    earliest_.store(tick, std::memory_order_seq_cst);  // T
    return true;
}

bool timer_wheel::remove(timer_node& t) noexcept {
    timer_wheel* const wheel = t.wheel_;  // set before whoever may remove it learnt of it
    if (wheel == nullptr) {
        return false;
    }
    const std::lock_guard guard{wheel->lock_};
    if (t.previous_ == nullptr) {
        return false;
    }
    wheel->unlink(t);
    return true;
}

std::optional<timer_wheel::position> timer_wheel::earliest() const noexcept {
    for (int level = 0; level < levels; ++level) {
        const std::uint64_t bits = occupied_[static_cast<std::size_t>(level)];
        if (bits == 0) {
            continue;
        }
        // A level holds only slots of the present turn, at or after the present one: what differs higher up is above.
        const int shift = level * slot_bits;
        const std::uint64_t present = (elapsed_ >> shift) & (slots - 1);
        const auto ahead = static_cast<std::uint64_t>(std::countr_zero(std::rotr(bits, static_cast<int>(present))));
        return position{level, ((elapsed_ >> shift) + ahead) << shift};
    }
    return std::nullopt;
}

std::optional<clock::time_point> timer_wheel::next_due() const noexcept {
    if (is_behind_.load(std::memory_order_relaxed)) {
        return start_;
    }
    const std::lock_guard guard{lock_};
    const auto first = earliest();
    earliest_.store(first ? first->tick : none, std::memory_order_relaxed);  // not earlier: nobody waits for that
    return first ? std::optional{time_of(first->tick)} : std::nullopt;
}

/// Unlinks what is due by tick `now`, slot by slot, chained through next_.
timer_node* timer_wheel::take_due(std::uint64_t now) noexcept {
    timer_node* due = nullptr;
    timer_node** last = &due;
    for (auto first = earliest(); first && first->tick <= now; first = earliest()) {
        elapsed_ = std::max(elapsed_, first->tick);
        timer_node* t = std::exchange(head_of(*first), nullptr);
        occupied_[static_cast<std::size_t>(first->level)] &= ~bit_of(*first);
        // A long list is out of the caches, and each step waits for the one before. So a second walk comes from the
        // back and fetches the other half meanwhile.
        timer_node* ahead = t->previous_;
        while (t != nullptr) {
            timer_node* const following = t->next_;
            ahead = ahead == nullptr || ahead == t || ahead == following ? nullptr : ahead->previous_;
            if (first->level == 0 || tick_of(t->deadline_) <= now) {
                t->previous_ = nullptr;  // from now on remove() says false
                *last = t;
                last = &t->next_;
            } else {
                static_cast<void>(link(*t));  // one level down, or more
            }
            t = following;
        }
    }
    *last = nullptr;
    elapsed_ = std::max(elapsed_, now);
    const auto first = earliest();
    earliest_.store(first ? first->tick : none, std::memory_order_relaxed);  // as above
    return due;
}

/// One list of two that are in order. Of equal deadlines those of `earlier` come first.
timer_wheel::run timer_wheel::merged(run earlier, run later) noexcept {
    if (earlier.first == nullptr) {
        return later;
    }
    if (later.first->deadline_ >= earlier.last->deadline_) {  // so it is for lists of different slots
        earlier.last->next_ = later.first;
        return {earlier.first, later.last};
    }
    run both{};
    timer_node** link = &both.first;
    timer_node* a = earlier.first;
    timer_node* b = later.first;
    while (a != nullptr && b != nullptr) {
        timer_node*& smaller = b->deadline_ < a->deadline_ ? b : a;
        *link = std::exchange(smaller, smaller->next_);
        link = &(*link)->next_;
    }
    *link = a != nullptr ? a : b;
    both.last = a != nullptr ? earlier.last : later.last;
    return both;
}

/// Sorts by deadline, and leaves equal ones as they stand: a merge sort from below. It needs no memory, so that timers
/// fire also when there is none.
timer_node* timer_wheel::sorted(timer_node* list) noexcept {
    std::array<run, 64> runs{};  // at i none, or 2^i timers; those further up stood earlier
    while (list != nullptr) {
        if (list->wakes_ != nullptr) {
            constexpr int to_write = 1;
            constexpr std::ptrdiff_t line = 64;
            __builtin_prefetch(list->wakes_, to_write);
            __builtin_prefetch(static_cast<char*>(list->wakes_) + line, to_write);
        }
        run next{list, list};
        list = std::exchange(list->next_, nullptr);
        std::size_t i = 0;
        for (; runs[i].first != nullptr; ++i) {
            next = merged(std::exchange(runs[i], {}), next);
        }
        runs[i] = next;
    }
    run all{};
    for (const run& each : runs) {
        if (each.first != nullptr) {
            all = all.first == nullptr ? each : merged(each, all);
        }
    }
    return all.first;
}

std::size_t timer_wheel::fire_due(clock::time_point now) noexcept {
    // One thread at a time, so that later timers do not overtake earlier ones.
    if (now < earliest_due() || firing_.exchange(true, std::memory_order_acquire)) {
        return 0;
    }
    const std::size_t fired = fire_due_alone(now);
    firing_.store(false, std::memory_order_release);
    return fired;
}

std::size_t timer_wheel::fire_due_alone(clock::time_point now) noexcept {
    if (behind_ == nullptr) {  // else what is due now comes after what is left
        const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_).count();
        const std::lock_guard guard{lock_};
        behind_ = take_due(static_cast<std::uint64_t>(passed) >> tick_bits);
    }
    if (behind_ != nullptr && behind_->next_ != nullptr && !is_behind_.load(std::memory_order_relaxed)) {
        behind_ = sorted(behind_);
    }
    std::size_t fired = 0;
    for (; behind_ != nullptr && fired < most_at_once; ++fired) {
        timer_node& t = *std::exchange(behind_, behind_->next_);  // firing may end its life
        t.fire_(t);
    }
    is_behind_.store(behind_ != nullptr, std::memory_order_relaxed);
    return fired;
}

}  // namespace gatherd::executor
