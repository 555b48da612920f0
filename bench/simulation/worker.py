"""A worker in simulated time: executor/src/worker.cpp and detail/idle_workers.hpp, retold. See pool.py."""

from collections import deque

from . import costs


class Line:
    """A cache line that cores exchange, one after the other."""

    def __init__(self):
        self.free_at, self.version, self.holder = 0, 0, None

    def exchange(self, now, core):
        """How long `core` takes to change it, once it is its turn."""
        cost = costs.ORDERED if self.holder == core else costs.LINE
        done = max(now, self.free_at) + cost
        self.free_at, self.holder = done, core
        self.version += 1
        return done - now


class Queue:
    """Tasks between two indices, as in owned_ring.hpp. Thieves take at `top`."""

    def __init__(self):
        self.tasks = deque()
        self.top = 0
        self.drains = 0  # how often the owner took the last task as the newest one
        self.top_line = Line()

    @property
    def bottom(self):
        return self.top + len(self.tasks)

    def take_oldest(self):
        self.top += 1
        return self.tasks.popleft()

    def take_newest(self):
        if len(self.tasks) == 1:  # the owner then moves the top, since a thief may want the same task
            self.top += 1
            self.drains += 1
        return self.tasks.pop()


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
        self.ready, self.spawned = Queue(), Queue()
        self.unordered = self.spawned_in_step = self.tick = self.nested = self.polled_at = 0
        self.searching = self.saw_work = self.gives_way = self.has_slept = False
        self.parked = self.asleep = self.started = False
        self.asleep_since = None
        self.naps = 0  # how often a nap began or ended
        self.sightings, self.sighted_at = {}, 0  # what it saw of the workers that had work
        self.reversed = False  # tasks, while thieves that looked did not see them
        self.debt = 0  # ns that passed and were not yet yielded
        self.word_seen = self.injected_seen = -1
        self.fresh = 0  # whose queues' lines are in this core's cache
        self.readers = 0  # in which cores' caches the lines of these queues are
        self.sockets = deque()

    # The own queues

    def backlog(self):
        return len(self.ready.tasks) + len(self.spawned.tasks)

    def touch(self):
        """The lines of the own queues change: who read them must read again, and to get them back takes time."""
        self.debt += costs.QUEUE_OP + costs.ORDERED
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

    def inject(self, task):
        self.debt += self.pool.injected_line.exchange(self.now(), self.index)
        self.injected_seen = self.pool.injected_line.version
        self.pool.injected.append(task)
        self.pool.counts.injected += 1

    def push_ready(self, task):
        if self.gives_way or len(self.ready.tasks) == costs.CAPACITY:
            self.inject(task)
        else:
            self.push(self.ready, task)

    def spawn(self, task):
        """Children of children go on top of the deque; a root's, and requests, in line; what is too much is injected."""
        self.spawned_in_step += 1
        if self.spawned_in_step > self.pool.policy.most_spawned_in_step:
            self.inject(task)
        elif task.parent is None or task.parent.parent is None:
            self.push_ready(task)
        elif len(self.spawned.tasks) < costs.CAPACITY:
            self.push(self.spawned, task)
            self.unordered += 1
        else:
            self.inject(task)

    def try_take(self):
        """The oldest of the ready queue."""
        if not self.ready.tasks:
            return None
        self.touch()
        self.ready.top_line.version += 1
        self.ready.top_line.holder = self.index
        task = self.ready.take_oldest()
        self.note_backlog()
        return task

    def order_spawned(self):
        unordered, self.unordered = self.unordered, 0
        count = min(unordered, len(self.spawned.tasks))
        if unordered > 1 and count > 0:
            newest_first = [self.spawned.take_newest() for _ in range(count)]
            self.spawned.tasks.extend(newest_first)
            self.debt += 2 * count * (costs.QUEUE_OP + costs.ORDERED)
            self.reversed = True

    def pop_spawned(self):
        self.touch()
        task = self.spawned.take_newest()
        self.note_backlog()
        return task

    def next_spawned(self):
        self.order_spawned()
        return self.pop_spawned() if self.spawned.tasks else None

    def next_own(self):
        if self.tick % costs.TICKS_A_ROUND == costs.TICKS_A_ROUND - 1:
            return self.next_spawned() or self.try_take()
        return self.try_take() or self.next_spawned()

    def look_at_injected(self):
        """Whether there is injected work: its size has a line of its own."""
        if self.injected_seen != self.pool.injected_line.version:
            self.debt += costs.LINE
            self.injected_seen = self.pool.injected_line.version
        return bool(self.pool.injected)

    def take_injected(self):
        """Moves injected work to the ready queue. The lock is held while its links are read, a line for each."""
        room = max(costs.MOST_READY_TO_TAKE - len(self.ready.tasks), 0)
        most = min(costs.MOST_INJECTED_AT_ONCE, room)
        self.gives_way = room == 0 and bool(self.pool.injected)
        if most == 0 or not self.look_at_injected():
            return False
        injected, line = self.pool.injected, self.pool.injected_line
        self.debt += line.exchange(self.now(), self.index)
        yield self.pay()
        if self.pool.policy.share_injected:
            most = min(most, len(injected) // len(self.pool.workers) + 1)
        taken = [injected.popleft() for _ in range(min(most, len(injected)))]
        held = sum(costs.QUEUE_OP if task.home is self else costs.LINE for task in taken)
        line.free_at += held
        self.debt += held
        for task in taken:
            self.push_ready(task)
        yield self.pay()
        return bool(taken)

    # Time

    def now(self):
        return self.pool.now + self.debt

    def pay(self, cost=0):
        """All that is owed."""
        cost, self.debt = cost + self.debt, 0
        return cost

    def change_word(self):
        """The counts of idle and searching workers: one line for all workers."""
        self.debt += self.pool.word.exchange(self.now(), self.index)
        self.word_seen = self.pool.word.version

    # Waking and sleeping

    def wake_one(self):
        """A push looks whether a worker must be woken."""
        pool = self.pool
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
        if pool.searching < pool.searchers_wanted() and self.any_work():
            yield from self.wake_one()

    def sleep(self):
        self.fall_asleep()
        yield None
        self.note_awake()

    def fall_asleep(self):
        self.asleep, self.asleep_since = True, self.pool.now

    def note_awake(self):
        """It runs again, or all is finished: until now it needed no CPU."""
        if self.asleep_since is not None:
            self.pool.counts.cpu_ns -= self.pool.now - self.asleep_since
            self.asleep_since = None

    def doze(self):
        """Stays a searcher, so that no push wakes another one."""
        pool = self.pool
        pool.counts.dozes += 1
        self.debt += costs.SYSCALL
        yield self.pay()
        if pool.policy.doze and not self.sockets:
            self.naps += 1
            pool.end_nap_after(pool.policy.doze, self)
            yield from self.sleep()
            self.naps += 1  # else the end of this nap could wake it from a later sleep

    def park(self):
        pool = self.pool
        self.parked = True
        pool.idle += 1
        pool.searching -= self.searching
        self.searching = False
        self.change_word()
        may_sleep = pool.searching > 0 or not self.any_work()
        yield self.pay()
        if may_sleep:
            pool.counts.parks += 1
            if not self.sockets and self.parked:
                yield from self.sleep()
            self.has_slept = True
        self.retract(not may_sleep)

    def retract(self, saw_work):
        """Awake again: a searcher if a push claimed it, or if it saw work before it slept."""
        pool = self.pool
        self.searching = saw_work or not self.parked
        if self.parked:
            self.parked = False
            pool.idle -= 1
            pool.searching += saw_work
            self.change_word()

    # Stealing

    def segments(self):
        """Which workers to look at, as (first, mask) in turn."""
        pool, others = self.pool, self.pool.everybody & ~self.bit
        if pool.policy.order == "next":
            return [((self.index + 1) % len(pool.workers), others)]
        start = pool.rng.randrange(len(pool.workers))
        if pool.policy.order == "random":
            return [(start, others)]
        near = pool.cluster_of(self.index) & others
        return [((self.index + 1) % len(pool.workers), near), (start, others & ~near)]

    def look_for(self, wanted, first, mask):
        """Looks at the workers of `mask` from `first` on until one is in `wanted`: gives that, and who is left."""
        pool = self.pool
        found = wanted & mask
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
        if self.look_at_injected() or self.backlog() > 0:
            return True
        return self.look_for(self.pool.with_work, 0, self.pool.everybody & ~self.bit)[0] is not None

    def sight(self):
        spawned = self.spawned
        if self.pool.policy.lasting_notes:
            return self.ready.bottom, spawned.drains, spawned.bottom
        return self.ready.bottom, spawned.top, spawned.top + bool(spawned.tasks)

    def still_waits(self, sighting):
        """A note of the deque lasts until the oldest task is another one; or, if it is a lasting one, until it was empty."""
        ready_bottom, spawned_key, spawned_bottom = sighting
        ready, spawned = self.ready, self.spawned
        key = spawned.drains if self.pool.policy.lasting_notes else spawned.top
        waits = spawned.tasks and key == spawned_key and spawned.top < spawned_bottom
        return bool(waits or (ready.tasks and ready.top < ready_bottom))

    def watch_victims(self):
        """Notes what the others have. False: nothing."""
        others = self.pool.everybody & ~self.bit
        workers = self.pool.workers
        self.sightings = {i: workers[i].sight() for i in bits(self.pool.with_work & others)}
        self.look_at(others)
        self.sighted_at = self.now()
        return bool(self.sightings)

    def search(self):
        policy = self.pool.policy
        if not self.saw_work:
            self.saw_work = self.watch_victims()
        turn = 0
        while self.now() - self.sighted_at < policy.patience if self.saw_work else turn < costs.SPIN_TURNS:
            turn += 1
            self.debt += costs.PAUSES_A_TURN * costs.PAUSE
            yield self.pay()
            if (yield from self.take_injected()):
                self.saw_work = False
                return self.try_take()
            if not self.saw_work:
                self.saw_work = self.watch_victims()
        if self.saw_work:
            task = yield from self.steal()
            if task is not None:
                self.saw_work = False
                return task
        self.saw_work = self.watch_victims()
        yield self.pay()
        self.pool.counts.failed_searches += 1
        return None

    def steal(self):
        """One pass over all victims. Sightings tell which ones have work that has waited for long enough."""
        workers = self.pool.workers
        waits = 0
        for i, sighting in self.sightings.items():
            if workers[i].still_waits(sighting):
                waits |= workers[i].bit
        for first, left in self.segments():
            while left:
                victim, left = self.look_for(waits, first, left)
                yield self.pay()
                if victim is None:
                    break
                if victim.still_waits(self.sightings[victim.index]):
                    task = yield from self.steal_from(victim)
                    if task is not None:
                        return task
        return None

    def steal_from(self, victim):
        take = self.pool.policy.take
        for queue, one in ((victim.ready, take == "one"), (victim.spawned, take != "half")):
            if not queue.tasks:
                continue
            version = queue.top_line.version
            yield self.pay(max(queue.top_line.free_at - self.now(), 0) + costs.LINE)
            if queue.tasks and queue.top_line.version == version:
                count = 1 if one else min((len(queue.tasks) + 1) // 2, costs.MOST_STOLEN_AT_ONCE)
                return self.carry_off(victim, queue, count)
        return None

    def carry_off(self, victim, queue, count):
        queue.top_line.version += 1
        queue.top_line.holder = self.index
        queue.top_line.free_at = self.now() + costs.LINE
        loot = [queue.take_oldest() for _ in range(count)]
        victim.note_backlog()
        victim.forget_readers()
        victim.readers, self.fresh = self.bit, self.fresh | victim.bit
        self.pool.counts.steals += 1
        self.pool.counts.stolen += count
        for task in loot[1:]:
            self.push_ready(task)
        return loot[0]

    # The loop

    def poll(self):
        """Sockets. Every request that arrived becomes a task."""
        self.polled_at = self.now()
        self.debt += costs.SYSCALL
        for _ in range(min(len(self.sockets), costs.MOST_HANDLERS_AT_ONCE)):
            task = self.sockets.popleft()
            self.debt += costs.READ_REQUEST
            yield self.pay()
            self.create(task)
            yield from self.wake_one()

    def find_elsewhere(self):
        had_injected = yield from self.take_injected()
        has_slept, self.has_slept = self.has_slept, False
        if not has_slept or not had_injected:
            yield from self.poll()
        task = self.next_own()
        if task is not None:
            if had_injected and self.backlog():
                yield from self.wake_one()
            return task
        if not self.searching:
            self.searching = self.begin_search()
        return (yield from self.search()) if self.searching else None

    def poll_while_busy(self):
        self.tick = 0
        yield from self.poll()
        more = yield from self.take_injected()
        if self.spawned.tasks:
            self.debt += costs.ORDERED
            self.spawned.top_line.version += 1
            self.push_ready(self.spawned.take_oldest())
            self.note_backlog()
            more = True
        if more:
            yield from self.wake_one()

    def life(self):
        while True:
            self.tick += 1
            if self.tick >= costs.TICKS_BETWEEN_POLLS:
                yield from self.poll_while_busy()
            task = self.next_own()
            if task is None:
                task = yield from self.find_elsewhere()
            if task is None:
                yield from self.doze() if self.searching and self.saw_work else self.park()
                continue
            if self.reversed:
                self.reversed = False
                yield from self.wake_one()
            if self.searching:
                yield from self.end_search()
            self.spawned_in_step = 0
            yield from self.perform(task)

    # Running

    def create(self, task):
        self.pool.counts.created += 1
        self.debt += costs.CREATE
        task.home = self
        self.spawn(task)

    def perform(self, task):
        """Runs a task until it waits or ends."""
        self.pool.note_run(self)
        if task.home is not self:
            self.debt += costs.LINE
        task.home = self
        for family in task.families:
            task.pending += len(family)
            for child in family:
                child.parent = task
                yield self.pay(task.before_child)
                self.create(child)
                yield from self.wake_one()
            yield self.pay(self.work_of(task))
            if task.awaits_newest:
                yield from self.perform_children(task)
            if task.pending:
                task.waiting = True
                return
        yield self.pay(self.work_of(task))
        yield from self.finish(task)

    def perform_children(self, task):
        """Awaits the newest child first: it runs in place while it is still on top of the deque."""
        while task.pending and self.nested < costs.DEEPEST_NESTING and self.may_start_another():
            if not self.spawned.tasks or self.spawned.tasks[-1].parent is not task:
                return
            self.unordered -= self.unordered > 0
            pending = task.pending
            self.nested += 1
            self.spawned_in_step = 0
            yield from self.perform(self.pop_spawned())
            self.nested -= 1
            if task.pending == pending:
                return

    def may_start_another(self):
        self.tick += 1
        if self.tick >= costs.TICKS_BETWEEN_POLLS and self.now() - self.polled_at < costs.LATELY:
            self.tick = 0
        return self.tick < costs.TICKS_BETWEEN_POLLS

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
            self.push_ready(parent)
            if self.backlog() > 1:
                yield from self.wake_one()
