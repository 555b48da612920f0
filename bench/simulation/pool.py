"""A pool of workers in simulated time: what they share, and the clock.

Modelled: a worker's queues (begun, new by families, wide) and the order in which it serves them; the look round after 61
pieces of work; stealing; searchers and sleepers; cache lines that move between cores, and stand in line where many
exchange the same one; membarrier, one at a time as in current kernels, interrupting all; waking a thread.

Not modelled: memory bandwidth and caches but for the executor's own lines, NUMA (but for Machine.far_line), cores that
share a pipeline, other programs, timers, cancellation, fork_join's continuations, work injected from outside, the
reactor's inside. A pass over the victims sees what they had when it began, and looks again where it takes.

Each worker is a generator that yields how many nanoseconds pass; None: until woken.
"""

import random
from heapq import heappop, heappush

from . import costs
from .policy import Machine, Policy
from .worker import Line, Worker
from .workloads import Requests


class Counts:
    """What happened in one run."""

    def __init__(self):
        self.created = self.run = self.finished = 0
        self.steals = self.stolen = self.failed_passes = 0
        self.wakes = self.parks = self.fences = 0
        self.latencies = []  # ns from arrival to end, of requests
        self.end_ns = 0
        self.first_run = []  # when each worker ran something for the first time

    def a_task(self, count):
        return count / self.finished


class Pool:
    """All workers, what they share, and the clock."""

    def __init__(self, workers, policy=Policy(), machine=Machine(), seed=1):
        self.policy, self.machine, self.rng = policy, machine, random.Random(seed)
        self.now, self.events, self.turn = 0, [], 0
        self.everybody = (1 << workers) - 1
        self.with_work = 0  # the workers that have some
        self.idle, self.searching, self.word = 0, 0, Line()
        self.awake = workers
        self.fence_begins = self.fence_ends = self.interrupts = 0
        self.counts = Counts()
        self.to_finish = None
        self.workers = [Worker(self, i) for i in range(workers)]
        self.lives = [w.life().__next__ for w in self.workers]

    def cluster_of(self, index):
        first = index // costs.CLUSTER * costs.CLUSTER
        return ((1 << costs.CLUSTER) - 1) << first & self.everybody

    def searchers_wanted(self):
        """While fewer search, a push wakes one more."""
        for_each = self.policy.awake_a_searcher
        return 1 if for_each is None else max(1, (len(self.workers) - self.idle) // for_each)

    def needs_wake(self):
        return self.idle > 0 and self.searching < self.searchers_wanted()

    def membarrier(self, now):
        """When a fence that is asked for now has ended."""
        if self.policy.fences == "shared" and self.fence_begins >= now:
            return self.fence_ends  # it has not begun: it serves us as well
        others = self.awake - 1
        cost = self.machine.fence + self.machine.fence_each * (others - 1) if others > 0 else costs.FENCE_ALONE
        self.fence_begins = max(now, self.fence_ends) if self.machine.one_fence_at_a_time else now
        self.fence_ends = self.fence_begins + cost
        self.interrupts += 1
        self.counts.fences += 1
        return self.fence_ends

    def claim(self):
        """The first sleeper, now a searcher; it was counted as one before."""
        sleeper = next(w for w in self.workers if w.parked)
        sleeper.parked = False
        self.idle -= 1
        return sleeper

    def wake(self, worker, delay):
        if worker.asleep:
            worker.asleep = False
            self.after(delay + costs.SLEEPER, self.lives[worker.index])

    def after(self, delay, step):
        self.turn += 1  # of two events at once the first planned is the first
        heappush(self.events, (self.now + delay, self.turn, step))

    def note_run(self, worker):
        self.counts.run += 1
        if not worker.started:
            worker.started = True
            self.counts.first_run.append(self.now)

    def note_finished(self, task):
        self.counts.finished += 1
        if task.arrived is not None:
            self.counts.latencies.append(self.now - task.arrived)
        if task is self.to_finish or self.counts.finished == self.to_finish:
            self.counts.end_ns = self.now

    def arrive(self, arrivals):
        """Requests as they come, whether the workers keep up or not."""
        for wait, index, task in arrivals:
            yield wait
            task.arrived = self.now
            self.workers[index].sockets.append(task)
            self.wake(self.workers[index], 0)
        yield None

    def begin(self, workload):
        """Everybody sleeps but the first, which has the root; or all, and requests arrive."""
        sleepers = self.workers
        if isinstance(workload, Requests):
            self.to_finish = workload.count(len(self.workers))
            self.after(0, self.arrive(workload.arrivals(len(self.workers), self.rng)).__next__)
        else:
            root, sleepers = workload.root(), self.workers[1:]
            self.to_finish = root
            self.workers[0].create(root)
            self.after(0, self.lives[0])
        for worker in sleepers:
            worker.parked = worker.asleep = True
        self.idle, self.awake = len(sleepers), len(self.workers) - len(sleepers)
        for worker in sleepers:
            self.lives[worker.index] = self.woken(worker).__next__

    def woken(self, worker):
        """A worker that begins in the middle of its sleep."""
        self.awake += 1
        worker.searching = not worker.parked
        if worker.parked:
            worker.parked = False
            self.idle -= 1
            worker.change_word()
        yield from worker.life()

    def run(self, workload):
        """Until all is finished; gives what happened."""
        self.begin(workload)
        events = self.events
        while not self.counts.end_ns:
            self.now, _, step = heappop(events)
            delay = step()
            if delay is not None:
                self.turn += 1
                heappush(events, (self.now + delay, self.turn, step))
        return self.counts
