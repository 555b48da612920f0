/// \file
/// The model of executor/work_queue.hpp: Relacy runs the source that ships, under the C++ memory model.
///
/// Modelled      one owner that pushes and takes, up to two thieves that take several at once, a ring that wraps and
///               grows; every
///               interleaving at the atomic operations, and stale values where a load's order allows them.
/// Checked       every item leaves exactly once (I2), with what its owner wrote into it visible (A), and none is lost.
/// Not modelled  loads that see stores yet to come (Relacy runs threads in turns), so edge B stands by argument; and
///               the plain members of a ring, which edge A publishes along with its slots.
///
///     work_queue_model [SUITE...]      GATHERD_MODEL_ITERATIONS=N: so many random runs
#include "executor/work_queue.hpp"

#include <array>
#include <cstddef>
#include <memory>

// After all headers of gatherd.
#include "tests/model/relacy_sync.hpp"
#include "tests/model/suites.hpp"

namespace {

using gatherd::executor::work_queue;
using gatherd::model::relacy_sync;

struct item {
    rl::var<int> payload;  // plain memory whose data races Relacy reports
    int number = 0;        // known to the model alone, as is all else here that is not Relacy's
    int taken = 0;
};

template <typename Suite, int Threads, int Items, std::size_t Capacity>
class queue_suite : public rl::test_suite<Suite, Threads> {
public:
    void after() {
        while (item* const left = queue_->take()) {
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
    void take() { check(queue_->take()); }
    void steal() {
        typename work_queue<item, relacy_sync>::loot loot;
        const std::size_t count = queue_->steal(loot);
        for (std::size_t i = 0; i < count; ++i) {
            check(loot[i]);
        }
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
    std::unique_ptr<work_queue<item, relacy_sync>> queue_ = std::make_unique<work_queue<item, relacy_sync>>(Capacity);
};

/// The owner takes two items while a thief wants them.
struct last_items : queue_suite<last_items, 2, 2, 2> {
    void before() {
        push();
        push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            take();
            take();
        } else {
            steal();
            steal();
        }
    }
};

/// The owner takes two items while two thieves want one each.
struct two_thieves : queue_suite<two_thieves, 3, 2, 2> {
    void before() {
        push();
        push();
    }
    void thread(unsigned index) {
        if (index == 0) {
            take();
            take();
        } else {
            steal();
        }
    }
};

/// The owner adds to a full ring while a thief takes from it.
struct growth : queue_suite<growth, 2, 2, 1> {
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
struct reuse : queue_suite<reuse, 2, 3, 2> {
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
struct anything : queue_suite<anything, 3, 6, 2> {
    void thread(unsigned index) {
        if (index != 0) {
            steal();
            steal();
            steal();
            return;
        }
        while (!all_pushed()) {
            if (rl::rand(3) == 0) {
                take();
            } else {
                push();
            }
        }
        take();
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
