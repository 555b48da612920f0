"""What may be decided in another way, and on which machine. The defaults are what executor/ does, and current kernels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """How workers steal and wake each other."""

    order: str = "next"  # where thieves look first: "next" index, "random" start, or the "neighbours"' cluster
    take: str = "half of lines"  # "one"; "half of lines", one of the new tasks; or "half" of those, too
    most_searching: int = 2  # at most this part of the workers search: 2 means half
    awake_a_searcher: int | None = None  # None: one searcher is enough. Else one is wanted for so many awake workers
    fences: str = "asymmetric"  # "shared": who waits for membarrier shares the next; "full": at push and pop, none of it
    fence_for_oldest: bool = True  # a worker that starts its oldest new task takes it as a thief does, by membarrier


@dataclass(frozen=True)
class Machine:
    """What is not ours to choose."""

    far_line: int = 80  # a cache line from outside the cluster
    fence: int = 1_000  # membarrier where one other thread runs; measured 170 to 2200 in all
    fence_each: int = 50  # it interrupts every core that runs a worker: what one more adds. Assumed
    interrupt: int = 300  # what each of those cores loses. Assumed
    one_fence_at_a_time: bool = True  # as kernels do since 2024 (CVE-2024-26602, membarrier_ipi_mutex)
