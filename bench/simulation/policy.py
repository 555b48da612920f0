"""What may be decided in another way, and on which machine. The defaults are what executor/ does, and the machine at hand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """How workers steal and wake each other."""

    order: str = "next"  # where thieves look first: the "next" index, a "random" one, or the cluster of "neighbours"
    take: str = "half of ready"  # "one"; "half of ready", and one of the deque; "half" of the deque, too
    patience: int = 20_000  # ns that a piece of work must have waited before a thief takes it
    lasting_notes: bool = True  # a thief's note of a deque is void once that was empty. False: once its oldest piece has left
    doze: int = 1_000_000  # ns for which a searcher sleeps that saw only work too young to take; 0: it looks again
    most_searching: int = 2  # at most this part of the workers search: 2 means half
    awake_a_searcher: int | None = None  # None: one searcher is enough. Else one is wanted for so many awake workers
    most_spawned_in_step: int = 128  # what one step creates beyond that goes to the injection queue
    share_injected: bool = False  # one take is at most the queue divided by the workers, and one, as in Go's scheduler


@dataclass(frozen=True)
class Machine:
    """What the executor cannot choose."""

    far_line: int = 80  # ns for a cache line from outside the cluster
    sleeper: int = 18_000  # ns from the wake-up until the woken thread runs: measured on two cores
