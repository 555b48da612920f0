"""What a plan means, told by CPython: each kind of task is run by asyncio itself, on a clock that does not tick.

    clock.py       the event loop whose time passes without being waited for, and which can be put out of order
    functions.py   the functions that plans call
    reading.py     how a plan is checked: members, names in force, faults with their place
    kinds.py       the kinds of task: what each takes, and what each does
    errors.py      exceptions as the wire shows them
    wording.py     the texts in them that are no contract
    run.py         a plan's outcome

CPython 3.11 exactly: later ones have another wait_for. Nothing here looks at the daemon.
"""

from .run import outcome_of

__all__ = ["outcome_of"]
