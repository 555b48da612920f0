"""A pool of workers in simulated time: what they share, and the clock.

Modelled: a worker's two queues and the injection queue, their sizes and the order in which they are served; children that
run in place; the poll after 61 pieces of work; stealing, with its patience; searchers, dozing ones too, and sleepers; cache
lines that move between cores, and stand in line where many exchange the same one; waking a thread.

Not modelled: memory bandwidth and caches but for the executor's own lines, NUMA (but for Machine.far_line), cores that
share a pipeline, other programs, timers, cancellation, fork_join's continuations, a gather's ranges, work from threads
outside, the reactor's inside. A pass over the victims sees what they had when it began, and looks again where it takes.

Each worker is a generator that yields how many nanoseconds pass; None: until woken.
"""

import random
from collections import deque
from heapq import heappop, heappush

from . import costs
from .policy import Machine, Policy
from .worker import Line, Worker
from .workloads import Requests


class Counts:
    """What happened in one run."""

    def __init__(self):
        self.created = self.run = self.finished = 0
        self.steals = self.stolen = self.failed_searches = self.injected = 0
        self.wakes = self.parks = self.dozes = 0
        self.cpu_ns = 0  # of all workers, while they did not sleep
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
        self.injected, self.injected_line = deque(), Line()
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

    def claim(self):
        """The first sleeper, now a searcher; it was counted as one before."""
        sleeper = next(w for w in self.workers if w.parked)
        sleeper.parked = False
        self.idle -= 1
        return sleeper

    def wake(self, worker, delay):
        if worker.asleep:
            worker.asleep = False
            self.after(delay + self.machine.sleeper, self.lives[worker.index])

    def end_nap_after(self, delay, worker):
        """The end of the nap that begins now, if nothing else wakes the worker before."""
        nap = worker.naps

        def end():
            if worker.naps == nap:
                self.wake(worker, 0)

        self.after(delay, end)

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
        """All workers sleep but the first, which has the root; or all of them, and requests arrive."""
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
            worker.parked = True
            worker.fall_asleep()
        self.idle = len(sleepers)
        for worker in sleepers:
            self.lives[worker.index] = self.woken(worker).__next__

    def woken(self, worker):
        """A worker that begins in the middle of its sleep."""
        worker.note_awake()
        worker.has_slept = True
        worker.retract(False)
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
        for worker in self.workers:
            worker.note_awake()
        self.counts.cpu_ns += len(self.workers) * self.now
        return self.counts
