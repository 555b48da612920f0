"""What things cost, in nanoseconds: measured on two cores where it says so, else assumed."""

# Measured: the limits that the design was made with (two cores of a Xeon, Debian 12).
QUEUE_OP = 3  # a push or a pop of the own queue; 5 to 6 for both
FENCED_OP = 10  # what a full fence adds: 10 to 22 for push and pop with one, 5 to 6 without
LINE = 80  # a cache line that another core wrote
SYSCALL = 120
WAKER = 2_000  # to wake a sleeping thread: what the waker pays
SLEEPER = 18_000  # and how long until the sleeper runs
FENCE_ALONE = 170  # membarrier where no other thread runs; else see policy.Machine
CREATE = 30  # create_task and the end of the task: together, with push and pop, some 73 ns
FINISH = 30

# Assumed.
FULL_FENCE = 20  # a thief's fence where the owner has one too
LOOK = 8  # a look at a worker's four queues, all lines of it in the own cache
PAUSE = 40  # the processor's instruction for those who wait
READ_REQUEST = 300  # two system calls, and to decode a small request

# Sixteen turns of sixteen pauses: worker.cpp.
SPIN_TURNS = 16
PAUSES_A_TURN = 16
# worker.hpp
TICKS_BETWEEN_LOOKS = 61
TURNS = 8
TURNS_OF_NEW = (1, 4, 6)
TURN_OF_WIDE = 3
WIDEST_FAMILY = 64
# work_queue.hpp
MOST_AT_ONCE = 64

CLUSTER = 8  # neighbours: cores that share a cache
