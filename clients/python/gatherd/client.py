"""The connection of an asyncio program to the daemon."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import ssl
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Dict, Iterable, List, Mapping, Optional, Set, Tuple, Union

from .address import Address, default_address, parse_address, read_token
from .errors import ConnectionLost, Overloaded, NotPermitted, ProtocolError, exception_of, exception_of_answer
from .plans import Json, Outcome, Plan, Plans

# They start nothing and change nothing, so they may be sent again over a new connection.
_REPEATABLE = frozenset(("ping", "info", "functions", "stats", "status", "tasks", "workers", "await", "wait"))
_MOST_TRIES = 5
_FIRST_DELAY, _LONGEST_DELAY = 0.05, 2.0
_CLOSE_TIME = 1.0  # seconds for what is written to be sent
_READ_BYTES_PER_LINE = 1 << 30

Output = Callable[[str], Any]
Progress = Callable[[int, int, int], Any]
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _print(text: str) -> None:
    print(text, flush=True)


class Completed:
    """The end of one child of a gather or map, or of one task: its `index`, and its result or exception."""

    __slots__ = ("index", "task", "_result", "_exception")

    def __init__(self, index: int, task: Any, result: Any, exception: Optional[BaseException]):
        self.index = index
        self.task = task  # the plan, where it is known, or the Task
        self._result = result
        self._exception = exception

    def result(self) -> Any:
        """What it returned; raises what it raised."""
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self) -> Optional[BaseException]:
        return self._exception

    def __await__(self) -> Any:
        return self.result()
        yield  # so that this is a generator, which __await__ has to be

    def __repr__(self) -> str:
        return f"<Completed {self.index}: {self._result!r:.100}>" if self._exception is None else f"<Completed {self.index}: {self._exception!r:.100}>"


class Task:
    """A task that outlives the request that created it, as `asyncio.create_task` makes one. To be awaited, any number of times."""

    __slots__ = ("id", "_client", "_plan")

    def __init__(self, client: "Client", id: str, plan: Optional[Plan] = None):
        self.id = id
        self._client = client
        self._plan = plan

    def __await__(self) -> Any:
        return self._result().__await__()

    async def _result(self) -> Any:
        return self._decode(await self._client.request("await", {"id": self.id}))

    def _decode(self, result: Json) -> Any:
        return result if self._plan is None else self._plan.decode(result)

    async def cancel(self, message: Optional[str] = None) -> bool:
        """Asks it to end; whether it had not ended yet. Who awaits it gets CancelledError."""
        answer = await self._client.request("cancel", _given(id=self.id, message=message))
        return answer["cancelled"] > 0

    async def status(self) -> Dict[str, Json]:
        """`id name state created started finished`; state is pending, running, done, failed or cancelled."""
        return await self._client.request("status", {"id": self.id})

    async def forget(self) -> None:
        """Drops the result of a task that has ended."""
        await self._client.request("forget", {"id": self.id})

    def __repr__(self) -> str:
        return f"<gatherd task {self.id}>"


def _given(**members: Any) -> Dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


class _Asked:
    """One request that is not answered yet."""

    __slots__ = ("answer", "notify")

    def __init__(self, answer: "asyncio.Future[Dict[str, Json]]", notify: Optional[Callable[[str, Dict[str, Json]], None]]):
        self.answer = answer
        self.notify = notify


class _Connection(asyncio.Protocol):
    def __init__(self, output: Optional[Output]):
        self._output = output
        self.loop = asyncio.get_running_loop()
        self._transport: Optional[asyncio.Transport] = None
        self._asked: Dict[int, _Asked] = {}
        self._parts: List[bytes] = []  # of a line that has not ended
        self._pending_bytes = 0
        self._writable: Optional["asyncio.Future[None]"] = None
        self._ended: "asyncio.Future[None]" = self.loop.create_future()
        self._refusal: Optional[BaseException] = None  # an error that named no request
        self.lost: Optional[BaseException] = None

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        lines = data.split(b"\n")
        if len(lines) > 1:
            self._parts.append(lines[0])
            lines[0] = b"".join(self._parts)
            self._parts = []
            self._pending_bytes = 0
            for line in lines[:-1]:
                if self.lost is None:
                    self._take(line)
        if lines[-1] and self.lost is None:
            self._parts.append(lines[-1])
            self._pending_bytes += len(lines[-1])
            if self._pending_bytes > _READ_BYTES_PER_LINE:
                self._break(ProtocolError(f"an answer of more than {_READ_BYTES_PER_LINE} bytes"))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Optional[Exception]) -> None:
        refused = self._refusal if isinstance(self._refusal, (Overloaded, NotPermitted)) else None  # the connection: nothing was run
        if self.lost is None:
            self.lost = refused or ConnectionLost("the daemon closed the connection" + (f": {exc}" if exc else "")
                                                  + (f"; it said: {self._refusal}" if self._refusal else ""))
        reason = self._refusal if self._refusal is not None and len(self._asked) == 1 else self.lost
        asked, self._asked = self._asked, {}
        for entry in asked.values():
            if not entry.answer.done():
                entry.answer.set_result({"lost": reason})
        self.resume_writing()
        if not self._ended.done():
            self._ended.set_result(None)

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # -- messages

    def _break(self, reason: BaseException) -> None:
        self.lost = reason
        if self._transport is not None:
            self._transport.abort()

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            self._break(ProtocolError(f"what answers is no gatherd: {error}: {line[:100]!r}"))
            return
        if "method" in message:
            self._take_notification(message["method"], message.get("params") or {})
            return
        id = message.get("id")
        if id is None:
            if "error" in message:
                self._refusal = exception_of_answer(message["error"])
            return
        entry = self._asked.pop(id, None) if isinstance(id, int) else None
        if entry is not None and not entry.answer.done():
            entry.answer.set_result(message)

    def _take_notification(self, method: str, params: Dict[str, Json]) -> None:
        try:
            if method == "output":
                if self._output is not None:
                    self._output(params["text"])
            else:
                entry = self._asked.get(params.get("request", 0))
                if entry is not None and entry.notify is not None:
                    entry.notify(method, params)
        except Exception as error:
            self.loop.call_exception_handler({"message": f"gatherd: the receiver of '{method}' failed", "exception": error})

    def _send(self, message: Mapping[str, Json]) -> None:
        assert self._transport is not None
        self._transport.write(_encode(message).encode() + b"\n")

    async def ask(self, id: int, method: str, params: Mapping[str, Json],
                  notify: Optional[Callable[[str, Dict[str, Json]], None]] = None) -> Json:
        """The result of a request. Cancelling the caller cancels the request; it is told to the daemon, and not waited for."""
        line = _encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"
        if self.lost is not None or self._transport is None:
            raise _copy_of(self.lost or ConnectionLost("the connection has ended"))
        answer: "asyncio.Future[Dict[str, Json]]" = self.loop.create_future()
        self._asked[id] = _Asked(answer, notify)
        self._transport.write(line)
        try:
            while self._writable is not None and self.lost is None:
                await asyncio.shield(self._writable)
            message = await answer
        except (asyncio.CancelledError, GeneratorExit) as cancelled:
            if self._asked.pop(id, None) is not None and self.lost is None:
                text = str(cancelled.args[0]) if cancelled.args and cancelled.args[0] is not None else ""
                self._send({"jsonrpc": "2.0", "method": "cancel", "params": {"request": id, "message": text}})
            raise
        if "result" in message:
            return message["result"]
        lost = message.get("lost")
        if lost is not None:
            raise _copy_of(lost)
        raise exception_of_answer(message.get("error"))

    async def close(self) -> None:
        if self.lost is None:
            self.lost = ConnectionLost("the client was closed")
            for id in self._asked:  # over TCP the daemon cannot tell a close from an end of input, after which requests run on
                self._send({"jsonrpc": "2.0", "method": "cancel", "params": {"request": id, "message": "the client was closed"}})
        if self._transport is not None and not self._ended.done():
            self._transport.close()
            await asyncio.wait([self._ended], timeout=_CLOSE_TIME)
            if not self._ended.done():
                self._transport.abort()


def _copy_of(reason: BaseException) -> BaseException:
    """One for each request: a traceback belongs to one."""
    try:
        made = type(reason)(*reason.args)
        made.__dict__.update(reason.__dict__)
    except Exception:
        return reason
    return made


class Client(Plans):
    """A client of the daemon: makes plans, runs them, and keeps the connection.

        async with gatherd.connect("unix:/run/gatherd.sock") as g:
            await g.gather(g.call("add", 1, 2), g.call("http.get", url), return_exceptions=True)

    It belongs to one event loop; any number of its tasks may use it at once. A lost connection is made again by the next request,
    with growing pauses. A request whose answer was lost with the connection raises ConnectionLost: it may have run, so it is not
    repeated, unless it only asks (ping, info, functions, stats, status, tasks, workers, and awaiting tasks).
    """

    def __init__(self, address: Address, *, token: Optional[str] = None, tls: Optional[ssl.SSLContext] = None,
                 server_name: Optional[str] = None, connect_timeout: float = 10.0, reconnect: float = 10.0,
                 output: Optional[Output] = _print):
        self._address = address
        self._token = token
        self._tls = tls
        self._server_name = server_name
        self._connect_timeout = connect_timeout
        self._reconnect = reconnect
        self._output = output
        self._connection: Optional[_Connection] = None
        self._lock: Optional[asyncio.Lock] = None
        self._ids = itertools.count(1)
        self._was_connected = False
        self._closed = False

    # -- the connection

    async def __aenter__(self) -> "Client":
        await self._ready()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    def __await__(self) -> Any:
        return self.__aenter__().__await__()

    async def close(self) -> None:
        """Closes the connection. The daemon cancels the requests that are not answered, and the tasks that are not detached."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()

    async def _ready(self) -> _Connection:
        if self._closed:
            raise ConnectionLost("the client was closed")
        if self._connection is not None and self._connection.lost is None:
            if self._connection.loop is not asyncio.get_running_loop():
                raise RuntimeError("this client belongs to another event loop; see gatherd.sync for programs without one")
            return self._connection
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self._connection is None or self._connection.lost is not None:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self._reconnect if self._was_connected else 0.0)
        delay = _FIRST_DELAY
        while True:
            try:
                made = await asyncio.wait_for(self._connect_once(), self._connect_timeout)
                self._was_connected = True
                return made
            except asyncio.TimeoutError:
                failure: BaseException = ConnectionLost(f"no connection to {self._address} within {self._connect_timeout} s")
            except NotPermitted:
                raise
            except ssl.SSLError:
                raise
            except (OSError, Overloaded) as error:
                failure = error
            pause = delay * random.uniform(0.5, 1.0)
            if loop.time() + pause > deadline or self._closed:
                if isinstance(failure, (ConnectionLost, Overloaded)):
                    raise failure
                kind = type(failure) if isinstance(failure, ConnectionError) else ConnectionError
                raise kind(f"no connection to {self._address}: {failure}") from failure
            await asyncio.sleep(pause)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _connect_once(self) -> _Connection:
        loop = asyncio.get_running_loop()
        address = self._address
        name = (self._server_name or address.host) if self._tls is not None else None
        if address.path is not None:
            _, protocol = await loop.create_unix_connection(lambda: _Connection(self._output), address.path, ssl=self._tls,
                                                            server_hostname=name)
        else:
            _, protocol = await loop.create_connection(lambda: _Connection(self._output), address.host, address.port, ssl=self._tls,
                                                       server_hostname=name)
        if self._token is not None:
            try:
                await protocol.ask(next(self._ids), "auth", {"token": self._token})
            except BaseException:
                await protocol.close()
                raise
        return protocol

    # -- requests

    async def request(self, method: str, params: Optional[Mapping[str, Json]] = None, *,
                      notify: Optional[Callable[[str, Dict[str, Json]], None]] = None) -> Json:
        """Any method of the protocol. `notify` gets the notifications that belong to it: their method and params."""
        for attempt in itertools.count(1):
            connection = await self._ready()
            try:
                return await connection.ask(next(self._ids), method, params or {}, notify)
            except ConnectionLost:
                if method not in _REPEATABLE or self._closed or attempt == _MOST_TRIES:
                    raise
        raise AssertionError("not reached")

    async def run(self, plan: Plan, *, timeout: Optional[float] = None, seed: Optional[int] = None,
                  on_progress: Optional[Progress] = None, progress: float = 1.0) -> Any:
        """Runs a plan; as `await plan`, with options. After `timeout` seconds TimeoutError. With `seed` it draws what CPython draws.
        `on_progress(total, done, failed)` is called at most each `progress` seconds, of a gather or map."""
        options = _given(timeout=timeout, seed=seed)
        if on_progress is None:
            return plan.decode(await self.request("run", {"task": plan.to_json(), **options}))
        method, params = _streamed(plan)
        report = on_progress

        def notify(_: str, told: Dict[str, Json]) -> None:
            report(told["total"], told["done"], told["failed"])

        return plan.decode(await self.request(method, {**params, **options, "progress": progress}, notify=notify))

    async def stream(self, plan: Plan, *, timeout: Optional[float] = None, seed: Optional[int] = None) -> AsyncIterator[Completed]:
        """The children of a gather or map as they end. A failure is raised, unless the plan has return_exceptions. Leaving the loop
        early cancels the rest once the iterator is closed (`contextlib.aclosing`), or no longer used."""
        method, params = _streamed(plan)
        shape = plan._shape
        async for told in self._streaming(method, {**params, "stream": True, **_given(timeout=timeout, seed=seed)}):
            index = told["index"]
            inner = None if shape is None else shape[2][index] if shape[0] == "list" else shape[2]
            if "error" not in told:
                yield Completed(index, None, Plan(_no_plan, inner).decode(told["value"]), None)
            elif params.get("return_exceptions"):
                yield Completed(index, None, None, exception_of(told["error"]))

    async def _streaming(self, method: str, params: Mapping[str, Json]) -> AsyncIterator[Dict[str, Json]]:
        told: Deque[Dict[str, Json]] = deque()
        changed = asyncio.Event()

        def notify(kind: str, params: Dict[str, Json]) -> None:
            if kind == "completed":
                told.append(params)
                changed.set()

        request = asyncio.ensure_future(self.request(method, params, notify=notify))
        request.add_done_callback(lambda _: changed.set())
        try:
            while True:
                while told:
                    yield told.popleft()
                if request.done():
                    request.result()
                    return
                changed.clear()
                await changed.wait()
        finally:
            if not request.done():
                request.cancel()
            elif not request.cancelled():
                request.exception()  # it was looked at

    # -- tasks

    async def create_task(self, plan: Plan, *, name: Optional[str] = None, timeout: Optional[float] = None, seed: Optional[int] = None,
                          detach: bool = False, keep: Optional[float] = None) -> Task:
        """Starts a plan and returns at once. The task ends with this connection unless `detach`; its result is kept for `keep` seconds."""
        params = {"task": plan.to_json(), **_given(name=name, timeout=timeout, seed=seed, keep=keep, detach=detach or None)}
        return Task(self, (await self.request("create_task", params))["id"], plan)

    def task(self, id: str) -> Task:
        """A task by its id, such as one that was detached by another process."""
        return Task(self, id)

    async def await_tasks(self, tasks: Iterable[Task], *, return_exceptions: bool = False, timeout: Optional[float] = None) -> List[Any]:
        """The results of several tasks, in order. It never cancels them, however it ends."""
        tasks = list(tasks)
        params = _given(ids=[task.id for task in tasks], return_exceptions=return_exceptions or None, timeout=timeout)
        results = await self.request("await", params)
        if not return_exceptions:
            return [task._decode(result) for task, result in zip(tasks, results)]
        return [_outcome_of(task, entry) for task, entry in zip(tasks, results)]

    async def wait_tasks(self, tasks: Iterable[Task], *, timeout: Optional[float] = None,
                         return_when: Optional[str] = None) -> Tuple[Set[Task], Set[Task]]:
        """`asyncio.wait`: the tasks that ended and those that did not."""
        tasks = list(tasks)
        answer = await self.request("wait", _given(ids=[task.id for task in tasks], timeout=timeout, return_when=return_when))
        ended = {entry["id"] for entry in answer["done"]}
        return {task for task in tasks if task.id in ended}, {task for task in tasks if task.id not in ended}

    async def as_completed(self, tasks: Iterable[Union[Task, Plan]], *, timeout: Optional[float] = None) -> AsyncIterator[Completed]:
        """Tasks, or plans (which it runs, all at once), as they end: `async for done in g.as_completed(...): await done`."""
        entries = list(tasks)
        if all(isinstance(entry, Plan) for entry in entries):
            async for done in self.stream(self.gather(*entries, return_exceptions=True), timeout=timeout):  # type: ignore[arg-type]
                done.task = entries[done.index]
                yield done
            return
        places: Dict[str, int] = {}
        for index, entry in enumerate(entries):
            if not isinstance(entry, Task):
                raise TypeError("as_completed takes tasks or plans, not both")
            places.setdefault(entry.id, index)
        async for told in self._streaming("as_completed", _given(ids=list(places), timeout=timeout)):
            index = places[told["id"]]
            outcome = _outcome_of(entries[index], told)  # type: ignore[arg-type]
            yield Completed(index, entries[index], *((None, outcome) if "error" in told else (outcome, None)))

    # -- what the daemon tells

    async def ping(self) -> str:
        return await self.request("ping")

    async def info(self) -> Dict[str, Json]:
        return await self.request("info")

    async def functions(self) -> List[Dict[str, Json]]:
        """What plans may call: name, summary, params and lane of each."""
        return await self.request("functions")

    async def stats(self) -> Dict[str, Json]:
        return await self.request("stats")

    async def tasks(self, *, state: Optional[str] = None, limit: Optional[int] = None) -> List[Dict[str, Json]]:
        return await self.request("tasks", _given(state=state, limit=limit))

    async def workers(self) -> List[Dict[str, Json]]:
        return await self.request("workers")


def _no_plan(_: Any) -> Dict[str, Json]:
    raise AssertionError("not reached")


def _outcome_of(task: Task, entry: Mapping[str, Json]) -> Outcome:
    return exception_of(entry["error"]) if "error" in entry else task._decode(entry["value"])


def _streamed(plan: Plan) -> Tuple[str, Dict[str, Json]]:
    if plan._streamed is None:
        raise TypeError("only a gather or a map has children to stream")
    return plan._streamed()


def connect(address: Optional[str] = None, *, token: Optional[str] = None, token_file: Optional[str] = None,
            tls: Optional[ssl.SSLContext] = None, ca_file: Optional[str] = None, certificate: Optional[str] = None,
            key: Optional[str] = None, server_name: Optional[str] = None, connect_timeout: float = 10.0, reconnect: float = 10.0,
            output: Optional[Output] = _print) -> Client:
    """A client: `async with connect() as g`, or `g = await connect()`, or without either: the first request connects.

    address    `HOST:PORT`, `unix:/PATH`, or either behind `tls:`. Without: GATHERD_CONNECT, else 127.0.0.1:7117
    token      what the daemon lets in; or `token_file`, whose first line it is (without: GATHERD_CONNECT_TOKEN_FILE)
    ca_file, certificate, key, server_name    for `tls:`; PEM files, and the name in the daemon's certificate if it is not the host.
               Without: GATHERD_CONNECT_TLS_CA, _TLS_CERTIFICATE, _TLS_KEY. `tls` is a context instead of these.
    connect_timeout    seconds for one try to connect
    reconnect  seconds for which a lost connection is tried again; 0: never
    output     gets each line that plans print; None: dropped
    """
    where = parse_address(address if address is not None else default_address())
    environment = os.environ.get
    if token is None:
        token = read_token(token_file or environment("GATHERD_CONNECT_TOKEN_FILE"))
    if where.tls and tls is None:
        tls = ssl.create_default_context(cafile=ca_file or environment("GATHERD_CONNECT_TLS_CA"))
        certificate = certificate or environment("GATHERD_CONNECT_TLS_CERTIFICATE")
        if certificate:
            tls.load_cert_chain(certificate, key or environment("GATHERD_CONNECT_TLS_KEY"))
    elif not where.tls:
        tls = None
    return Client(where, token=token, tls=tls, server_name=server_name, connect_timeout=connect_timeout, reconnect=reconnect,
                  output=output)
