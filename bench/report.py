#!/usr/bin/python3
"""Turns the JSON files of executor_bench into tables of medians and ratios, and a plot.

Usage: report.py RESULTS             prints the tables
       report.py RESULTS --write DOCS   writes them between the marks in DOCS/PERFORMANCE.md, and the plot beside it

RESULTS is a folder of files that --benchmark_out wrote, one a round and row: see scripts/bench.sh.
"""

import json
import math
import re
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

OURS = "gatherd"
PEERS = {"onetbb": "#b45309", "onetbb_enqueue": "#b45309", "asio": "#0369a1", "std": "#6b7280"}  # and their colours
# Where the time of a repetition is not what is asked about: the counter that is.
FIGURES = {"wake": "p50_us"}
COUNTERS = {"p50_us": "p50, us", "p99_us": "p99, us", "peak_bytes_each": "peak bytes each", "started_ms": "started, ms"}
MARKS = ("<!-- executor_bench: begin -->", "<!-- executor_bench: end -->")
PLOT = "performance-executor.svg"
SUFFIX = "/process_time/real_time"  # Google Benchmark's, on every name


class Row:
    """What all rounds found of one workload on one runtime, with one number of workers."""

    def __init__(self):
        self.wall_ms, self.cpu_ms, self.piece_ns = [], [], []
        self.counters = defaultdict(list)

    def add(self, run):
        to_ms = {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}[run["time_unit"]]
        self.wall_ms.append(run["real_time"] * to_ms)
        self.cpu_ms.append(run["cpu_time"] * to_ms)
        self.piece_ns.append(1e9 / run["items_per_second"])
        for name in COUNTERS.keys() & run.keys():
            self.counters[name].append(run[name])

    def figure(self, workload):
        """What is compared: the median of the time, or of the counter that stands for it."""
        return median(self.counters[FIGURES[workload]] if workload in FIGURES else self.wall_ms)


def read(folder):
    """All rows as {(workload, size): {(runtime, workers): Row}}, and the context of the first file."""
    rows, context = defaultdict(lambda: defaultdict(Row)), None
    for path in sorted(Path(folder).glob("*.json")):
        results = json.loads(path.read_text())
        if context is None or results["context"]["date"] < context["date"]:
            context = results["context"]
        for run in results["benchmarks"]:
            workload, runtime, size, workers = run["name"].removesuffix(SUFFIX).split("/")
            rows[workload, int(size)][runtime, int(workers)].add(run)
    if context is None:
        sys.exit(f"report.py: no results in {folder}")
    return rows, context


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(of, runtime, workers, workload):
    """How many times longer a peer takes than ours, or None."""
    ours, peer = of.get((OURS, workers)), of.get((runtime, workers))
    return peer.figure(workload) / ours.figure(workload) if ours and peer and runtime != OURS else None


def runtimes(of):
    return sorted({runtime for runtime, _ in of}, key=[OURS, *PEERS].index)


def table(rows):
    """Times, per runtime and number of workers."""
    yield "| workload | runtime | 1 worker, ms | 2 workers, ms | (range) | CPU, ms | a piece, ns | ratio, 1 | ratio, 2 |"
    yield "| --- | --- | --: | --: | --: | --: | --: | --: | --: |"
    for (workload, size), of in sorted(rows.items()):
        for runtime in runtimes(of):
            cells = [f"{workload} {size:,}".replace(",", " "), runtime]
            one, two = of.get((runtime, 1)), of.get((runtime, 2))
            cells.append(number(median(one.wall_ms)) if one else "")
            cells += (
                [
                    f"**{number(median(two.wall_ms))}**",
                    f"{number(min(two.wall_ms))}-{number(max(two.wall_ms))}",
                    number(median(two.cpu_ms)),
                    number(median(two.piece_ns)),
                ]
                if two
                else [""] * 4
            )
            for workers in (1, 2):
                times = ratio(of, runtime, workers, workload)
                cells.append(number(times) if times else "")
            yield f"| {' | '.join(cells)} |"


def counter_table(rows):
    """What else was counted."""
    yield "| workload | runtime | workers | " + " | ".join(COUNTERS.values()) + " |"
    yield "| --- | --- | --: |" + " --: |" * len(COUNTERS)
    for (workload, _), of in sorted(rows.items()):
        for runtime in runtimes(of):
            for workers in (1, 2):
                row = of.get((runtime, workers))
                if row and row.counters:
                    cells = [number(median(row.counters[c])) if c in row.counters else "" for c in COUNTERS]
                    yield f"| {workload} | {runtime} | {workers} | {' | '.join(cells)} |"


def machine(context):
    """When, on what, and how busy it was."""
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = models[0] if models else "an unnamed processor"
    load = context["load_avg"][0] if context.get("load_avg") else 0
    compiler = context.get("compiler", "an unknown compiler")
    day = context["date"][:10]
    return f"{day}, {context['num_cpus']} cores of {processor}, {compiler}, load {load:.1f} at the start"


def plot(rows):
    """Bars on a logarithmic axis: how many times longer than ours each peer takes, with two workers."""
    bars = []
    for (workload, size), of in sorted(rows.items()):
        for runtime in runtimes(of):
            times = ratio(of, runtime, 2, workload)
            if times:
                bars.append((workload, runtime, times))
    left, bar, gap, width = 210, 14, 8, 760
    low = min([0.5, *(times for _, _, times in bars)])
    high = max([2, *(times for _, _, times in bars)])

    def x_of(times):
        return left + (width - left - 60) * math.log(times / low) / math.log(high / low)

    parts, y, before = [], 40, None
    for workload, runtime, times in bars:
        y += gap if workload != before else 0
        x, one = x_of(times), x_of(1)
        parts.append(f'<text x="{left - 10}" y="{y + 11}" text-anchor="end">{workload} / {runtime}</text>')
        size = f'width="{max(abs(x - one), 1):.1f}" height="{bar}"'
        parts.append(f'<rect x="{min(x, one):.1f}" y="{y}" {size} fill="{PEERS[runtime]}"/>')
        parts.append(f'<text x="{max(x, one) + 5:.1f}" y="{y + 11}">{number(times)}</text>')
        y += bar + 3
        before = workload
    size = f'width="{width}" height="{y + 20}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    yield f'<rect {size} fill="white"/>'
    yield f'<text x="{left}" y="20">How many times as long as gatherd, two workers; right of the line is slower</text>'
    yield f'<line x1="{x_of(1):.1f}" y1="32" x2="{x_of(1):.1f}" y2="{y + 5}" stroke="black"/>'
    yield from parts
    yield "</svg>"


def report(rows, context):
    rounds = max(len(row.wall_ms) for of in rows.values() for row in of.values())
    yield f"{machine(context)}; medians of {rounds} round{'s' if rounds > 1 else ''}."
    yield "A ratio is how many times as long as gatherd with as many workers: above 1, gatherd is the faster."
    yield "CPU is that of all threads, with two workers."
    yield ""
    yield from table(rows)
    yield ""
    yield from counter_table(rows)


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--write"):
        sys.exit(__doc__)
    rows, context = read(arguments[0])
    lines = list(report(rows, context))
    if len(arguments) == 1:
        print("\n".join(lines))
        return
    docs = Path(arguments[2])
    page = docs / "PERFORMANCE.md"
    text = page.read_text(encoding="utf-8")
    begin, end = text.find(MARKS[0]), text.find(MARKS[1])
    if begin < 0 or end < begin:
        sys.exit(f"report.py: {page} lacks the lines {MARKS[0]} and {MARKS[1]}")
    block = "\n".join([MARKS[0], *lines, "", f"![times as long as gatherd]({PLOT})", ""])
    page.write_text(text[:begin] + block + text[end:], encoding="utf-8")
    (docs / PLOT).write_text("\n".join(plot(rows)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
