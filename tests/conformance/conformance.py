#!/usr/bin/python3
"""Runs plans in CPython and in the daemon and compares: result, error with its places, output.

    conformance.py [--count N] [--seed S] [--depth D] [--cases FILE]

First the cases of cases.jsonl, then N random plans (500) of seed S (a fresh one), of depth D (4 and 5 in turn). A plan whose
outcome hangs on the order of events that no clock keeps apart is left out: CPython's run of it is put out of order to see
that. How long each took is reported, and is a fault where it is 2 s more than on the virtual clock, or 0.1 s less.

A difference is shrunk and printed with both outcomes; the exit status is then 1. TESTED_GATHERD names the daemon's binary.
"""

import argparse
import json
import secrets
import sys
from pathlib import Path

from comparing import agrees, expected_of, has_tie, is_explained_by_load, same_outcome
from daemon import Daemon
from daemon_side import DaemonSide
from random_plans import RandomPlans
from shrinking import shrunk

CASES = Path(__file__).with_name("cases.jsonl")
AT_ONCE = 500  # plans that are made before the daemon gets them
MOST_SHOWN = 3
MOST_TEXT = 3000


class Comparison:
    """The cases so far, and what came of them."""

    def __init__(self, daemon_side):
        self._daemon = daemon_side
        self.compared = self.refused = self.ties = self.late = 0
        self.seconds_off = []
        self.differences = []

    def run(self, cases):
        expected = [(case, expected_of(case)) for case in cases]
        certain = [(case, each) for case, each in expected if each is not None and not has_tie(case, each)]
        self.ties += len(cases) - len(certain)
        self.compared += len(certain)
        suspects = []
        for (case, expected), got in zip(certain, self._daemon.outcomes_of([case for case, _ in certain])):
            if "silent" in got:
                self.differences.append((case, expected, got))
                continue
            if "invalid" in expected:
                self.refused += 1
            else:
                self.seconds_off.append(got["seconds"] - expected["seconds"])
            if not agrees(expected, got):
                suspects.append((case, expected, got))
        for each in suspects:
            self._settle(*each)

    def _settle(self, case, expected, got):
        """Looks again, alone: a busy machine may have made a timer so late that another came first."""
        again = self._wrong_outcome(case)
        if again is not None:
            self.differences.append((case, *again))
        elif not same_outcome(expected, got) and not is_explained_by_load(case, got):
            self.differences.append((case, expected, got))
        else:
            self.late += 1

    def _wrong_outcome(self, case, times=5):
        """What is expected and what came instead in one of some runs, or None."""
        expected = expected_of(case)
        if expected is None:
            return None
        for got in self._daemon.outcomes_of([case] * times):
            if not agrees(expected, got):
                return None if has_tie(case, expected, runs=400, delays=0.03) else (expected, got)
        return None

    def show(self, case, expected, got):
        case = {name: case[name] for name in ("plan", "seed", "timeout") if name in case}
        small = case if "silent" in got else shrunk(case, lambda smaller: self._wrong_outcome(smaller) is not None)
        again = None if "silent" in got else self._wrong_outcome(small)
        print("\nDIFFERENCE, shrunk:", json.dumps(small))
        if again is not None:
            expected, got = again
        else:
            print("  (it does not come each time; the outcomes are those of the whole case)")
        print("  in CPython:   ", json.dumps(expected))
        print("  in the daemon:", json.dumps(got))
        print("  the whole case:", json.dumps(case)[:MOST_TEXT], flush=True)


def compare(port, options):
    with DaemonSide(port) as daemon_side:
        known = Comparison(daemon_side)
        with open(options.cases) as lines:  # by line feeds only: a text may hold other separators
            cases = [json.loads(line) for line in lines]
        known.run(cases)
        report(f"{len(cases)} cases", known)
        drawn = Comparison(daemon_side)
        plans = RandomPlans(options.seed)
        made = 0
        while made < options.count and len(drawn.differences) < MOST_SHOWN:
            some = range(made, min(made + AT_ONCE, options.count))
            drawn.run([plans.case(options.depth or 4 + i % 2) for i in some])
            made = some.stop
        report(f"{made} random plans", drawn)
        differences = known.differences + drawn.differences
        for each in differences[:MOST_SHOWN]:
            drawn.show(*each)
        return not differences


def report(what, made):
    print(f"{what}: {made.compared} compared, {made.refused} of them refused; {made.ties} left out as ties; "
          f"{made.late} came out otherwise once, on a busy machine; {len(made.differences)} differ")
    if made.seconds_off:
        off = sorted(made.seconds_off)
        print(f"  the daemon took {1000 * off[0]:+.0f} to {1000 * off[-1]:+.0f} ms against the virtual clock, "
              f"{1000 * off[len(off) // 2]:+.0f} in the middle", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--depth", type=int, default=None)
    parser.add_argument("--cases", default=CASES)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = secrets.randbits(32)
    print(f"seed {options.seed}: again with  scripts/conformance.sh --count {options.count} --seed {options.seed}"
          + (f" --depth {options.depth}" if options.depth else ""), flush=True)
    with Daemon() as daemon:
        is_same = compare(daemon.port, options)
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
