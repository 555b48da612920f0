"""Exceptions as the wire shows them."""

import asyncio

from .functions import Failure


def mark(error, at):
    """Notes the node that raised it: the innermost one that an exception passes comes first, and stays."""
    if not hasattr(error, "at"):
        error.at = at


def described(error, with_paths=False):
    """ERROR: {"type", "message"[, "path"][, "errors"]}."""
    made = {"type": _type_name(error),
            "message": error.message if isinstance(error, BaseExceptionGroup) else str(error)}
    if with_paths:
        made["path"] = error.at
    if isinstance(error, BaseExceptionGroup):
        made["errors"] = [described(each, with_paths) for each in error.exceptions]
    return made


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
