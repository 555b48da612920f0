"""An asyncio event loop on a virtual clock, which can be put out of order on purpose."""

import asyncio
import collections
import math
import random


class Stuck(Exception):
    """The program waits for what nobody will do, or goes on beyond all measure."""


class _NoSockets:
    """In the place of a selector: where the loop would wait for its next timer, that much time has passed."""

    def __init__(self, loop):
        self._loop = loop

    def select(self, timeout):
        if timeout is None:
            raise Stuck("nothing is ready, and no timer is set")
        self._loop.pass_time(timeout)
        return ()

    def close(self):
        pass


class Disorder:
    """How far a run may stray from what an idle CPython would do. A plan whose outcome strays with it has a tie.

    delays   seconds by which a timer or a thread may be late, at most
    turn     seconds that a turn of the loop may take, at most: a machine that has other things to do
    serial   tasks that are ready run first in, first out (a seeded program): only how many turns of the loop lie between
             a task's end and the news of it, or between two steps, is open. Otherwise whatever is ready may run next.
    """

    def __init__(self, seed, delays, serial, turn=0.0):
        self._draw = random.Random(seed)
        self._delays = delays
        self._longest_turn = turn
        self._serial = serial
        self._part = self._part_serial if serial else self._part_parallel
        self._turn = 0
        self._due = {}  # by id of a handle that waits: the turn in which it may run
        self._spell, self._spell_ends = "", 0  # what is favoured, and until which turn
        self._fast_threads = (0.0, 0.5, 1.0)[seed % 3]  # as a part of all: several may have to be fast for a tie

    def lateness(self):
        return self._draw.uniform(0, self._delays) if self._draw.random() < 0.8 else 0.0

    def turn(self):
        """Seconds that this turn takes: few of them take any, so that what follows one is as it would be without."""
        return self._draw.uniform(0, self._longest_turn) if self._draw.random() < 0.1 else 0.0

    def thread_is_fast(self):
        return self._draw.random() < self._fast_threads

    async def stray(self):
        """Lets others run, now and then, in the middle of a step: tasks of a plan without a seed run side by side. Nobody
        can tell: a cancellation that comes meanwhile is kept for where the task waits next."""
        if self._serial or self._draw.random() < 0.6:
            return
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as e:
            task = asyncio.current_task()
            task.uncancel()
            task.cancel(*e.args)

    def part(self, ready):
        """Some of what is ready, at least one, in the order in which they run now; and the others."""
        self._turn += 1
        now, later = self._part(ready)
        while not now:  # nobody would: let the turns go by
            self._turn += 1
            now, later = self._part(later)
        return now, later

    def _part_parallel(self, ready):
        now, later = [], []
        for handle in ready:
            (now if self._is_due(handle) else later).append(handle)
        self._draw.shuffle(now)
        return now, later

    def _part_serial(self, ready):
        if self._turn >= self._spell_ends:
            self._spell = self._draw.choice(("as it comes", "no news", "few steps"))
            self._spell_ends = self._turn + int(2 ** self._draw.uniform(0, 6))
        steps_left = math.inf
        if self._spell == "few steps":  # much news between two of them
            steps_left = int(self._draw.random() < 0.2)
        now, later = [], []
        for handle in ready:
            if _is_a_step(handle):
                runs = steps_left > 0
                steps_left -= 1
            else:
                runs = self._spell == "few steps" or self._is_due(handle) and self._spell != "no news"
            (now if runs else later).append(handle)
        return now, later

    def _is_due(self, handle):
        """What is seen for the first time is given a turn."""
        due = self._due.setdefault(id(handle), self._turn + self._wait())
        if due <= self._turn:
            del self._due[id(handle)]
        return due <= self._turn

    def _wait(self):
        """Turns: mostly none, sometimes many, so that what takes many turns elsewhere is overtaken too."""
        return int(2 ** self._draw.uniform(0, 6)) if self._draw.random() < 0.3 else 0


def _is_a_step(handle):
    """A task's first step or one after sleep(0), as against the news that what somebody waits for has come."""
    return type(handle._callback).__name__ == "TaskStepMethWrapper"


class VirtualLoop(asyncio.BaseEventLoop):
    """Time passes only where all tasks wait, and then at once. `to_thread` has threads that run beside the loop."""

    LONGEST = 3600.0
    MOST_TURNS = 200_000

    def __init__(self, disorder=None):
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._disorder = disorder
        self._selector = _NoSockets(self)
        self.set_exception_handler(lambda *_: None)  # a failed task that nobody awaits is no news here

    def time(self):
        return self._now

    def pass_time(self, seconds):
        self._now += max(0.0, seconds)
        if self._now > self.LONGEST:
            raise Stuck("an hour has passed")

    def call_at(self, when, callback, *args, context=None):
        if self._disorder is not None:
            when += self._disorder.lateness()
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(self, executor, function, *args):
        """A thread of its own for each call, which begins at once. A function that blocks says so by adding to
        `thread_time`; its end is that much later. Where nobody waits any more, what it does and gives is dropped."""
        future = self.create_future()

        def begin():
            if future.done():
                return
            self.thread_time = 0.0
            try:
                settle, ended = future.set_result, function(*args)
            except (Exception, asyncio.CancelledError) as e:
                settle, ended = future.set_exception, e
            if self._disorder is not None and self.thread_time == 0 and self._disorder.thread_is_fast():
                self.call_soon(end, settle, ended)
            else:  # a thread takes a moment even for nothing: its end is an event of its own
                self.call_later(self.thread_time + 1e-6, end, settle, ended)

        def end(settle, ended):
            if not future.done():
                settle(ended)

        if self._disorder is None or self._disorder.thread_is_fast():
            begin()
        else:
            self.call_later(0, begin)
        return future

    def _run_once(self):
        self._turns += 1
        if self._turns > self.MOST_TURNS:
            raise Stuck("too many turns")
        if self._disorder is None or len(self._ready) == 0:
            super()._run_once()
            return
        self.pass_time(self._disorder.turn())
        now, later = self._disorder.part(self._ready)
        self._ready = collections.deque(now)
        super()._run_once()
        self._ready.extendleft(reversed(later))  # older than what this turn made ready

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass
