"""Exceptions as the wire shows them."""

import asyncio

from .functions import Failure
from .wording import Wording


def mark(error, at):
    """Notes the node that raised it: the innermost one that an exception passes comes first, and stays."""
    if not hasattr(error, "at"):
        error.at = at


def described(error, with_paths=False):
    """ERROR: {"type", "message"[, "errors"][, "path"]}."""
    made = {"type": _type_name(error), "message": _message(error)}
    if isinstance(error, BaseExceptionGroup):
        made["errors"] = [described(each, with_paths) for each in error.exceptions]
    if with_paths:
        made["path"] = error.at
    return made


def _message(error):
    if isinstance(error, BaseExceptionGroup):
        return error.message
    is_exact = isinstance(error, (Failure, asyncio.CancelledError, TimeoutError))
    return str(error) if is_exact else Wording(error)


def _type_name(error):
    match error:
        case Failure():
            return error.type_name
        case BaseExceptionGroup():
            return "ExceptionGroup"
        case asyncio.CancelledError():
            return "CancelledError"
        case TimeoutError():
            return "TimeoutError"
    return type(error).__name__
