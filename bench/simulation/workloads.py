"""What there is to do: trees of tasks, batches and requests, each of a size that Python gets through."""

import random
from collections.abc import Iterator

from . import costs

NUMBERS = random.Random(7)
SPREAD = [NUMBERS.uniform(0.5, 1.5) for _ in range(1024)]  # no two tasks take equally long
NODE_NS = 50  # an inner node of fib, as far as it is not the executor's


class Task:
    """Families of children, one after the other, each awaited before the next; own work after the first is created."""

    __slots__ = ("work", "families", "parent", "pending", "waiting", "home", "arrived", "before_child", "awaits_newest")

    def __init__(self, work, families=(), before_child=0, awaits_newest=False):
        self.work = work
        self.families: Iterator[list[Task]] = iter(families)
        self.before_child = before_child  # ns before each child is created
        self.parent = None
        self.pending = 0  # children created and not finished
        self.waiting = False
        self.home = None  # the worker that ran it last
        self.arrived = None
        self.awaits_newest = awaits_newest  # the newest child first, so that children run in place


class Workload:
    """One root task, from a cold start: every worker but the first sleeps."""

    def __init__(self, size_ns):
        self.size_ns = size_ns
        self.made = 0

    def next_work(self):
        self.made += 1
        return self.size_ns * SPREAD[self.made % len(SPREAD)]

    def leaf(self):
        return Task(self.next_work())


class Tree(Workload):
    """fib by create_task: a call creates fib(n - 1), goes on with fib(n - 2), then awaits; short calls are leaves."""

    name = "tree"

    def __init__(self, size_ns, tasks):
        super().__init__(size_ns)
        self.height, leaves, larger = 0, 1, 1
        while leaves < tasks:
            self.height, leaves, larger = self.height + 1, larger, leaves + larger

    def root(self):
        return self.call(self.height)

    def call(self, height):
        task = Task(0, before_child=NODE_NS, awaits_newest=True)
        task.families = self.unfold(task, height)
        return task

    def unfold(self, task, height):
        """Work and children, known when the task starts: whole trees would be in memory otherwise."""
        task.work = self.next_work()
        if height > 1:
            yield [self.call(h) for h in range(height - 1, 0, -2)]


class Skynet(Workload):
    """Ten children each, leaves at the bottom."""

    name = "skynet"

    def __init__(self, size_ns, tasks):
        super().__init__(size_ns)
        self.depth, leaves = 0, 1
        while leaves < tasks:
            self.depth, leaves = self.depth + 1, leaves * 10

    def root(self):
        return self.node(self.depth)

    def node(self, level):
        return Task(0, self.children(level)) if level else self.leaf()

    def children(self, level):
        yield [self.node(level - 1) for _ in range(10)]


class Batches(Workload):
    """One task creates a thousand others, awaits them all, and does so again."""

    name = "batches"
    batch = 1_000

    def __init__(self, size_ns, tasks):
        super().__init__(size_ns)
        self.batches = max(1, tasks // self.batch)

    def root(self):
        return Task(0, ([self.leaf() for _ in range(self.batch)] for _ in range(self.batches)))


class SmallBatches(Batches):
    """Batches of a hundred: the creator awaits each before thieves could gain by it."""

    name = "batches of 100"
    batch = 100


class Requests(Workload):
    """Independent tasks that arrive at the sockets of workers drawn at random, so many that `load` of them is busy."""

    name = "requests"
    load = 0.5
    least_ns = 500_000  # they go on so long, however many it takes

    def __init__(self, size_ns, tasks):
        super().__init__(size_ns)
        self.tasks = tasks

    def between_ns(self, workers):
        return (self.size_ns + costs.READ_REQUEST + costs.CREATE + costs.FINISH) / (self.load * workers)

    def count(self, workers):
        return max(self.tasks, int(self.least_ns / self.between_ns(workers)))

    def arrivals(self, workers, rng):
        """(ns to wait, worker, task), in order."""
        for _ in range(self.count(workers)):
            yield rng.expovariate(1 / self.between_ns(workers)), rng.randrange(workers), self.leaf()


ALL = (Tree, Skynet, Batches, Requests)
