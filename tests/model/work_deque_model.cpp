/// \file
/// The model of executor's work_deque.hpp: Relacy runs the source that ships, under the C++ memory model.
///
/// Modelled      one owner that pushes and pops, up to two thieves, a ring of two slots
///               that wraps and is full; every interleaving at the atomic operations, and stale values where a load's
///               order allows them.
/// Checked       every item leaves exactly once (I2), with what its owner wrote into it visible (A); none is lost, also
///               none that was refused since the ring was full; there is room again once the owner has taken an item.
/// Not modelled  loads that see stores yet to come (Relacy runs threads in turns), so edge B stands by argument.
///
///     work_deque_model [SUITE...]      MODEL_ITERATIONS=N: so many random runs
#include "gatherd/executor/detail/work_deque.hpp"

// After all headers of gatherd.
#include "tests/model/queue_suites.hpp"

namespace gatherd::model {

using modelled = executor::work_deque<item, 2, relacy_sync>;

item* take_own(modelled& deque) {
    return deque.try_pop();
}

template <typename Check>
void steal_into(modelled& deque, Check check) {
    check(deque.try_steal());
}

}  // namespace gatherd::model

int main(int argc, char** argv) {
    return gatherd::model::run_queue_suites<gatherd::model::modelled>(argc, argv);
}
