"""A whole run of a plan: what asyncio.run is for a coroutine."""

import asyncio
import warnings

from .clock import VirtualLoop
from .errors import described
from .functions import Functions
from .kinds import read
from .reading import Refused

# A task that is cancelled before its first step leaves a coroutine that was never awaited: so it is meant.
warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)


class Scope:
    """The program's functions, its disorder if it has one, and the futures that names stand for in one place of it."""

    def __init__(self, functions, disorder, names=None):
        self.functions = functions
        self.disorder = disorder
        self._names = names or {}

    def __getitem__(self, name):
        return self._names[name]

    def naming(self, name, future):
        return Scope(self.functions, self.disorder, self._names | {name: future})


def outcome_of(case, disorder=None):
    """What becomes of {"plan"[, "seed"][, "timeout"]}.

    {"invalid": POINTER}, or one of {"result": V}, {"error": ERROR with paths}, {"timed_out": true} with "output", a list of
    lines, and "seconds", which it took. Raises clock.Stuck where it would not end.
    """
    try:
        root = read(case["plan"])
    except Refused as e:
        return {"invalid": e.pointer}
    functions = Functions(case.get("seed"))
    loop = VirtualLoop(disorder)
    try:
        ended = loop.run_until_complete(_ended(root(Scope(functions, disorder)), case.get("timeout")))
        _end_the_rest(loop)
    finally:
        loop.close()
    return ended | {"output": functions.output, "seconds": loop.time()}


async def _ended(root, timeout):
    """How the root task ended."""
    try:
        return {"result": await asyncio.wait_for(asyncio.ensure_future(root), timeout)}
    except (Exception, asyncio.CancelledError) as e:
        if isinstance(e, TimeoutError) and not hasattr(e, "at"):  # raised by no node: it is the run's own
            return {"timed_out": True}
        return {"error": described(e, with_paths=True)}


def _end_the_rest(loop):
    """What still runs is cancelled and awaited, also what clean-up itself began."""
    while left := asyncio.all_tasks(loop):
        for each in left:
            each.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
