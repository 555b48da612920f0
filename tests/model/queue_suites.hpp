/// \file
/// What a model does with a queue that one thread fills and others take from: the suites of work_deque and run_queue.
/// Include it after every header of gatherd.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "tests/model/relacy_sync.hpp"
#include "tests/model/suites.hpp"

namespace gatherd::model {

struct item {
    rl::var<int> payload;  // plain memory whose data races Relacy reports
    int number = 0;        // known to the model alone, as is all else here that is not Relacy's
    int taken = 0;
};

/// `Queue`: what is modelled; `take_own` and `steal_into` beside it say how its owner and its thieves take.
template <typename Suite, typename Queue, int Threads, int Items, std::size_t Capacity>
class queue_suite : public rl::test_suite<Suite, Threads> {
public:
    void after() {
        while (item* const left = take_own(*queue_)) {
            check(left);
        }
        for (const item& each : items_) {
            RL_ASSERT(each.taken == (each.number < pushed_ ? 1 : 0));
        }
    }

protected:
    void push() {
        item& next = items_[static_cast<std::size_t>(pushed_)];
        next.number = pushed_++;
        next.payload(RL_INFO) = next.number + 1;
        queue_->push(&next);
    }
    void take() { check(take_own(*queue_)); }
    void steal() {
        steal_into(*queue_, [](item* got) { check(got); });
    }
    [[nodiscard]] bool all_pushed() const { return pushed_ == Items; }

private:
    static void check(item* got) {
        if (got != nullptr) {
            RL_ASSERT(got->payload(RL_INFO) == got->number + 1);
            ++got->taken;
            RL_ASSERT(got->taken == 1);
        }
    }

    std::array<item, static_cast<std::size_t>(Items)> items_;
    int pushed_ = 0;
    // By itself: Relacy does not align its suites as a queue wants it.
    std::unique_ptr<Queue> queue_ = std::make_unique<Queue>(Capacity);
};

/// The owner takes two items while a thief wants them.
template <typename Queue>
struct last_items : queue_suite<last_items<Queue>, Queue, 2, 2, 2> {
    void before() {
        this->push();
        this->push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            this->take();
            this->take();
        } else {
            this->steal();
            this->steal();
        }
    }
};

/// The owner takes two items while two thieves want one each.
template <typename Queue>
struct two_thieves : queue_suite<two_thieves<Queue>, Queue, 3, 2, 2> {
    void before() {
        this->push();
        this->push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            this->take();
            this->take();
        } else {
            this->steal();
        }
    }
};

/// The owner adds to a full ring while a thief takes from it.
template <typename Queue>
struct growth : queue_suite<growth<Queue>, Queue, 2, 2, 1> {
    void before() { this->push(); }
    void thread(unsigned index) {
        if (index == 0) {
            this->push();
        } else {
            this->steal();
            this->steal();
        }
    }
};

/// The owner writes a slot anew as soon as a thief has emptied it.
template <typename Queue>
struct reuse : queue_suite<reuse<Queue>, Queue, 2, 3, 2> {
    void before() {
        this->push();
        this->push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            this->push();
        } else {
            this->steal();
        }
    }
};

/// Anything that an owner and two thieves may do.
template <typename Queue>
struct anything : queue_suite<anything<Queue>, Queue, 3, 6, 2> {
    void thread(unsigned index) {
        if (index != 0) {
            this->steal();
            this->steal();
            this->steal();
            return;
        }
        while (!this->all_pushed()) {
            if (rl::rand(3) == 0) {
                this->take();
            } else {
                this->push();
            }
        }
        this->take();
    }
};

/// All suites of one kind of queue, for main.
template <typename Queue>
int run_queue_suites(int argc, char** argv) {
    return run_suites(argc, argv,
                      {{"last_items", &bounded<last_items<Queue>, 4>},
                       {"two_thieves", &bounded<two_thieves<Queue>, 2>},
                       {"growth", &bounded<growth<Queue>, 3>},
                       {"reuse", &bounded<reuse<Queue>, 3>},
                       {"anything", &at_random<anything<Queue>, 1'000'000>}});
}

}  // namespace gatherd::model
