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
template <typename Suite, typename Queue, int Threads, int Items>
class queue_suite : public rl::test_suite<Suite, Threads> {
public:
    queue_suite() {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            items_[i].number = static_cast<int>(i);
        }
    }

    void after() {
        while (item* const left = take_own(*queue_)) {
            check(left);
        }
        for (const item& each : items_) {
            RL_ASSERT(each.taken == (each.number < pushed_ ? 1 : 0));
        }
    }

protected:
    /// Adds the next item. False: the queue is full, and the item stays the next one.
    bool push() {
        item& next = items_[static_cast<std::size_t>(pushed_)];
        next.payload(RL_INFO) = next.number + 1;
        if (!queue_->try_push(next)) {
            return false;
        }
        ++pushed_;
        return true;
    }
    void push_into_room() { RL_ASSERT(push()); }
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
    std::unique_ptr<Queue> queue_ = std::make_unique<Queue>();
};

/// The owner takes two items while a thief wants them.
template <typename Queue>
struct last_items : queue_suite<last_items<Queue>, Queue, 2, 2> {
    void before() {
        this->push_into_room();
        this->push_into_room();
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
struct two_thieves : queue_suite<two_thieves<Queue>, Queue, 3, 2> {
    void before() {
        this->push_into_room();
        this->push_into_room();
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

/// The owner adds to a full ring while a thief takes from it. The owner may be refused; it is not once it has taken an
/// item itself.
template <typename Queue>
struct full : queue_suite<full<Queue>, Queue, 2, 4> {
    void before() {
        this->push_into_room();
        this->push_into_room();
    }
    void thread(unsigned index) {
        if (index == 0) {
            this->push();
            this->take();
            this->push_into_room();
        } else {
            this->steal();
            this->steal();
        }
    }
};

/// The owner writes a slot anew as soon as a thief has emptied it.
template <typename Queue>
struct reuse : queue_suite<reuse<Queue>, Queue, 2, 3> {
    void before() {
        this->push_into_room();
        this->push_into_room();
    }
    void thread(unsigned index) {
        if (index == 0) {
            while (!this->push()) {
                rl::yield(1, RL_INFO);
            }
        } else {
            this->steal();
        }
    }
};

/// Anything that an owner and two thieves may do.
template <typename Queue>
struct anything : queue_suite<anything<Queue>, Queue, 3, 6> {
    void thread(unsigned index) {
        if (index != 0) {
            this->steal();
            this->steal();
            this->steal();
            return;
        }
        while (!this->all_pushed()) {
            if (rl::rand(3) == 0 || !this->push()) {
                this->take();
            }
        }
        this->take();
    }
};

/// All suites of one kind of queue, for main.
template <typename Queue>
int run_queue_suites(int argc, char** argv) {
    return run_suites(argc, argv,
                      {{"last_items", &bounded<last_items<Queue>, 5>},
                       {"two_thieves", &bounded<two_thieves<Queue>, 3>},
                       {"full", &bounded<full<Queue>, 4>},
                       {"reuse", &bounded<reuse<Queue>, 4>},
                       {"anything", &at_random<anything<Queue>, 1'000'000>}});
}

}  // namespace gatherd::model
