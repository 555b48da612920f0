#!/usr/bin/python3
"""Finding the end of a message costs in line with its length, and over many short lines little more than on one: counted.

Usage: long_message.py LONG_MESSAGE

Instructions are counted by callgrind, so nothing hangs on how busy the machine is. `LONG_MESSAGE` alone prints CPU times.
"""

import shutil
import subprocess
import sys

from instructions import SKIPPED, collected, output_of

ITEMS = 30_000  # so many that also the shortest message is huge
LONG = 4_300_000  # bytes
PACKETS = {"a read at a time": 16384, "a byte at a time": 1}
MOST_FOR_TWICE = 2.2  # times what half of it costs: buffers that double come a little early or late
MOST_FOR_LINES = 1.8  # times what the same values on one line cost, in a text three times as long for its indents


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    if not shutil.which("valgrind"):
        print("long_message.py: skipped: there is no valgrind here; scripts/install-deps.sh test installs it")
        return SKIPPED
    program = arguments[0]
    beyond = 0

    def compare(what, ratio, most):
        nonlocal beyond
        beyond += ratio > most
        print(f"{what:44} {ratio:5.2f}, at most {most}{'  MORE' if ratio > most else ''}")

    for shape, item in (line.split() for line in output_of([program, "--list"]).splitlines()):
        for how, piece in PACKETS.items():
            whole, half = (collected([program, shape, "short", str(items), str(piece)]) for items in (ITEMS, ITEMS // 2))
            compare(f"{shape}, {how}: twice as many", whole / half, MOST_FOR_TWICE)
        lines, line = (collected([program, shape, lines, str(LONG // int(item)), "16384"]) for lines in ("short", "one"))
        compare(f"{shape}: short lines to one line", lines / line, MOST_FOR_LINES)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
