#!/usr/bin/python3
"""Simulates the workers' policy of stealing and waking on machines larger than those at hand, and shows how it scales.

Usage: simulate.py [--tasks N] [--seed N]                prints the tables
       simulate.py [--tasks N] [--seed N] --write DOCS   writes them between the marks in DOCS/PERFORMANCE.md, and the plot

About two minutes of one core with the 10 000 tasks of the default. What is modelled, and what is not: simulation/pool.py; what
things cost: simulation/costs.py.
"""

import argparse
import gc
import sys
from dataclasses import replace
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from simulation.policy import Machine, Policy  # noqa: E402
from simulation.pool import Pool  # noqa: E402
from simulation.report import Curve, Panel, number, plot, replace_block, table  # noqa: E402
from simulation.workloads import ALL, Batches, Requests, Skynet, SmallBatches, Tree  # noqa: E402

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128)
CASES = ((1_000, 8), (10_000, 8), (10_000, 64), (10_000, 128))  # task size and workers where single changes are compared
TINY = (100, 2)  # and for batches of 100, which are too small for a second worker
SIZES = (100, 1_000, 10_000)  # ns
# What the service gives its workers, in ns of CPU as measured by `gatherd bench`: docs/PERFORMANCE.md, what was aimed at.
SERVICE = (
    ("requests: batches of one no-op, 1.4 us", Requests, 1_400),
    ("requests: batches of 100 no-ops, 12 us", Requests, 12_000),
    ("requests: batches of 1000 no-ops, 100 us", Requests, 100_000),
    ("batches: children that wait, 0.6 us each", Batches, 600),
)
PRESENT = Policy()
PROPOSED = Policy(awake_a_searcher=4, doze=100_000)
CHANGES = {
    "as it is": PRESENT,
    "a searcher for every 4 awake (S)": Policy(awake_a_searcher=4),
    "at most an eighth searches": Policy(most_searching=8),
    "doze of 0.1 ms (D)": Policy(doze=100_000),
    "patience of 5 us": Policy(patience=5_000),
    "no patience, no doze": Policy(patience=0, doze=0),
    "steal one": Policy(take="one"),
    "steal half of the deque, too (H)": Policy(take="half"),
    "random start": Policy(order="random"),
    "neighbours first": Policy(order="neighbours"),
    "a fair share of injected work (F)": Policy(share_injected=True),
    "S, D: proposed": PROPOSED,
    "proposed and patience of 5 us": replace(PROPOSED, patience=5_000),
    "proposed and H": replace(PROPOSED, take="half"),
    "proposed and random start": replace(PROPOSED, order="random"),
    "proposed and F": replace(PROPOSED, share_injected=True),
}
MACHINES = {
    "as assumed": Machine(),
    "a woken thread runs after 5 us": Machine(sleeper=5_000),
    "a woken thread runs after 50 us": Machine(sleeper=50_000),
    "lines from outside a cluster of 8 cost 240 ns": Machine(far_line=240),
}
MARKS = ("<!-- executor_simulation: begin -->", "<!-- executor_simulation: end -->")
PLOT = "executor-scaling.svg"


def share(values, part):
    """The value that this part of all values does not exceed."""
    return sorted(values)[int(part * (len(values) - 1))]


class Runs:
    """Every run once, however often it is asked about."""

    def __init__(self, tasks, seed):
        self.tasks, self.seed, self.done = tasks, seed, {}

    def counts(self, kind, size, workers, policy=PRESENT, machine=Machine()):
        key = kind, size, workers, policy, machine
        if key not in self.done:
            self.done[key] = Pool(workers, policy, machine, self.seed).run(kind(size, self.tasks))
        return self.done[key]

    def speed_up(self, kind, size, workers, policy=PRESENT, machine=Machine()):
        """Against one worker with the present policy."""
        return self.counts(kind, size, 1).end_ns / self.counts(kind, size, workers, policy, machine).end_ns

    def cpu(self, kind, size, workers, policy=PRESENT, machine=Machine()):
        """CPU time of all workers, against one worker with the present policy."""
        return self.counts(kind, size, workers, policy, machine).cpu_ns / self.counts(kind, size, 1).cpu_ns

    def latency_us(self, part, size, workers, policy=PRESENT, machine=Machine()):
        """Of requests, but for the first tenth: they find all workers asleep."""
        latencies = self.counts(Requests, size, workers, policy, machine).latencies
        return share(latencies[len(latencies) // 10 :], part) / 1e3

    def figure(self, kind, size, workers, policy=PRESENT, machine=Machine()):
        """What is compared: the speed-up, or of requests the p99 in us."""
        if kind is Requests:
            return self.latency_us(0.99, size, workers, policy, machine)
        return self.speed_up(kind, size, workers, policy, machine)


def latencies(runs, size, policy):
    """The p50 and p99 of requests in us, for each number of workers."""
    return [" / ".join(number(runs.latency_us(p, size, n, policy)) for p in (0.5, 0.99)) for n in WORKERS]


def scaling(runs):
    """Speed-up and efficiency against workers; of requests p50 and p99."""
    for kind in (Tree, Skynet, Batches):
        for size in SIZES:
            for name, policy in (("as it is", PRESENT), ("proposed", PROPOSED)):
                figures = [runs.speed_up(kind, size, n, policy) for n in WORKERS]
                cells = [f"{number(f)} ({100 * f / n:.0f} %)" for f, n in zip(figures, WORKERS, strict=True)]
                yield [f"{kind.name} {size / 1e3:g} us, {name}", *cells]
    for size in SIZES[1:]:  # to read a request takes longer than the shortest
        for name, policy in (("as it is", PRESENT), ("proposed", PROPOSED)):
            yield [f"requests {size / 1e3:g} us, {name}: p50 / p99, us", *latencies(runs, size, policy)]


def service(runs):
    """The same with the service's own sizes."""
    for work, kind, size in SERVICE:
        for name, policy in (("as it is", PRESENT), ("proposed", PROPOSED)):
            if kind is Requests:
                yield [f"{work}, {name}: p50 / p99, us", *latencies(runs, size, policy)]
            else:
                yield [f"{work}, {name}: speed-up", *(number(runs.speed_up(kind, size, n, policy)) for n in WORKERS)]


def events(runs, size):
    """What the workers did besides the tasks."""
    for kind in ALL:
        for n in (8, 64, 128):
            for name, policy in (("as it is", PRESENT), ("proposed", PROPOSED)):
                c = runs.counts(kind, size, n, policy)
                worked = len(c.first_run)
                each = (c.wakes, c.steals, c.stolen, c.failed_searches, c.parks, c.dozes, c.injected)
                yield [f"{kind.name}, {n} workers, {name}", *(f"{c.a_task(e):.3f}" for e in each), str(worked)]


def compared(runs, choices):
    """A row for each policy or machine, all else as it is."""
    for name, choice in choices.items():
        given = {"machine": choice} if isinstance(choice, Machine) else {"policy": choice}
        cells = [[runs.figure(kind, *case, **given) for case in CASES] for kind in ALL]
        cells.append([runs.speed_up(SmallBatches, *TINY, **given), runs.cpu(SmallBatches, *TINY, **given)])
        yield [name, *(" / ".join(map(number, cell)) for cell in cells)]


def report(runs, size=10_000):
    counts = f"{runs.counts(Tree, size, 1).finished} tasks in the tree, {runs.counts(Skynet, size, 1).finished} in skynet"
    yield f"Simulated, not measured: {counts}, {runs.tasks} in the batches and as many requests, or half"
    yield f"a millisecond of them; seed {runs.seed}; all workers but one asleep at the start."
    yield "Speed-up over one worker, and efficiency; for requests at half load, the latency."
    yield ""
    yield from table(["workload, task size, policy", *map(str, WORKERS)], scaling(runs))
    yield ""
    yield "With the service's task sizes; requests as many as keep half of the workers busy:"
    yield ""
    yield from table(["work, policy", *map(str, WORKERS)], service(runs))
    yield ""
    yield f"Tasks of {size / 1e3:g} us: how often, for each task; and how many workers ever ran one."
    yield ""
    heads = ["workload", "wakes", "steals", "stolen", "failed searches", "parks", "dozes", "injected", "workers that ran"]
    yield from table(heads, events(runs, size))
    yield ""
    cases = " / ".join(f"{n} workers and {of / 1e3:g} us" for of, n in CASES)
    yield f"One change at a time, then several; each cell: {cases}."
    yield ""
    heads = ["tree: speed-up", "skynet: speed-up", "batches: speed-up", "requests: p99, us"]
    heads.append(f"batches of 100 x {TINY[0] / 1e3:g} us, {TINY[1]} workers: speed-up / CPU")
    yield from table(["policy", *heads], compared(runs, CHANGES))
    yield ""
    yield "The policy as it is, on other machines:"
    yield ""
    yield from table(["machine", *heads], compared(runs, MACHINES))


def panels(runs):
    """A panel for each workload, with two sizes under two policies."""
    for kind in ALL:
        curves = [
            Curve(f"{size / 1e3:g} us, {name}", {n: runs.figure(kind, size, n, policy) for n in WORKERS})
            for size in (1_000, 10_000)
            for name, policy in (("as it is", PRESENT), ("proposed", PROPOSED))
        ]
        what = "p99 of the latency, us" if kind is Requests else "speed-up"
        yield Panel(f"{kind.name}: {what}", curves, ideal=kind is not Requests)


def write(docs, runs, lines):
    page = docs / "PERFORMANCE.md"
    picture = ["", f"![speed-up and latency against workers, simulated]({PLOT})"]
    page.write_text(replace_block(page.read_text(encoding="utf-8"), MARKS, [*lines, *picture]), encoding="utf-8")
    title = "Simulated: workers along the bottom, the broken line is the ideal"
    (docs / PLOT).write_text("\n".join(plot(list(panels(runs)), title)) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000, metavar="N", help="how many tasks, about")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="the folder of PERFORMANCE.md")
    options = parser.parse_args()
    gc.set_threshold(100_000)  # there are only few cycles to find, each time among many tasks
    runs = Runs(options.tasks, options.seed)
    lines = list(report(runs))
    if options.write:
        write(options.write, runs, lines)
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
