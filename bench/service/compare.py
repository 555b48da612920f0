#!/usr/bin/python3
"""Measures gatherd beside its peers: rounds in which every row meets every peer once, in random order.

Usage: compare.py BUILD [--rounds N] [--seconds S] [--only REGEX] [--before GATHERD] [--write DOCS]

BUILD is the folder of a release build with the target service_peers. --only takes the rows whose GROUP/NAME/PEER it
matches. --before adds another gatherd as a peer: the build of an earlier commit. --write replaces the tables in
DOCS/PERFORMANCE.md and its picture; without it they are printed.
"""

import argparse
import contextlib
import random
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from service import report  # noqa: E402
from service.peers import all_peers, fits, measure  # noqa: E402
from service.rows import all_rows  # noqa: E402


def run_pair(peer, row, options, folder, log):
    """Each pair has a fresh server, so that no row leaves another its memory."""
    with contextlib.ExitStack() as stack:
        where = peer.start(stack, folder, log, row)
        return measure(peer, where, row, str(Path(options.build) / "gatherd"), options.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX")
    parser.add_argument("--before", type=Path, metavar="GATHERD")
    parser.add_argument("--write", type=Path, metavar="DOCS")
    options = parser.parse_args()
    found, faults = defaultdict(list), {}
    with tempfile.TemporaryDirectory(prefix="gatherd-bench-") as folder, open(Path(folder) / "log", "w+", encoding="utf-8") as log:
        peers = list(all_peers(options.build, folder, options.before))
        pairs = [(row, peer) for row in all_rows() for peer in peers
                 if fits(peer, row) and options.only.search(f"{row.group}/{row.name}/{peer.name}")]
        if not pairs:
            sys.exit(f"compare.py: no row matches '{options.only.pattern}'")
        with contextlib.suppress(KeyboardInterrupt):  # then what there is by now is reported
            for number in range(1, options.rounds + 1):
                print(f"== round {number} of {options.rounds}: {len(pairs)} rows", file=sys.stderr, flush=True)
                random.shuffle(pairs)
                for row, peer in pairs:
                    try:
                        got = run_pair(peer, row, options, folder, log)
                        if got["tasks_a_second"] == 0:
                            raise RuntimeError("no batch ended within the time")
                        found[row, peer.name].append(got)
                    except RuntimeError as fault:
                        faults[row, peer.name] = str(fault)
    lines = list(report.lines(found, faults, [peer.name for peer in peers]))
    if options.write:
        report.write(options.write, lines, found, [peer.name for peer in peers])
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
