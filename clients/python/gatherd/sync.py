"""gatherd for programs without asyncio: scripts, Django, Flask.

    with gatherd.sync.connect() as g:
        total, page = g.run(g.gather(g.call("add", 1, 2), g.call("http.get", url)))

The plans are those of the asyncio client; `run` sends one and waits for its result. A client may be used by many threads at once,
and by the children of a fork, each of which gets a connection of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import CancelledError as FutureCancelled
from typing import Any, Awaitable, Dict, Iterable, Iterator, List, Optional, Set, Tuple, TypeVar, Union

from . import client as _asynchronous
from .client import Completed
from .errors import ConnectionLost
from .plans import Json, Plan, Plans

__all__ = ["Client", "Completed", "Task", "connect"]
T = TypeVar("T")


class Task:
    """A task that outlives the request that created it."""

    __slots__ = ("id", "_client", "_inner")

    def __init__(self, client: "Client", inner: _asynchronous.Task):
        self.id = inner.id
        self._client = client
        self._inner = inner

    def result(self) -> Any:
        """Waits for its end: what it returned; raises what it raised."""
        return self._client._wait(lambda made: _awaited(_asynchronous.Task(made, self.id, self._inner._plan)))

    def cancel(self, message: Optional[str] = None) -> bool:
        return self._client._wait(lambda made: made.task(self.id).cancel(message))

    def status(self) -> Dict[str, Json]:
        return self._client._wait(lambda made: made.task(self.id).status())

    def forget(self) -> None:
        self._client._wait(lambda made: made.task(self.id).forget())

    def __repr__(self) -> str:
        return f"<gatherd task {self.id}>"


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Loop:
    """An event loop on a thread of its own, with the asyncio client in it."""

    def __init__(self, options: Dict[str, Any]):
        self.process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.client = _asynchronous.connect(**options)
        self._thread = threading.Thread(target=self._run, name="gatherd", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def wait(self, awaitable: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(awaitable, self.loop)
        try:
            return future.result()
        except FutureCancelled as cancelled:
            raise asyncio.CancelledError(*cancelled.args) from None
        except BaseException:
            future.cancel()  # such as Ctrl-C: the request is cancelled, too
            raise

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()


class Client(Plans):
    """As `gatherd.Client`, each method of which waits for its result."""

    def __init__(self, **options: Any):
        self._options = options
        self._current: Optional[_Loop] = None
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> "Client":
        self._wait(_asynchronous.Client.__aenter__)
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            current, self._current, self._closed = self._current, None, True
        if current is not None and current.process == os.getpid():
            current.wait(current.client.close())
            current.stop()

    def _running(self) -> _Loop:
        current = self._current
        if current is not None and current.process != os.getpid():
            self._lock = threading.Lock()  # a thread that the fork left behind may have held it
            current = self._current = None
        if current is None:
            with self._lock:
                if self._closed:
                    raise ConnectionLost("the client was closed")
                if self._current is None:
                    self._current = _Loop(self._options)
                current = self._current
        return current

    def _wait(self, ask: Any) -> Any:
        running = self._running()

        async def asked() -> Tuple[bool, Any]:
            try:
                return True, await ask(running.client)
            except asyncio.CancelledError as cancelled:
                if not hasattr(cancelled, "remote"):
                    raise
                return False, cancelled  # raised by the plan: as an exception of this task it would cancel the task itself

        fine, result = running.wait(asked())
        if not fine:
            raise result
        return result

    def _iterate(self, iterate: Any) -> Iterator[Completed]:
        running = self._running()
        iterator = iterate(running.client)

        async def following() -> Any:
            try:
                return await iterator.__anext__()
            except StopAsyncIteration:
                return None

        try:
            while True:
                completed = running.wait(following())
                if completed is None:
                    return
                yield completed
        finally:
            if not running.loop.is_closed():
                running.wait(iterator.aclose())

    def request(self, method: str, params: Optional[Dict[str, Json]] = None) -> Json:
        return self._wait(lambda made: made.request(method, params))

    def run(self, plan: Plan, **options: Any) -> Any:
        """Runs a plan: its result. Options: timeout, seed, on_progress, progress."""
        return self._wait(lambda made: made.run(plan, **options))

    def stream(self, plan: Plan, **options: Any) -> Iterator[Completed]:
        """The children of a gather or map as they end."""
        return self._iterate(lambda made: made.stream(plan, **options))

    def create_task(self, plan: Plan, **options: Any) -> Task:
        return Task(self, self._wait(lambda made: made.create_task(plan, **options)))

    def task(self, id: str) -> Task:
        return Task(self, self._running().client.task(id))

    def await_tasks(self, tasks: Iterable[Task], **options: Any) -> List[Any]:
        inner = [task._inner for task in tasks]
        return self._wait(lambda made: made.await_tasks(inner, **options))

    def wait_tasks(self, tasks: Iterable[Task], **options: Any) -> Tuple[Set[Task], Set[Task]]:
        tasks = list(tasks)
        done, _ = self._wait(lambda made: made.wait_tasks([task._inner for task in tasks], **options))
        ended = {task.id for task in done}
        return {task for task in tasks if task.id in ended}, {task for task in tasks if task.id not in ended}

    def as_completed(self, tasks: Iterable[Union[Task, Plan]], **options: Any) -> Iterator[Completed]:
        entries = list(tasks)
        inner = [entry._inner if isinstance(entry, Task) else entry for entry in entries]
        for completed in self._iterate(lambda made: made.as_completed(inner, **options)):
            completed.task = entries[completed.index]
            yield completed

    def ping(self) -> str:
        return self.request("ping")

    def info(self) -> Dict[str, Json]:
        return self.request("info")

    def functions(self) -> List[Dict[str, Json]]:
        return self.request("functions")

    def stats(self) -> Dict[str, Json]:
        return self.request("stats")

    def tasks(self, **options: Any) -> List[Dict[str, Json]]:
        return self._wait(lambda made: made.tasks(**options))

    def workers(self) -> List[Dict[str, Json]]:
        return self.request("workers")


def connect(address: Optional[str] = None, **options: Any) -> Client:
    """A client that waits; the options are those of `gatherd.connect`. `with connect() as g`, or the first request connects."""
    return Client(address=address, **options)
