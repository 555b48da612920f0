"""A worker: offers functions of a Python program to plans.

    from gatherd import function, run

    @function
    def resize(path: str, width: int = 800) -> dict: ...

    run()

`python3 tasks.py` connects to a daemon and serves them.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from contextvars import ContextVar

from .address import default_address, parse_address, read_token

TYPE_CHECKING = False  # typing is not imported: it is a third of what a worker needs to start
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar, Union, overload

    Json = Any
    F = TypeVar("F", bound=Callable[..., Any])

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")
_ASYNC_PLACES = 100
_MOST_MESSAGE, _MOST_TRACEBACK = 16 << 10, 32 << 10  # characters
_FIRST_DELAY, _LONGEST_DELAY, _STEADY = 0.1, 10.0, 10.0  # seconds
_LASTING = (-32602, -32004)  # errors of serve and auth: the functions are wrong or another's, or the token has no right to them
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class _Function:
    """A function with what the daemon is told about it, and how arguments come back."""

    def __init__(self, target: Callable[..., Any], name: Optional[str], summary: Optional[str], idempotent: bool,
                 timeout: Optional[float], concurrency: Optional[int]):
        self.target = target
        self.name = name or target.__name__
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a function's name is letters, digits, _ and ., up to 128: not {self.name!r}; see function(name=...)")
        self.is_async = inspect.iscoroutinefunction(target)
        self.concurrency = concurrency
        text = inspect.getdoc(target) if summary is None else summary
        self.declared: Dict[str, Json] = {"name": self.name}
        if text:
            self.declared["summary"] = text.strip().split("\n", 1)[0]
        if idempotent:
            self.declared["idempotent"] = True
        if timeout is not None:
            self.declared["timeout"] = timeout
        self._positional: List[str] = []  # of these the first `_positional_only` are passed by position alone
        self._positional_only = 0
        self._keywords: List[str] = []
        self._variadic: Optional[str] = None
        params = self._read(inspect.signature(target))
        self.is_declared = params is not None
        if params is not None:
            self.declared["params"] = params

    def _read(self, signature: inspect.Signature) -> Optional[List[Dict[str, Json]]]:
        """The parameters, or None if the protocol cannot say them: then arguments come as the plan has them."""
        params = []
        defaulted = False
        for parameter in signature.parameters.values():
            kind = parameter.kind
            if kind is parameter.VAR_KEYWORD or self._variadic is not None:
                return None
            param: Dict[str, Json] = {"name": parameter.name}
            if kind is parameter.VAR_POSITIONAL:
                self._variadic = parameter.name
                param["variadic"] = True
            elif parameter.default is not parameter.empty:
                defaulted = True
                try:
                    param["default"] = json.loads(_encode(parameter.default))
                except (TypeError, ValueError):
                    param["optional"] = True
            elif defaulted:
                return None  # a keyword that is needed after one that is not
            if kind is parameter.KEYWORD_ONLY:
                self._keywords.append(parameter.name)
            elif kind is not parameter.VAR_POSITIONAL:
                self._positional.append(parameter.name)
                self._positional_only += kind is parameter.POSITIONAL_ONLY
            if parameter.annotation is not parameter.empty:
                annotation = parameter.annotation
                param["type"] = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None) \
                    if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation).replace("typing.", "")
            params.append(param)
        return params

    def bind(self, args: Union[List[Json], Dict[str, Json]]) -> Tuple[List[Json], Dict[str, Json]]:
        """Arguments of the protocol as Python takes them."""
        if isinstance(args, list):
            if not self._keywords or not self.is_declared:
                return args, {}
            count = len(self._positional)
            return args[:count], dict(zip(self._keywords, args[count:]))
        if not self.is_declared:
            return [], args
        named = dict(args)
        by_position: List[Json] = []
        needed = len(self._positional) if self._variadic and self._variadic in named else self._positional_only
        for name in self._positional[:needed]:
            if name not in named:
                break
            by_position.append(named.pop(name))
        if self._variadic and self._variadic in named:
            by_position.extend(named.pop(self._variadic))
        return by_position, named


_registered: Dict[str, _Function] = {}


if TYPE_CHECKING:
    @overload
    def function(target: F) -> F: ...
    @overload
    def function(*, name: Optional[str] = None, summary: Optional[str] = None, idempotent: bool = False, timeout: Optional[float] = None,
                 concurrency: Optional[int] = None) -> Callable[[F], F]: ...


def function(target: Any = None, *, name: Optional[str] = None, summary: Optional[str] = None, idempotent: bool = False,
             timeout: Optional[float] = None, concurrency: Optional[int] = None) -> Any:
    """Offers a function to plans, under its own name: `@function`, or `@function(idempotent=True, timeout=5)`.

    name         another name, such as "img.resize"
    summary      else the first line of its docstring
    idempotent   whether it may be run again if its worker is lost
    timeout      seconds that one call may take
    concurrency  calls at once of this function in this process, if fewer than `run` allows
    """
    def offer(target: Any) -> Any:
        made = _Function(target, name, summary, idempotent, timeout, concurrency)
        if made.name in _registered:
            raise ValueError(f"there are two functions named {made.name!r}")
        _registered[made.name] = made
        return target

    return offer if target is None else offer(target)


class _Call:
    """A call that runs: where its output goes, and the trace that it belongs to."""

    __slots__ = ("id", "partial", "future", "traceparent")

    def __init__(self, id: str, traceparent: Optional[str]):
        self.id = id
        self.traceparent = traceparent
        self.partial = ""
        self.future: Any = None


_current: "ContextVar[Optional[_Call]]" = ContextVar("gatherd_call", default=None)


def traceparent() -> Optional[str]:
    """Inside a call: the W3C traceparent of the request that it belongs to, or None. For headers of what the function calls."""
    call = _current.get()
    return None if call is None else call.traceparent


class _Output:
    """Stands in for sys.stdout: what a call prints is sent to its caller, all else goes where it went."""

    def __init__(self, stream: Any, send: Callable[[bytes], None]):
        self._stream = stream
        self._send = send

    def write(self, text: str) -> int:
        call = _current.get()
        if call is None:
            return self._stream.write(text)
        *lines, call.partial = (call.partial + text).split("\n")
        for line in lines:
            self._send(_output(call.id, line))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _current.get() is None and self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _line(message: Json) -> bytes:
    return _encode(message).encode() + b"\n"


def _output(id: str, text: str) -> bytes:
    return _line({"jsonrpc": "2.0", "method": "output",
                  "params": {"request": id, "text": text.encode("utf-8", "replace").decode()}})


def _result(id: str, result: Json) -> bytes:
    return f'{{"jsonrpc":"2.0","id":{_encode(id)},"result":{_encode(result)}}}\n'.encode()


def _failure(id: str, error: BaseException) -> bytes:
    import traceback
    name = type(error).__name__
    if not name or any(each < " " or each == "\x7f" for each in name):
        name = "Exception"  # the daemon takes no such type
    try:
        text = str(error)
    except Exception:
        text = "(its message could not be read)"
    text = text.encode("utf-8", "replace").decode()[:_MOST_MESSAGE]
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return _line({"jsonrpc": "2.0", "id": id, "error": {
        "code": -32000, "message": f"{name}: {text}" if text else name,
        "data": {"type": name, "message": text, "traceback": trace.encode("utf-8", "replace").decode()[-_MOST_TRACEBACK:]}}})


class _Refused(Exception):
    """The daemon answered with an error. `is_lasting`: it does not take these functions, or does not let this worker in, so connecting
    again is of no use."""

    def __init__(self, message: str, is_lasting: bool):
        super().__init__(message)
        self.is_lasting = is_lasting


class _Worker:
    """What both loops share: the functions, what is told to the daemon, and calls."""

    def __init__(self, functions: Dict[str, _Function], threads: int, concurrency: Optional[int], name: Optional[str],
                 version: Optional[str], token: Optional[str]):
        self.functions = functions
        self.threads = threads
        self.is_async = any(function.is_async for function in functions.values())
        self.token = token
        self.is_retired = False
        self.served_since: Optional[float] = None
        places = concurrency or (_ASYNC_PLACES if self.is_async else threads)
        listed = []
        for function in functions.values():
            declared = dict(function.declared)
            own = function.concurrency if function.concurrency is not None else None if function.is_async else threads
            if own is not None and own < places:
                declared["concurrency"] = own
            if not function.is_async and threads < places:
                declared["group"] = "threads"  # so that none waits here while another process has a free one
            listed.append(declared)
        groups = {"threads": threads} if any("group" in declared for declared in listed) else None
        self.serving = {"functions": listed, "concurrency": places,
                        **{key: value for key, value in (("name", name), ("version", version), ("groups", groups)) if value is not None}}

    def opening(self) -> bytes:
        """The first messages of a connection."""
        opening = _line({"jsonrpc": "2.0", "id": "serve", "method": "serve", "params": self.serving})
        if self.token is not None:
            opening = _line({"jsonrpc": "2.0", "id": "auth", "method": "auth", "params": {"token": self.token}}) + opening
        return opening

    @staticmethod
    def retirement() -> bytes:
        """Asks for no more calls. After its answer there come none."""
        return _line({"jsonrpc": "2.0", "id": "retire", "method": "serve", "params": {"functions": []}})

    @staticmethod
    def read(line: bytes) -> Dict[str, Json]:
        """The message that a line holds."""
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection ended in the middle of a message")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise _Refused(f"what answers is no gatherd: {line[:100]!r}", is_lasting=False)
        return message

    def is_end(self, message: Dict[str, Json]) -> bool:
        """Takes an answer; whether it is the one after which no call comes."""
        id, error = message.get("id"), message.get("error")
        if id == "retire":
            self.is_retired = True
            return True
        if error is not None:
            # Other errors are about one answer, such as one that is too large, or pass, such as too many connections.
            is_lasting = id in ("auth", "serve") and isinstance(error, dict) and error.get("code") in _LASTING
            raise _Refused(str(error.get("message") if isinstance(error, dict) else error), is_lasting)
        if id == "serve":
            self.served_since = time.monotonic()
        return False

    def found(self, params: Dict[str, Json]) -> _Function:
        known = self.functions.get(params["call"])
        if known is None:
            raise LookupError(f"this worker has no function {params['call']!r}")
        return known

    def answer(self, call: _Call, params: Dict[str, Json], send: Callable[[bytes], None]) -> None:
        """Runs a plain function to its end, and answers."""
        _current.set(call)
        try:
            args, named = self.found(params).bind(params.get("args", []))
            answer = _result(call.id, self.functions[params["call"]].target(*args, **named))
        except KeyboardInterrupt as error:  # Ctrl-C ends the worker
            send(_failure(call.id, error))
            raise
        except BaseException as error:
            answer = _failure(call.id, error)
        finally:
            _current.set(None)
        if call.partial:
            send(_output(call.id, call.partial))
        send(answer)


def _serve_blocking(worker: _Worker, connection: socket.socket, retiring: "_Retiring") -> None:
    """Plain functions alone: the main thread reads, and calls, or hands calls to `threads` threads. No asyncio: it costs twice the
    time of a call that does little."""
    lock = threading.Lock()

    def send(data: bytes) -> None:
        with lock:
            try:
                connection.sendall(data)
            except OSError:
                pass  # the connection has ended; the reader is told

    executor = None
    calls: Dict[str, _Call] = {}
    if worker.threads > 1:
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(worker.threads, "gatherd")
    original = sys.stdout
    sys.stdout = _Output(original, send)  # type: ignore[assignment]
    retiring.retire = lambda: send(worker.retirement())
    reader = connection.makefile("rb")
    try:
        send(worker.opening())
        for line in reader:
            message = worker.read(line)
            if "method" not in message:
                if worker.is_end(message):
                    return
                continue
            method, params = message["method"], message.get("params") or {}
            if method == "invoke":
                call = _Call(message["id"], params.get("traceparent"))
                if executor is None:
                    worker.answer(call, params, send)
                else:
                    calls[call.id] = call
                    call.future = executor.submit(worker.answer, call, params, send)
                    call.future.add_done_callback(lambda _, id=call.id: calls.pop(id, None))
            elif method == "cancel":
                waiting = calls.get(params["request"])
                if waiting is not None and waiting.future.cancel():  # one that has begun cannot be interrupted
                    from asyncio import CancelledError
                    send(_failure(waiting.id, CancelledError(params.get("message", ""))))
    except ConnectionError:
        pass
    finally:
        retiring.retire = None
        if executor is not None:
            executor.shutdown(wait=True)
        sys.stdout = original
        reader.close()


def _serve_async(worker: _Worker, connection: socket.socket, retiring: "_Retiring", tls: Any, server_name: Optional[str]) -> None:
    """Async functions as tasks of one event loop; plain ones beside them on `threads` threads."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(worker.threads, "gatherd")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection(sock=connection, ssl=tls, server_hostname=server_name, limit=1 << 30)
        calls: Dict[str, _Call] = {}
        main_thread = threading.get_ident()

        def write(data: bytes) -> None:
            if not writer.is_closing():
                writer.write(data)

        def send(data: bytes) -> None:
            if threading.get_ident() == main_thread:
                write(data)
            else:
                loop.call_soon_threadsafe(write, data)

        async def run_async(call: _Call, params: Dict[str, Json]) -> None:
            _current.set(call)
            try:
                args, named = worker.found(params).bind(params.get("args", []))
                answer = _result(call.id, await worker.functions[params["call"]].target(*args, **named))
            except BaseException as error:  # a cancelled call is answered, too; sys.exit() in one is its error
                answer = _failure(call.id, error)
            if call.partial:
                write(_output(call.id, call.partial))
            write(answer)
            await writer.drain()

        def ended(call: _Call) -> None:
            calls.pop(call.id, None)
            if worker.is_retired and not calls:
                reader.feed_eof()

        def begin(call: _Call, params: Dict[str, Json]) -> None:
            known = worker.functions.get(params["call"])
            calls[call.id] = call
            if known is None or known.is_async:
                call.future = loop.create_task(run_async(call, params))
                call.future.add_done_callback(lambda done: (ended(call), done.cancelled() or done.exception()))
            else:
                call.future = executor.submit(worker.answer, call, params, send)
                call.future.add_done_callback(lambda _: loop.call_soon_threadsafe(ended, call))

        def cancel(call: _Call, message: str) -> None:
            if isinstance(call.future, asyncio.Task):
                call.future.cancel(message)
                # A task that is cancelled before its first step never runs, so it cannot answer.
                loop.call_soon(lambda: call.future.cancelled() and write(_failure(call.id, asyncio.CancelledError(message))))
            elif call.future.cancel():
                write(_failure(call.id, asyncio.CancelledError(message)))

        original = sys.stdout
        sys.stdout = _Output(original, send)  # type: ignore[assignment]
        retiring.retire = lambda: send(worker.retirement())
        try:
            write(worker.opening())
            while True:
                line = await reader.readline()
                if not line:
                    return
                message = worker.read(line)
                if "method" not in message:
                    if worker.is_end(message) and not calls:
                        return
                    continue
                method, params = message["method"], message.get("params") or {}
                if method == "invoke":
                    begin(_Call(message["id"], params.get("traceparent")), params)
                elif method == "cancel" and params["request"] in calls:
                    cancel(calls[params["request"]], params.get("message", ""))
        except ConnectionError:
            pass
        finally:
            retiring.retire = None
            sys.stdout = original
            writer.close()
            try:
                await writer.wait_closed()  # the last answers are sent
            except OSError:
                pass

    try:
        asyncio.run(serve())
    finally:
        executor.shutdown(wait=True)


class _Retiring:
    """SIGTERM: no new calls, those in flight end, then the program does. Ctrl-C ends it without a traceback."""

    def __init__(self) -> None:
        self.retire: Optional[Callable[[], None]] = None
        self.is_asked = False
        self._before: Any = None

    def __enter__(self) -> "_Retiring":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.leave()
        if kind is KeyboardInterrupt:
            raise SystemExit(128 + signal.SIGINT) from None

    def leave(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _ask(self, *_: Any) -> None:
        self.is_asked = True
        retire = self.retire
        if retire is None:
            raise SystemExit(0)
        # On a thread of its own: the main thread may be in the middle of a send, and hold its lock.
        threading.Thread(target=retire, daemon=True).start()


def run(address: Optional[str] = None, *, threads: int = 1, concurrency: Optional[int] = None, name: Optional[str] = None,
        version: Optional[str] = None, token: Optional[str] = None, token_file: Optional[str] = None, tls: Any = None,
        ca_file: Optional[str] = None, server_name: Optional[str] = None) -> None:
    """Serves the functions that `function` has offered, until the daemon or SIGTERM ends it.

    A process that has inherited the worker's socket (GATHERD_WORKER_FD) has a connection already. Another connects to `address`,
    else GATHERD_CONNECT, else 127.0.0.1:7117, with the `token`, and again whenever the daemon has gone.

    threads      plain functions run one at a time, or on so many threads
    concurrency  calls at once; without, 100 if there is an async function, else `threads`
    name, version    what method `workers` tells of it; without, the program's name
    """
    if not _registered:
        raise ValueError("there is no function to serve: decorate one with @function")
    if threads < 1:
        raise ValueError("threads: at least 1")
    if name is None:
        name = os.path.basename(sys.argv[0] or "python")
    inherited = os.environ.pop("GATHERD_WORKER_FD", None)
    if inherited is None and token is None:
        token = read_token(token_file or os.environ.get("GATHERD_CONNECT_TOKEN_FILE"))
    worker = _Worker(_registered, threads, concurrency, name, version, None if inherited is not None else token)
    with _Retiring() as retiring:
        if inherited is not None:
            connection = socket.socket(fileno=int(inherited))
            connection.set_inheritable(False)
            try:
                _serve(worker, connection, retiring, None, None)
            except _Refused as refused:
                sys.exit(f"gatherd: the daemon refuses {'these functions' if refused.is_lasting else 'a message'}: {refused}")
            return
        where = parse_address(address or default_address())
        if where.tls and tls is None:
            import ssl
            tls = ssl.create_default_context(cafile=ca_file or os.environ.get("GATHERD_CONNECT_TLS_CA"))
            if os.environ.get("GATHERD_CONNECT_TLS_CERTIFICATE"):
                tls.load_cert_chain(os.environ["GATHERD_CONNECT_TLS_CERTIFICATE"], os.environ.get("GATHERD_CONNECT_TLS_KEY"))
        delay = _FIRST_DELAY
        while not (worker.is_retired or retiring.is_asked):
            worker.served_since = None
            try:
                if where.path is not None:
                    connection = socket.socket(socket.AF_UNIX)
                    connection.connect(where.path)
                else:
                    connection = socket.create_connection((where.host, where.port))
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve(worker, connection, retiring, tls if where.tls else None, (server_name or where.host) if where.tls else None)
                reason = "the daemon closed the connection"
            except _Refused as refused:
                if refused.is_lasting:
                    sys.exit(f"gatherd: {where} refuses this worker: {refused}")
                reason = str(refused)
            except OSError as error:
                reason = str(error)
            if worker.is_retired or retiring.is_asked:
                return
            if worker.served_since is not None and time.monotonic() - worker.served_since >= _STEADY:
                delay = _FIRST_DELAY
            print(f"gatherd: {where}: {reason}; trying again", file=sys.stderr, flush=True)
            from random import uniform
            time.sleep(delay * uniform(0.5, 1.0))
            delay = min(2 * delay, _LONGEST_DELAY)


def _serve(worker: _Worker, connection: socket.socket, retiring: _Retiring, tls: Any, server_name: Optional[str]) -> None:
    stream = sys.stdout
    serving = [True]

    def leave() -> None:
        # A child of a fork must not hold the connection open, nor speak on it, and SIGTERM ends it.
        retiring.leave()
        if serving[0] and connection.fileno() >= 0:
            sys.stdout = stream
            _current.set(None)
            os.close(connection.detach())

    os.register_at_fork(after_in_child=leave)
    try:
        if worker.is_async or tls is not None:
            _serve_async(worker, connection, retiring, tls, server_name)
        else:
            _serve_blocking(worker, connection, retiring)
    finally:
        serving[0] = False
        connection.close()
