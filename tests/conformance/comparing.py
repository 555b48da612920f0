"""Whether the daemon's outcome is what the reference says, and whether the reference itself can say otherwise."""

import json

from reference import outcome_of
from reference.clock import Disorder, Stuck
from reference.wording import Wording

LONGEST = 8.0  # seconds that a plan may take to be compared
LATE, EARLY = 2.0, 0.1  # seconds by which an answer may come later or earlier than on the virtual clock


def same(expected, got):
    """Equal as JSON text, so that 1, 1.0 and true differ; but for messages whose wording is open."""
    if isinstance(expected, dict) and isinstance(got, dict):
        if isinstance(expected.get("path"), Wording):  # the two nodes need not be in items of the same maps
            expected, got = _without_items(expected), _without_items(got)
        return list(expected) == list(got) and all(same(each, got[name]) for name, each in expected.items())
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    if isinstance(expected, Wording):
        return isinstance(got, str)
    return json.dumps(expected) == json.dumps(got)


def _without_items(error):
    return {name: value for name, value in error.items() if name != "items"}


def same_outcome(expected, got):
    """How long it took is another question."""
    return same(_timeless(expected), _timeless(got))


def in_time(expected, got):
    return "seconds" not in expected or -EARLY <= got["seconds"] - expected["seconds"] <= LATE


def agrees(expected, got):
    """In what comes out and in when."""
    return same_outcome(expected, got) and in_time(expected, got)


def _timeless(outcome):
    return {name: value for name, value in sorted(outcome.items()) if name != "seconds"}


def expected_of(case):
    """The reference's outcome, or None where it would not end, or not soon."""
    try:
        outcome = {"output": []} | outcome_of(case)
    except Stuck:
        return None
    return outcome if outcome.get("seconds", 0) <= LONGEST else None


def disordered(case, runs, delays, turn=0.0):
    """Outcomes that the reference has too where timers are late by up to `delays` seconds, turns take up to `turn`, and
    order is left open."""
    for i in range(runs):
        try:
            yield outcome_of(case, Disorder(i, delays, serial="seed" in case, turn=turn))
        except Stuck:
            yield {"stuck": True}


def has_tie(case, expected, runs=25, delays=0.015):
    """Whether the outcome, or when it comes, hangs on which of two events comes first that no clock keeps apart."""
    return "invalid" not in expected and any(not agrees(expected, each) for each in disordered(case, runs, delays))


def is_explained_by_load(case, got, runs=500):
    """Whether the reference comes to the daemon's outcome too on a machine that is so busy that timers are late and work
    which needs no timer takes long."""
    loads = ((0.3, 0.0), (0.0, 0.05), (0.02, 0.05), (0.05, 0.2), (0.3, 0.1))
    return any(same_outcome(each, got) for delays, turn in loads for each in disordered(case, runs, delays, turn))
