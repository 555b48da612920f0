"""A worker in simulated time: executor/worker.cpp, idle_workers.hpp and scheduler::steal_for, retold. See pool.py."""

from collections import deque

from . import costs


class Line:
    """A cache line that cores exchange, one after the other."""

    def __init__(self):
        self.free_at, self.version, self.holder = 0, 0, None

    def exchange(self, now, core):
        """How long `core` takes to change it, once it is its turn."""
        cost = costs.QUEUE_OP if self.holder == core else costs.LINE
        done = max(now, self.free_at) + cost
        self.free_at, self.holder = done, core
        self.version += 1
        return done - now


class Queue:
    """Tasks, and the end at which thieves take."""

    def __init__(self):
        self.tasks = deque()
        self.top = Line()


def bits(mask):
    """The numbers of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Worker:
    """One thread, with the names that worker.cpp has for the same things."""

    def __init__(self, pool, index):
        self.pool, self.index, self.bit = pool, index, 1 << index
        self.begun, self.new, self.wide = Queue(), Queue(), Queue()
        self.family = self.created = self.tick = 0
        self.searching = self.saw_work = self.parked = self.asleep = self.started = False
        self.turned_round = False  # a family, which thieves that looked meanwhile did not see
        self.debt = 0  # ns that passed and were not yet yielded
        self.word_seen = -1
        self.fresh = 0  # whose queues' lines are in this core's cache
        self.readers = 0  # in which cores' caches ours are
        self.sockets = deque()

    # The own queues

    def backlog(self):
        return len(self.begun.tasks) + len(self.new.tasks) + len(self.wide.tasks)

    def touch(self):
        """The lines of the own queues change: who read them must read again, and to get them back takes time."""
        self.debt += costs.QUEUE_OP
        if self.readers:
            self.debt += costs.LINE
            self.forget_readers()

    def forget_readers(self):
        for reader in bits(self.readers):
            self.pool.workers[reader].fresh &= ~self.bit
        self.readers = 0

    def note_backlog(self):
        if self.backlog():
            self.pool.with_work |= self.bit
        else:
            self.pool.with_work &= ~self.bit

    def push(self, queue, task):
        self.touch()
        queue.tasks.append(task)
        self.pool.with_work |= self.bit

    def push_new(self, task):
        """Children of children go on top; a root's, and requests, in line; what is wide, in a line of its own."""
        self.created += 1
        if self.created > costs.WIDEST_FAMILY:
            self.push(self.wide, task)
        elif task.parent is not None and task.parent.parent is not None:
            self.family += 1
            self.push(self.new, task)
        else:
            self.push(self.begun, task)

    def take(self, queue):
        """The oldest, as thieves take it, too."""
        if not queue.tasks:
            return None
        self.touch()
        queue.top.version += 1
        queue.top.holder = self.index
        task = queue.tasks.popleft()
        self.note_backlog()
        return task

    def start_new(self):
        """The eldest of the newest family."""
        count = min(self.family, len(self.new.tasks))
        if count >= 2:
            family = [self.new.tasks.pop() for _ in range(count)]
            self.new.tasks.extend(family)
            self.debt += 2 * count * costs.QUEUE_OP
            self.turned_round = True
        self.family = 0
        if not self.new.tasks:
            return None
        self.touch()
        if self.pool.policy.fences == "full":
            self.debt += costs.FENCED_OP
        task = self.new.tasks.pop()
        self.note_backlog()
        return task

    def find_own(self):
        turn, task = self.tick % costs.TURNS, None
        if turn in costs.TURNS_OF_NEW:
            task = self.start_new()
        elif turn == costs.TURN_OF_WIDE:
            task = self.take(self.wide)
        return task or self.take(self.begun) or self.start_new() or self.take(self.wide)

    # Time

    def now(self):
        return self.pool.now + self.debt

    def pay(self, cost=0):
        """All that is owed."""
        cost, self.debt = cost + self.debt, 0
        return cost

    def compute(self, work):
        """Work of a task, and what interrupts it."""
        before = self.pool.interrupts
        yield self.pay(work)
        interrupted = self.pool.interrupts - before
        if interrupted:
            yield interrupted * self.pool.machine.interrupt

    def change_word(self):
        """Of the searching and the idle: one line for all workers."""
        self.debt += self.pool.word.exchange(self.now(), self.index)
        self.word_seen = self.pool.word.version

    def heavy_fence(self):
        """So that owners and submitters need none."""
        if self.pool.policy.fences == "full":
            self.debt += costs.FULL_FENCE
        else:
            yield self.pay(self.pool.membarrier(self.now()) - self.now())

    # Waking and sleeping

    def wake_one(self):
        """A push looks whether somebody must be woken."""
        pool = self.pool
        if pool.policy.fences == "full":
            self.debt += costs.FENCED_OP
        if self.word_seen != pool.word.version:
            self.debt += costs.LINE
            self.word_seen = pool.word.version
        if pool.needs_wake():
            pool.searching += 1
            self.change_word()
            sleeper = pool.claim()
            self.change_word()
            pool.counts.wakes += 1
            self.debt += costs.WAKER
            pool.wake(sleeper, self.debt - costs.WAKER)
            yield self.pay()

    def begin_search(self):
        pool = self.pool
        if pool.searching * pool.policy.most_searching >= len(pool.workers):
            return False
        pool.searching += 1
        self.change_word()
        return True

    def end_search(self):
        pool = self.pool
        self.searching = False
        pool.searching -= 1
        self.change_word()
        if pool.searching < pool.searchers_wanted():
            yield from self.heavy_fence()
            if self.any_work():
                yield from self.wake_one()

    def sleep(self):
        pool = self.pool
        self.parked = True
        pool.idle += 1
        pool.searching -= self.searching
        self.searching = False
        self.change_word()
        yield from self.heavy_fence()
        self.saw_work = self.any_work()
        yield self.pay()
        if not self.saw_work and not self.sockets and self.parked:
            pool.counts.parks += 1
            pool.awake -= 1
            self.asleep = True
            yield None
            pool.awake += 1
        self.searching = not self.parked
        if self.parked:
            self.parked = False
            pool.idle -= 1
            self.change_word()

    # Stealing

    def segments(self):
        """Whom to look at, as (first, mask) in turn."""
        pool, others = self.pool, self.pool.everybody & ~self.bit
        if pool.policy.order == "next":
            return [((self.index + 1) % len(pool.workers), others)]
        start = pool.rng.randrange(len(pool.workers))
        if pool.policy.order == "random":
            return [(start, others)]
        near = pool.cluster_of(self.index) & others
        return [((self.index + 1) % len(pool.workers), near), (start, others & ~near)]

    def look_until_work(self, first, mask):
        """Looks at the workers of `mask` from `first` on. The first with work, or None; and who is left to look at."""
        pool = self.pool
        found = pool.with_work & mask
        seen, victim, left = mask, None, 0
        if found:
            later = found >> first << first
            low = later & -later if later else found & -found
            victim = pool.workers[low.bit_length() - 1]
            upto = low * 2 - 1  # the victim, and all of lower index
            before = (1 << first) - 1
            seen = mask & (upto & ~before if later else upto | (pool.everybody & ~before))
            left = mask & ~seen
        self.look_at(seen)
        return victim, left

    def look_at(self, seen):
        stale = seen & ~self.fresh
        near = stale & self.pool.cluster_of(self.index)
        self.debt += costs.LOOK * seen.bit_count() + costs.LINE * near.bit_count()
        self.debt += self.pool.machine.far_line * (stale & ~near).bit_count()
        self.fresh |= stale
        for owner in bits(stale):
            self.pool.workers[owner].readers |= self.bit

    def any_work(self):
        return self.look_until_work(0, self.pool.everybody & ~self.bit)[0] is not None or self.backlog() > 0

    def steal(self):
        """One pass over all victims."""
        for first, left in self.segments():
            while left:
                victim, left = self.look_until_work(first, left)
                if victim is None:
                    break
                yield self.pay()
                task = yield from self.steal_from(victim)
                if task is not None:
                    return task
        yield self.pay()
        return None

    def steal_from(self, victim):
        take = self.pool.policy.take
        for queue, one in ((victim.begun, take == "one"), (victim.wide, take == "one"), (victim.new, take != "half")):
            if not queue.tasks:
                continue
            version = queue.top.version
            if queue is victim.new:
                yield from self.heavy_fence()
            if queue.top.version != version:
                continue
            yield self.pay(max(queue.top.free_at - self.now(), 0) + costs.LINE)
            if queue.tasks and queue.top.version == version:
                count = 1 if one else min((len(queue.tasks) + 1) // 2, costs.MOST_AT_ONCE)
                task = self.carry_off(victim, queue, count)
                if count > 1:
                    yield from self.wake_one()
                return task
        return None

    def carry_off(self, victim, queue, count):
        queue.top.version += 1
        queue.top.free_at = self.now() + costs.LINE
        loot = [queue.tasks.popleft() for _ in range(count)]
        victim.note_backlog()
        victim.forget_readers()
        victim.readers, self.fresh = self.bit, self.fresh | victim.bit
        self.pool.counts.steals += 1
        self.pool.counts.stolen += count
        for task in loot[1:]:
            self.push(self.begun, task)
        return loot[0]

    def look_around(self):
        """Timers and sockets. Every request that arrived becomes a task."""
        self.debt += costs.SYSCALL
        while self.sockets:
            task = self.sockets.popleft()
            self.debt += costs.READ_REQUEST
            yield self.pay()
            self.create(task)
            yield from self.wake_one()

    def find_elsewhere(self):
        yield from self.look_around()
        task = self.find_own()
        if task is not None:
            return task
        if not self.searching:
            self.searching = self.begin_search()
        saw_work, self.saw_work = self.saw_work, False
        if not self.searching and not saw_work:
            return None
        task = yield from self.steal()
        for _ in range(costs.SPIN_TURNS if self.searching else 0):
            if task is not None:
                break
            self.debt += costs.PAUSES_A_TURN * costs.PAUSE
            yield self.pay()
            task = yield from self.steal()
        self.pool.counts.failed_passes += task is None
        return task

    # Running

    def create(self, task):
        self.pool.counts.created += 1
        self.debt += costs.CREATE
        self.push_new(task)

    def perform(self, task):
        """Runs a task until it waits or ends."""
        if task.home is not None and task.home is not self:
            self.debt += costs.LINE
        task.home = self
        for family in task.families:
            task.pending += len(family)
            for child in family:
                child.parent, child.home = task, self
                yield self.pay(task.before_child)
                self.create(child)
                yield from self.wake_one()
            yield from self.compute(self.work_of(task))
            if task.pending:
                task.waiting = True
                return
        yield from self.compute(self.work_of(task))
        yield from self.finish(task)

    @staticmethod
    def work_of(task):
        work, task.work = task.work, 0  # once
        return work

    def finish(self, task):
        self.debt += costs.FINISH
        self.pool.note_finished(task)
        parent = task.parent
        if parent is None:
            return
        if parent.home is not self:
            self.debt += costs.LINE
        parent.pending -= 1
        if parent.pending == 0 and parent.waiting:
            parent.waiting = False
            self.push(self.begun, parent)
            if self.backlog() > 1:
                yield from self.wake_one()

    def look_round_while_busy(self):
        self.tick = 0
        yield from self.look_around()
        if self.new.tasks:
            if self.pool.policy.fence_for_oldest:
                yield from self.heavy_fence()
            if self.new.tasks:
                self.push(self.begun, self.take(self.new))

    def life(self):
        while True:
            self.tick += 1
            if self.tick >= costs.TICKS_BETWEEN_LOOKS:
                yield from self.look_round_while_busy()
            task = self.find_own()
            if task is None:
                task = yield from self.find_elsewhere()
            if task is None:
                yield from self.sleep()
                continue
            if self.turned_round:
                self.turned_round = False
                yield from self.wake_one()
            if self.searching:
                yield from self.end_search()
            self.pool.note_run(self)
            self.created = 0
            yield from self.perform(task)
