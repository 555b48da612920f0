"""Looks for the message that makes the daemon take most memory for a byte, and checks that none takes too much.

Usage: memory_fuzz.py [SHAPES [SEED]]     30 shapes from seed 1 if not said

Each shape is made at random from what is large (texts, names, many small things), what makes many of one (references,
errors, arguments, batches, created tasks), and what stands around it.
"""

import json
import random
import sys
import time
from pathlib import Path

from daemon import Daemon
from memory_shapes import MIB, Sender, forget_all, request, status_bytes

LIMIT = 128 * MIB
BESIDE = 128 * MIB


def large(rng):
    """A value that is large in one way or another, of up to 2 MB."""
    size = 10 ** rng.uniform(1, 6.2)
    return rng.choice([
        lambda n: "x" * int(n), lambda n: {"k" * int(n): 0}, lambda n: [[]] * int(n / 3), lambda n: [{}] * int(n / 3),
        lambda n: [0] * int(n / 2), lambda n: [""] * int(n / 3), lambda n: {f"{i:x}": i for i in range(int(n / 12))},
        lambda n: "\u0001" * int(n / 6), lambda n: [1.5] * int(n / 4), lambda n: ["é" * 20] * int(n / 45),
        lambda n: {"a": {"b": [["x" * 30] * 10] * int(n / 400)}},
    ])(size)


def many(rng, most=20_000):
    return int(10 ** rng.uniform(0, 4.3)) % most + 1


def leaf(rng):
    return rng.choice([
        lambda: {"value": large(rng)}, lambda: {"call": "echo", "args": [large(rng)]},
        lambda: {"call": "fail", "args": ["ValueError", "m" * many(rng, 1_000_000)]},
        lambda: {"call": "random.choices", "args": [[large(rng)], many(rng)]},
        lambda: {"call": "sleep", "args": [0.01, large(rng)]}, lambda: {"call": "print", "args": [large(rng)]},
        lambda: {"map": "noop", "over": [[]] * many(rng)}, lambda: {"map": "sleep", "over": [[0.05]] * many(rng)},
    ])()


def reading(rng, name):
    """A task that takes what a name has, in one of many ways."""
    ref = {"ref": name}
    awaited = {"call": "echo", "args": [{"await": ref}]}
    return rng.choice([ref, awaited, {"wait": [ref]}, {"shield": ref}, {"wait_for": ref, "timeout": 30}, {"race": [ref]},
                       {"sequence": [ref, ref]}, {"task_group": [ref, ref]}, {"gather": [ref], "return_exceptions": True},
                       {"call": "print", "args": [{"await": ref}]}, {"try": ref, "finally": ref},
                       {"call": "random.sample", "args": [[1, 2, 3], 2]}, {"to_thread": {"call": "hash.sha256", "args": ["x"]}},
                       {"call": "fail", "args": ["KeyError", {"await": ref}]}])


def plan(rng, depth=0):
    if depth > 3 or rng.random() < 0.2:
        return leaf(rng)
    inner = lambda: plan(rng, depth + 1)
    return rng.choice([
        lambda: {"let": {"x": inner()}, "in": {"gather": [reading(rng, "x")] * many(rng), "return_exceptions": rng.random() < 0.5}},
        lambda: {"let": {"x": inner()}, "in": {"map": "echo", "over": [[{"await": {"ref": "x"}}]] * many(rng)}},
        lambda: {"try": inner(), "except": {"gather": [reading(rng, "e")] * many(rng)}, "as": "e"},
        lambda: {"let": {"a0": inner()} | {f"a{i}": {"gather": [{"ref": f"a{i - 1}"}] * 2} for i in range(1, 25)}, "in": {"ref": "a24"}},
        lambda: {"retry": {"sequence": [inner(), {"call": "fail"}]}, "attempts": many(rng, 50)},
        lambda: {"gather": [inner() for _ in range(rng.randrange(1, 4))], "return_exceptions": True},
        lambda: {"task_group": [inner() for _ in range(rng.randrange(1, 4))]},
        lambda: {"wait": [inner(), {"call": "sleep", "args": [1]}], "timeout": 0.5},
        lambda: {"gather": [{"call": "sleep", "args": [0.05]}] * many(rng, 200_000) + [inner()]},
    ])()


def message(rng):
    """The text of one shape, and how many lines answer it."""
    body = rng.choice(["run", "run", "run", "create", "batch", "names", "methods"])
    if body == "run":
        return request("run", {"task": plan(rng), "timeout": 5}), 1
    if body == "create":
        count = many(rng, 200)
        text = request("create_task", {"task": plan(rng), "timeout": 5})
        count = max(1, min(count, 30_000_000 // len(text)))
        return text * count, count
    if body == "names":
        count = many(rng, 60)
        return request("create_task", {"task": {"call": "sleep", "args": [3]}, "name": "n" * many(rng, 500_000)}) * count, count
    if body == "batch":
        item = request("run", [plan(rng, 2)]).strip()
        return "[" + ",".join([item] * max(1, min(many(rng), 4_000_000 // len(item)))) + "]\n", 1
    method = rng.choice(["functions", "tasks", "info", "ping", "nothing", "stats"])
    return "[" + ",".join([json.dumps({"id": "i" * many(rng, 1000), "method": method})] * many(rng, 20_000)) + "]\n", 1


def run_shape(daemon, neighbour, seed):
    """Bytes of memory that the shape took at the most, and bytes of its text."""
    text, answers = message(random.Random(seed))
    Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")  # the most is counted from here on
    before = status_bytes(daemon.process.pid, "VmRSS")
    sender = Sender(daemon.port)
    sender.send(text)
    sender.wait_for_lines(answers)
    if neighbour.result("ping") != "pong":
        raise AssertionError("the neighbour got no answer")
    most = status_bytes(daemon.process.pid, "VmHWM")
    sender.close()
    if most > LIMIT + BESIDE:
        raise AssertionError(f"shape {seed}: {most // MIB} MiB in memory after {len(text)} bytes: {text[:300]}")
    while neighbour.result("stats")["tasks_in_flight"] > 0:
        time.sleep(0.01)
    forget_all(neighbour)
    return most - before, len(text), text


def main():
    shapes = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"memory_fuzz.py {shapes} {first}", flush=True)
    found = []
    with Daemon("--limits.memory_bytes", str(LIMIT)) as daemon:
        neighbour = daemon.connect()
        if neighbour.result("stats")["memory"]["allocated_bytes"] == 0:
            print("skipped: this build does not count what it allocates")
            return
        for seed in range(first, first + shapes):
            try:
                grown, length, text = run_shape(daemon, neighbour, seed)
            except BaseException:
                print(f"shape {seed} failed", flush=True)
                raise
            found.append((grown / length, grown // MIB, length, seed, text[:100].strip()))
    print("bytes a byte, MiB, length, seed, text")
    for ratio, grown, length, seed, text in sorted(found, reverse=True)[:5]:
        print(f"{ratio:10.0f} {grown:5d} {length:9d} {seed:10d} {text}")


if __name__ == "__main__":
    main()
