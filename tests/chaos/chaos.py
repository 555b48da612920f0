#!/usr/bin/python3
"""Attacks the built daemon and watches what a well-behaved neighbour notices of it.

chaos.py [--table] [--seconds N] [--seed N] [ATTACK..]

Each attack has a process of its own and N seconds (CHAOS_SECONDS; 2); meanwhile neighbour.py measures. It fails when
the daemon ends, when an answer to the neighbour is lost or wrong, or when sockets, threads or memory do not come back.
Times are printed, not judged. The attackers run at a lower priority: they stand for other machines. With --table the
output is the table of docs/RELIABILITY.md. TESTED_GATHERD names the program.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / each) for each in ("integration", "load")]

import attacks
from daemon import Daemon

NEIGHBOUR = Path(__file__).resolve().parent / "neighbour.py"


def attack(make, port, seed, seconds, tried):
    """Runs in a process of its own, so that its descriptors and its noise go with it."""
    os.nice(10)
    until = time.monotonic() + seconds
    steps = make(port, random.Random(seed))
    while time.monotonic() < until:
        try:
            next(steps)
            tried.value += 1
        except (OSError, EOFError, json.JSONDecodeError):
            # The daemon closed in the middle of it, as it may: once more from the beginning.
            steps = make(port, random.Random(f"{seed}/{tried.value}"))
            tried.value += 1


def footprint(pid):
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]), int(status["VmRSS"].split()[0]) // 1024


def settled(daemon, files):
    """Waits until the connections of an attack are gone, and nothing is in flight."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with daemon.connect() as connection:
            stats = connection.result("stats")
        if stats["tasks_in_flight"] == 0 and stats["connections"] == 1 and footprint(daemon.process.pid)[0] <= files:
            return stats
        time.sleep(0.05)
    raise AssertionError(f"something stays behind: {footprint(daemon.process.pid)} {stats}")


def run_one(make, seed, seconds):
    """What the neighbour saw while one attack went on, and what it left behind."""
    # Small enough that this test meets them, large enough for a million tasks.
    with Daemon("--limits.message-time", "1s", "--limits.unread-bytes", "8MiB", "--limits.unread-time", "1s",
                "--limits.memory-bytes", "3GiB", "--workers.cancel-time", "200ms", "--workers.wait", "500ms") as daemon:
        with daemon.connect() as connection:
            connection.result("ping")
        files = footprint(daemon.process.pid)[0] + 1
        tried = multiprocessing.Value("L", 0)
        attacker = multiprocessing.Process(target=attack, args=(make, daemon.port, seed, seconds + 0.5, tried))
        attacker.start()
        time.sleep(0.25)
        watched = subprocess.run([sys.executable, "-B", str(NEIGHBOUR), str(daemon.port), str(seconds)], capture_output=True, text=True, check=True)
        attacker.join()
        stats = settled(daemon, files)
        seen = json.loads(watched.stdout)
        peak = int(dict(line.split(":", 1) for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines())["VmHWM"].split()[0])
    if attacker.exitcode != 0:
        raise AssertionError(f"the attack ended with {attacker.exitcode}: see above")
    if seen["lost"] or seen["wrong"] or not seen["answers"]:
        raise AssertionError(f"the neighbour noticed: {seen}")
    return seen | {"tried": tried.value, "peak": peak // 1024, "errors": sum(stats["errors"].values()), "allocated": stats["memory"]["allocated_bytes"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("CHAOS_SECONDS", "2")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("attacks", nargs="*")
    given = parser.parse_args()
    chosen = [each for each in attacks.ALL if not given.attacks or each.__name__ in given.attacks]
    print(f"seed {given.seed}", file=sys.stderr if given.table else sys.stdout, flush=True)
    if given.table:
        print("| what the others do | times | errors told | neighbour: answers | lost or wrong | p50 ms | p99 ms | max ms | peak MiB |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for number, make in zip(itertools.count(), chosen):
        seen = run_one(make, f"{given.seed}/{number}", given.seconds)
        row = [make.__name__.replace("_", " "), seen["tried"], seen["errors"], seen["answers"], seen["lost"] + seen["wrong"], seen["p50"],
               seen["p99"], seen["max"], seen["peak"]]
        print("| " + " | ".join(map(str, row)) + " |" if given.table else f"{row[0]}: {seen}", flush=True)


if __name__ == "__main__":
    main()
