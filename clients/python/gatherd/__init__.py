"""Client and worker of gatherd: asyncio.gather as a service.

    async with gatherd.connect() as g:
        total, page = await g.gather(g.call("add", 1, 2), g.call("http.get", url))

A client composes plans and sends each as one request; see `Client` and `Plan`. `gatherd.sync` is the same for programs
without asyncio. `function` and `run` make a worker of a module: its functions can be called in plans.
"""

TYPE_CHECKING = False  # as typing has it, without the import

__version__ = "0.1.0"

# Where each name lives. They are imported when first used: a worker of plain functions needs neither asyncio nor ssl, and
# starts in half the time without them.
_PLACES = {
    "plans": ("Plan", "Ref", "any_", "call", "from_json", "gather", "if_", "let", "map_", "race", "ref", "retry", "sequence", "shield",
              "starmap", "task_group", "to_thread", "try_", "value", "wait", "wait_for", "Waited"),
    "errors": ("CancelledByPeer", "ConnectionLost", "ExceptionGroup", "GatherdError", "NoSuchTask", "NotPermitted", "OverLimit",
               "Overloaded", "PlanRefused", "ProtocolError", "Remote", "RemoteError", "ShuttingDown", "TimeoutError", "error_class"),
    "client": ("Client", "Completed", "Task", "connect"),
    "worker": ("function", "run", "traceparent"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
__all__ = ["__version__", "sync", *_MODULES]

if TYPE_CHECKING:
    from . import sync as sync
    from .client import Client as Client, Completed as Completed, Task as Task, connect as connect
    from .errors import (
        CancelledByPeer as CancelledByPeer, ConnectionLost as ConnectionLost, ExceptionGroup as ExceptionGroup,
        GatherdError as GatherdError, NoSuchTask as NoSuchTask, NotPermitted as NotPermitted, OverLimit as OverLimit,
        Overloaded as Overloaded, PlanRefused as PlanRefused, ProtocolError as ProtocolError, Remote as Remote,
        RemoteError as RemoteError, ShuttingDown as ShuttingDown, TimeoutError as TimeoutError, error_class as error_class)
    from .plans import (
        Plan as Plan, Ref as Ref, Waited as Waited, any_ as any_, call as call, from_json as from_json, gather as gather, if_ as if_,
        let as let, map_ as map_, race as race, ref as ref, retry as retry, sequence as sequence, shield as shield, starmap as starmap,
        task_group as task_group, to_thread as to_thread, try_ as try_, value as value, wait as wait, wait_for as wait_for)
    from .worker import function as function, run as run, traceparent as traceparent


def __getattr__(name):
    from importlib import import_module
    if name == "sync":
        return import_module(".sync", __name__)
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = found
    return found


def __dir__():
    return sorted(__all__)
