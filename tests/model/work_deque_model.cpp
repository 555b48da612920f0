/// \file
/// The model of executor/work_deque.hpp: Relacy runs the source that ships, under the C++ memory model.
///
/// Modelled      one owner that pushes and pops, up to two thieves, a ring that wraps and grows; every
///               interleaving at the atomic operations, and stale values where a load's order allows them.
/// Checked       every item leaves exactly once (I2), with what its owner wrote into it visible (A), and none is lost.
/// Not modelled  loads that see stores yet to come (Relacy runs threads in turns), so edge B stands by argument; and
///               the plain members of a ring, which edge A publishes along with its slots.
///
///     work_deque_model [SUITE...]      GATHERD_MODEL_ITERATIONS=N: so many random runs
#include "executor/work_deque.hpp"

#include <array>
#include <cstddef>
#include <memory>

// After all headers of gatherd.
#include "tests/model/relacy_sync.hpp"
#include "tests/model/suites.hpp"

namespace {

using gatherd::executor::work_deque;
using gatherd::model::relacy_sync;

struct item {
    rl::var<int> payload;  // plain memory whose data races Relacy reports
    int number = 0;        // known to the model alone, as is all else here that is not Relacy's
    int taken = 0;
};

template <typename Suite, int Threads, int Items, std::size_t Capacity>
class deque_suite : public rl::test_suite<Suite, Threads> {
public:
    void after() {
        while (item* const left = deque_->try_pop()) {
            take(left);
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
        deque_->push(&next);
    }
    void pop() { take(deque_->try_pop()); }
    void steal() { take(deque_->try_steal()); }
    [[nodiscard]] bool all_pushed() const { return pushed_ == Items; }

private:
    static void take(item* got) {
        if (got != nullptr) {
            RL_ASSERT(got->payload(RL_INFO) == got->number + 1);
            ++got->taken;
            RL_ASSERT(got->taken == 1);
        }
    }

    std::array<item, static_cast<std::size_t>(Items)> items_;
    int pushed_ = 0;
    // By itself: Relacy does not align its suites as a deque wants it.
    std::unique_ptr<work_deque<item, relacy_sync>> deque_ = std::make_unique<work_deque<item, relacy_sync>>(Capacity);
};

/// The owner pops two items while a thief wants them.
struct last_items : deque_suite<last_items, 2, 2, 2> {
    void before() {
        push();
        push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            pop();
            pop();
        } else {
            steal();
            steal();
        }
    }
};

/// The owner pops two items while two thieves want one each.
struct two_thieves : deque_suite<two_thieves, 3, 2, 2> {
    void before() {
        push();
        push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            pop();
            pop();
        } else {
            steal();
        }
    }
};

/// The owner adds to a full ring while a thief takes from it.
struct growth : deque_suite<growth, 2, 2, 1> {
    void before() { push(); }
    void thread(unsigned index) {
        if (index == 0) {
            push();
        } else {
            steal();
            steal();
        }
    }
};

/// The owner writes a slot anew as soon as a thief has emptied it.
struct reuse : deque_suite<reuse, 2, 3, 2> {
    void before() {
        push();
        push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            push();
        } else {
            steal();
        }
    }
};

/// Anything that an owner and two thieves may do.
struct anything : deque_suite<anything, 3, 6, 2> {
    void thread(unsigned index) {
        if (index != 0) {
            steal();
            steal();
            steal();
            return;
        }
        while (!all_pushed()) {
            if (rl::rand(3) == 0) {
                pop();
            } else {
                push();
            }
        }
        pop();
    }
};

}  // namespace

int main(int argc, char** argv) {
    using namespace gatherd::model;
    return run_suites(argc, argv,
                      {{"last_items", &bounded<last_items, 4>},
                       {"two_thieves", &bounded<two_thieves, 2>},
                       {"growth", &bounded<growth, 3>},
                       {"reuse", &bounded<reuse, 3>},
                       {"anything", &at_random<anything, 1'000'000>}});
}
