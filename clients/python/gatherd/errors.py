"""What the daemon answers instead of a result, as exceptions."""

from __future__ import annotations

import ast
import asyncio
import builtins
import re
import sys
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Type


@dataclass(frozen=True)
class Remote:
    """Where an exception comes from: attribute `remote` of every exception that a plan raised."""

    type: str
    message: str
    path: Optional[str] = None  # JSON pointer into the params of the request, to the node that raised
    items: Optional[List[int]] = None  # the index of the item in each map around that node, outermost first
    traceback: Optional[str] = None  # of the worker's own language


class GatherdError(Exception):
    """The daemon did not do what was asked: base of the exceptions that say so."""


class ProtocolError(GatherdError):
    """The daemon, or what answered in its place, did not understand, or was not understood."""


class PlanRefused(GatherdError, ValueError):
    """The plan is wrong; none of it has run. `path` is a JSON pointer into the request, `hint` may tell what is right."""

    path: Optional[str] = None
    hint: Optional[str] = None


class Overloaded(GatherdError):
    """Nothing was run; `retry_after` seconds later there may be room."""

    retry_after: Optional[float] = None


class NotPermitted(GatherdError, PermissionError):
    """No token was shown, or one without the right to this."""


class ShuttingDown(GatherdError):
    """The daemon takes no more work; nothing was run."""


class OverLimit(GatherdError):
    """`limit` names the setting that bounds this, `max` is its value."""

    limit: Optional[str] = None
    max: Any = None


class NoSuchTask(GatherdError, LookupError):
    """No task has this id, or its result is no longer kept."""


class ConnectionLost(GatherdError, ConnectionError):
    """The connection ended before the answer came. The request may have run, so it is not sent again."""


class RemoteError(Exception):
    """An exception of a type that Python does not have. `type` is its name; `error_class(name)` is the class to catch."""

    type = "RemoteError"


class CancelledByPeer(RemoteError):
    """A CancelledError inside an exception group: asyncio's own is no Exception, and a group of Exceptions cannot hold it."""

    type = "CancelledError"


if sys.version_info >= (3, 11):
    TimeoutError = builtins.TimeoutError
    ExceptionGroup = builtins.ExceptionGroup
else:
    class TimeoutError(builtins.TimeoutError, asyncio.TimeoutError):
        """Both of the classes that were one only from Python 3.11 on."""

    class ExceptionGroup(Exception):
        """Python 3.11's, as far as it can be had: the message and the exceptions."""

        def __init__(self, message: str, exceptions: Sequence[BaseException]):
            super().__init__(message, exceptions)
            self.message = message
            self.exceptions = tuple(exceptions)

        def __str__(self) -> str:
            count = len(self.exceptions)
            return f"{self.message} ({count} sub-exception{'s' if count != 1 else ''})"


# A StopIteration cannot pass through a coroutine, and what is no Exception would end the program.
_UNUSABLE = (StopIteration, StopAsyncIteration)
_MOST_CLASSES = 1000
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")
_GROUPS = ("ExceptionGroup", "BaseExceptionGroup")
_COUNTED = re.compile(r"(.*) \((\d{1,4}) sub-exceptions?\)", re.DOTALL)
_classes: Dict[str, Type[BaseException]] = {"TimeoutError": TimeoutError, **dict.fromkeys(_GROUPS, ExceptionGroup)}


def error_class(name: str) -> Type[BaseException]:
    """The class of exceptions whose type the daemon calls `name`: Python's own where it has one, else a subclass of RemoteError.

        try: await g.call("http.get", url, check=True)
        except gatherd.error_class("HTTPError") as error: ...
    """
    known = _classes.get(name)
    if known is not None:
        return known
    known = getattr(builtins, name, None) if _IDENTIFIER.fullmatch(name) else None
    if not (isinstance(known, type) and issubclass(known, Exception) and not issubclass(known, _UNUSABLE)):
        known = None
    if known is None or _made(known, "") is None:
        if len(_classes) >= _MOST_CLASSES or not _IDENTIFIER.fullmatch(name):
            return RemoteError  # a peer that invents types for ever does not fill our memory
        members: Dict[str, Any] = {"type": name, "__module__": "gatherd", "__doc__": f"{name}, raised by a plan."}
        if known is None:
            known = type(name, (RemoteError,), members)
        else:  # such as UnicodeDecodeError, which is made of more than a text: one that is, and is caught as Python's own
            members.update(__init__=lambda self, *args: Exception.__init__(self, *args), __str__=Exception.__str__)
            known = type(name, (RemoteError, known), members)
    _classes[name] = known
    return known


def _made(kind: Type[BaseException], message: str) -> Optional[BaseException]:
    try:
        return kind(message) if message else kind()
    except Exception:
        return None


def _group_of(message: str, errors: Optional[List[Any]]) -> BaseException:
    """The group of those errors. That of a worker comes without: then each of them is an exception that only says so."""
    if errors:
        return ExceptionGroup(message, [exception_of(inner, in_group=True) for inner in errors])  # type: ignore[arg-type,list-item]
    counted = _COUNTED.fullmatch(message)
    text, count = (counted[1], int(counted[2])) if counted else (message, 1)
    return ExceptionGroup(text, [RemoteError("known only by the traceback of its group") for _ in range(max(count, 1))])


def _key_of(message: str) -> Any:
    """The key of a KeyError: its text is the key's repr."""
    try:
        return ast.literal_eval(message) if message[:1] in "'\"" else message
    except (SyntaxError, ValueError):
        return message


def exception_of(error: Any, in_group: bool = False) -> BaseException:
    """The exception that an ERROR of the protocol stands for."""
    if not isinstance(error, dict):
        return ProtocolError(f"not an error: {error!r:.200}")
    name, message = str(error.get("type", "RemoteError")), str(error.get("message", ""))
    if name == "CancelledError":
        kind = CancelledByPeer if in_group else asyncio.CancelledError
        made = kind(message) if message else kind()
    elif name in _GROUPS:
        made = _group_of(message, error.get("errors"))
    elif name == "KeyError":
        made = KeyError(_key_of(message))
    else:
        kind = error_class(name)
        made = _made(kind, message) or RemoteError(message)
        if type(made) is RemoteError:
            made.type = name
    remote = Remote(name, message, error.get("path"), error.get("items"), error.get("traceback"))
    made.remote = remote  # type: ignore[attr-defined]
    notes = []
    if remote.path is not None:
        notes.append(f"raised at {remote.path} of the request" + (f", item {remote.items}" if remote.items else ""))
    if remote.traceback:
        notes.append(str(remote.traceback).rstrip())
    if notes:
        made.__notes__ = notes  # type: ignore[attr-defined]
    return made


def exception_of_answer(error: Any) -> BaseException:
    """The exception that the member `error` of an answer stands for."""
    if not isinstance(error, dict):
        return ProtocolError(f"the answer holds no error: {error!r:.200}")
    code, message, data = error.get("code"), str(error.get("message", "")), error.get("data")
    if not isinstance(data, dict):
        data = {}
    if code in (-32000, -32001, -32002):
        return exception_of({"type": "CancelledError" if code == -32002 else "TimeoutError", "message": message, **data}
                            if code != -32000 else data or {"type": "RemoteError", "message": message})
    if code == -32602:
        refused = PlanRefused(message)
        refused.path, refused.hint = data.get("path"), data.get("hint")
        return refused
    if code == -32003:
        overloaded = Overloaded(message)
        overloaded.retry_after = data.get("retry_after")
        return overloaded
    if code == -32006:
        over = OverLimit(message)
        over.limit, over.max = data.get("limit"), data.get("max")
        return over
    kinds = {-32004: NotPermitted, -32005: ShuttingDown, -32007: NoSuchTask}
    return kinds.get(code, ProtocolError)(message)  # type: ignore[arg-type]
