#!/usr/bin/env python3.11
"""Writes random_table.jsonl: what CPython 3.11's random.Random answers to calls of random.*, for random_test.cpp.

Usage: ./make_random_table.py > random_table.jsonl

Each line is one generator and its calls, in order: {"seed": N, "calls": [[FUNCTION, ARGS, OUTCOME]..]}, where OUTCOME is
{"value": V} or {"error": [TYPE, MESSAGE]}. What JSON numbers or 64 bits cannot hold is an OverflowError without message.
"""
import json
import math
import random
import sys
import warnings

if sys.version_info[:2] != (3, 11):
    sys.exit("this table is CPython 3.11's: other versions draw and fail differently")
warnings.simplefilter("ignore")

SEEDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 42, -42, -1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 1234567890123, 2**63 - 1, 2**63,
         -2**63, 2**64 - 1]
LOW, HIGH = -2**63, 2**64 - 1


def functions(r):
    def shuffle(seq):
        seq = list(seq)
        r.shuffle(seq)
        return seq
    return {
        "random": r.random, "uniform": r.uniform, "randint": r.randint, "randrange": r.randrange,
        "getrandbits": r.getrandbits, "choice": r.choice, "choices": lambda population, k: r.choices(population, k=k),
        "sample": r.sample, "shuffle": shuffle, "gauss": r.gauss, "expovariate": r.expovariate,
    }


def carried(value):
    """Whether the wire can carry it."""
    if isinstance(value, list):
        return all(map(carried, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or LOW <= value <= HIGH


def outcome(function, args):
    try:
        value = function(*args)
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        return {"error": [type(e).__name__, str(e)]}
    return {"value": value} if carried(value) else {"error": ["OverflowError", None]}


def play(seed, calls):
    table = functions(random.Random(seed))
    return {"seed": seed, "calls": [[name, args, outcome(table[name], args)] for name, *args in calls]}


def mixed(pick, count):
    """Calls of every function in a random order, so that each finds the generator as the others leave it."""
    def integer():
        return pick.choice([pick.randint(-10, 10), pick.randint(-2**33, 2**33), pick.randint(LOW, HIGH)])

    def real():
        return pick.choice([pick.uniform(-1, 1), pick.uniform(-1e6, 1e6), float(pick.randint(-5, 5)), pick.gauss(0, 1e300)])

    def ordered(a, b):
        return (a, b) if a <= b else (b, a)

    def population():
        return pick.choice([list(range(pick.randint(1, 40))), ["a", "bc", None, 1.5, [], {"k": 1}], "abcdé中😀"])

    for _ in range(count):
        p = population()
        yield pick.choice([
            ("random",), ("uniform", integer(), integer()), ("uniform", real(), integer()), ("uniform", real(), real()),
            ("randint", *ordered(integer(), integer())), ("randrange", abs(integer()) + 1),
            ("randrange", *ordered(integer(), integer())),
            ("randrange", integer(), integer(), integer()), ("getrandbits", pick.randint(0, 64)),
            ("getrandbits", pick.randint(0, 200)), ("choice", p), ("choices", p, pick.randint(0, 5)),
            ("sample", p, pick.randint(0, min(6, len(p)))), ("shuffle", p), ("gauss", 0.0, 1.0), ("gauss", real(), integer()),
            ("expovariate", 1.0), ("expovariate", real()), ("expovariate", integer()),
        ])


def edges():
    """Arguments at the borders of what Python takes, and beyond."""
    m, wrong = 2**63, [None, "1", "a", [], [1], {}, {"a": 1}]
    for w in wrong:
        yield from [("uniform", w, 1), ("uniform", 1, w), ("uniform", 1.5, w), ("uniform", w, "x"), ("uniform", w, True),
                    ("gauss", w, 1), ("gauss", 1, w), ("gauss", w, w), ("expovariate", w), ("getrandbits", w),
                    ("sample", [1], w), ("sample", w, 1), ("choice", w), ("choices", w, 2), ("choices", w, 0), ("choices", [1], w),
                    ("shuffle", w)]
    for w in [None, [], {}]:
        yield from [("randint", w, 3), ("randint", 3, w), ("randrange", w), ("randrange", w, 3), ("randrange", 3, 5, w)]
    for w in [[], {}]:
        yield ("randrange", 3, w)
    for w in ["1", " 12 ", 1.5, -0.25]:  # of a text that is no int Python says so; ours does not tell the two apart
        yield from [("randint", w, 3), ("randrange", 10, 20, w)]
    for a in [(1.0, 3), (1, 3.0), (1, 3.5), (True, 3), (1, "3"), (LOW, HIGH), (HIGH, HIGH), (LOW, LOW), (0, HIGH), (0, m), (0, m - 1),
              (0, 0), (5, 1), (3, 1.0), (1e16, 2e16), (9007199254740992.0, 9007199254740992.0), (0, 1.8446744073709552e19),
              (1e30, 2e30), (-1e30, 0), (0, 2**32), (0, 2**32 - 1), (0, 2**32 - 2), (0, 2**53)]:
        yield ("randint", *a)
    for a in [(0,), (-1,), (10,), (10.0,), (10.5,), (True,), (10, None), (10, None, 1), (10, None, 2), (10, None, 1.0), (10, None, True),
              (10, 20, 0), (10, 20, 0.0), (10, 20, False), (10, 20, 1.0), (10, 20, 2.0), (10, 20, 2.5), (10, 20, True), (10, 20, -1),
              (20, 10, -1), (20, 10, -3), (10, 20, 30), (5, 2), (5, 2.0), (5, 1, 2), (20, 10), (0, HIGH, m), (LOW, HIGH), (HIGH, LOW, -1),
              (HIGH, LOW, LOW), (LOW, HIGH, HIGH), (1e19,), (0, 1e19), (1e30,), (-1e30, 1e30, 1e30), (-4e30, -1e30, 7.0), (HIGH,), (m,)]:
        yield ("randrange", *a)
    for k in [0, 1, 31, 32, 33, 63, 64, 65, 96, 100, 128, 129, 1000, 4096, -1, True, 1.0, 2**31, m, HIGH, LOW]:
        yield ("getrandbits", k)
    for a in [(1, 0), (True, False), (1e308, -1e308), (-1e308, 1e308), (HIGH, LOW), (LOW, HIGH), (2**53 + 1, 0), (m, 1), (2, 2.5),
              (2.5, True), (0, 0), (-0.0, -0.0), (5e-324, 5e-324)]:
        yield ("uniform", *a)
    for a in [(True, True), (1e308, 1e308), (-1e308, 1e308), (0, 1e308), (HIGH, 1), (2**53 + 1, 0), (0, 0), (-0.0, 0)]:
        yield from [("gauss", *a)] * 3
    for a in [0, 0.0, -0.0, True, False, -1, 5e-324, 1e308, HIGH, LOW, 1.5]:
        yield ("expovariate", a)
    for p in [[], "", {}, [7], "é", [[1, [2]], {"a": {}}], {"b": 1, "a": 2}, 1, 1.5, True]:
        yield from [("choice", p), ("choices", p, 0), ("choices", p, 1), ("choices", p, -1), ("shuffle", p), ("sample", p, 0),
                    ("sample", p, 1), ("sample", p, 2)]
    for k in [True, 1.0, 1.5, 3.0, -1.5, HIGH, LOW]:
        yield ("sample", [1, 2], k)
    for k in [True, 1.0, HIGH, LOW]:
        yield ("choices", [1, 2], k)
    # Both of sample's ways, to each side of where it changes: 21, 21 + 4^3, 21 + 4^4 items.
    for n, k in [(21, 5), (22, 5), (22, 1), (85, 6), (86, 6), (85, 21), (86, 21), (277, 22), (278, 22), (277, 85), (278, 85), (400, 30)]:
        yield ("sample", list(range(n)), k)
    yield ("shuffle", list(range(100)))


def main():
    pick = random.Random("which calls are in the table")
    lines = [play(seed, [("random",)] * 700 + [("getrandbits", 32)] * 5) for seed in (0, -42)]  # past a refill of the state
    lines += [play(seed, [*mixed(pick, 120), ("random",)]) for seed in SEEDS]
    lines += [play(seed, [*edges(), ("random",)]) for seed in (1, 2024)]
    for line in lines:
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
