"""What things cost, in nanoseconds: measured on two cores where it says so, else assumed."""

# Measured on two cores of a Xeon, Debian 12, when the executor was designed.
QUEUE_OP = 3  # a push or a pop of the own queue, without its order: 5 to 6 for both
ORDERED = 10  # what a sequentially consistent store or an exchange adds: 10 to 22 for push and pop with one, 5 to 6 without
LINE = 80  # a cache line that another core wrote
SYSCALL = 120
WAKER = 2_000  # what it costs the thread that wakes another one
CREATE = 30  # create_task and the end of the task: together, with push and pop, about 80 ns
FINISH = 30

# Assumed.
LOOK = 8  # a look at a worker's two queues, all lines of them in the own cache
PAUSE = 40  # the processor's instruction for threads that wait
READ_REQUEST = 300  # two system calls, and decoding a small request

# Constants of worker.cpp and worker.hpp.
SPIN_TURNS = 16
PAUSES_A_TURN = 16
TICKS_BETWEEN_POLLS = 61
TICKS_A_ROUND = 4  # in the last one of them the spawned deque is asked first
MOST_HANDLERS_AT_ONCE = 64
MOST_INJECTED_AT_ONCE = 64
MOST_READY_TO_TAKE = 128
DEEPEST_NESTING = 32
LATELY = 100_000
# Constants of owned_ring.hpp and run_queue.hpp.
CAPACITY = 256
MOST_STOLEN_AT_ONCE = 64

CLUSTER = 8  # neighbours: cores that share a cache
