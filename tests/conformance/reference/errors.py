"""Exceptions as the wire shows them."""

import asyncio

from .functions import Failure
from .wording import Wording


class NoneSucceeded(Exception):
    """What `any` raises: an ExceptionGroup that may hold CancelledErrors, and that is caught like any Exception."""

    def __init__(self, exceptions):
        super().__init__("no task succeeded")
        self.message, self.exceptions = "no task succeeded", exceptions


GROUPS = (BaseExceptionGroup, NoneSucceeded)


def mark_item(error, map_at, index):
    """Notes that it leaves an item of a map, and those of its group with it."""
    error.items = getattr(error, "items", {}) | {map_at: index}
    if isinstance(error, GROUPS):
        for each in error.exceptions:
            mark_item(each, map_at, index)


def _items(error):
    """The index of the item in each map around the node that raised, the outermost first: a failure that came through a ref
    from outside of a map is none of its items'. Where an item is no node, the map itself stands for it."""
    left = getattr(error, "items", {})
    around = [at for at in left if error.at == at or error.at.startswith(at + "/map")]
    return [left[at] for at in sorted(around, key=len)]


def mark(error, at):
    """Notes the node that raised it: the innermost one that an exception passes comes first, and stays."""
    if not hasattr(error, "at"):
        error.at = at


def described(error, with_paths=False):
    """ERROR: {"type", "message"[, "errors"][, "path"[, "items"]]}."""
    made = {"type": _type_name(error), "message": _message(error)}
    if isinstance(error, GROUPS):
        made["errors"] = [described(each, with_paths) for each in error.exceptions]
    if with_paths:
        made["path"] = error.at
        if items := _items(error):
            made["items"] = items
    return made


def _message(error):
    if isinstance(error, GROUPS):
        return error.message
    is_exact = isinstance(error, (Failure, asyncio.CancelledError, TimeoutError))
    return str(error) if is_exact else Wording(error)


def _type_name(error):
    match error:
        case Failure():
            return error.type_name
        case BaseExceptionGroup() | NoneSucceeded():
            return "ExceptionGroup"
        case asyncio.CancelledError():
            return "CancelledError"
        case TimeoutError():
            return "TimeoutError"
    return type(error).__name__
