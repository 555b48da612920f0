"""An asyncio event loop on a virtual clock, which can be put out of order on purpose."""

import asyncio
import collections
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
    serial   what stands ready keeps its order (a seeded program): only by how many turns of the loop a wake-up or a
             callback follows its cause is open. Otherwise whatever is ready may run next.
    """

    def __init__(self, seed, delays, serial):
        self._draw = random.Random(seed)
        self._delays = delays
        self._serial = serial

    def lateness(self):
        return self._draw.uniform(0, self._delays)

    def part(self, ready):
        """Some of what is ready, at least one, in the order in which they run now; and the others."""
        now, later = [], []
        for handle in ready:
            waits = not (self._serial and _begins_or_yields(handle)) and self._draw.random() < 0.4
            (later if waits else now).append(handle)
        if not now:
            now.append(later.pop(0))
        if not self._serial:
            self._draw.shuffle(now)
        return now, later


def _begins_or_yields(handle):
    """Whether it is a task's first step, or the next one after sleep(0): no event stands between it and its cause."""
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
        """A thread of its own for each call. It begins at once; a function that blocks says so by taking time from
        `thread_time`, and its result comes that much later."""
        future = self.create_future()
        self.thread_time = 0.0
        try:
            settle, ended = future.set_result, function(*args)
        except Exception as e:
            settle, ended = future.set_exception, e
        # A thread takes a moment even for nothing, so that its end is an event of its own.
        self.call_later(self.thread_time + 1e-6, lambda: future.done() or settle(ended))
        return future

    def _run_once(self):
        self._turns += 1
        if self._turns > self.MOST_TURNS:
            raise Stuck("too many turns")
        if self._disorder is None or len(self._ready) == 0:
            super()._run_once()
            return
        now, later = self._disorder.part(self._ready)
        self._ready = collections.deque(now)
        super()._run_once()
        self._ready.extendleft(reversed(later))

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass
