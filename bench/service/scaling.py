#!/usr/bin/python3
"""What the daemon's work costs as it grows: a line fitted to each sweep, and a picture.

Usage: scaling.py BUILD [--seconds S] [--write DOCS]

Costs are the daemon's CPU time and memory, not latencies: they hang little on what else the machine does. --write replaces the
block in DOCS/PERFORMANCE.md and its picture; without it the lines are printed.
"""

import argparse
import contextlib
import json
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from service.peers import LineServer, run_json  # noqa: E402
from simulation.report import number, replace_block, table  # noqa: E402

MARKS = ("<!-- service_scaling: begin -->", "<!-- service_scaling: end -->")
PLOT = "performance-scaling.svg"


@dataclass
class Sweep:
    """One quantity that grows, and what it costs: `points` has (size, cost)."""

    title: str
    size: str
    unit: str
    points: list

    def fit(self):
        """(fixed, each) of cost = fixed + each * size, with the least sum of squared relative errors; neither below 0."""
        w = [1 / cost**2 for _, cost in self.points]
        x, y = [size for size, _ in self.points], [cost for _, cost in self.points]
        sw, sx, sy = sum(w), sum(a * b for a, b in zip(w, x, strict=True)), sum(a * b for a, b in zip(w, y, strict=True))
        sxx = sum(a * b * b for a, b in zip(w, x, strict=True))
        sxy = sum(a * b * c for a, b, c in zip(w, x, y, strict=True))
        each = max(0.0, (sw * sxy - sx * sy) / (sw * sxx - sx * sx))
        return max(0.0, (sy - each * sx) / sw), each

    def worst(self):
        """How far the line is from a point, at most, as a part of it."""
        fixed, each = self.fit()
        return max(abs(fixed + each * size - cost) / cost for size, cost in self.points)


def daemon(stack, build, log, folder):
    server = LineServer("gatherd", [str(Path(build) / "gatherd"), "serve", "--listen", "127.0.0.1:0", "--log.level", "warn"],
                        flag="--port-file")
    return server.start(stack, folder, log, None)


def bench(build, where, *words):
    return run_json([str(Path(build) / "gatherd"), "bench", "--json", "--connect", where, *words])


def sweeps(options, folder, log):
    seconds = ["--warm-up", "100ms", "--duration", f"{int(options.seconds * 1000)}ms"]

    def cpu_us(found):
        return found["server"]["cpu"] / found["batches"] * 1e6

    def loaded(*words):
        with contextlib.ExitStack() as stack:
            return bench(options.build, daemon(stack, options.build, log, folder), *words)

    yield Sweep("CPU of a batch", "tasks in it", "us", [
        (batch, cpu_us(loaded("--batch", str(batch), *seconds))) for batch in (1, 4, 16, 64, 256, 1024, 4096, 16384)])
    yield Sweep("CPU of a batch of one", "connections", "us", [
        (count, cpu_us(loaded("--connections", str(count), *seconds))) for count in (1, 4, 16, 64, 256, 1024, 4096)])
    memory, cpu = [], []
    for count in (1_000, 4_000, 16_000, 64_000, 256_000):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([{"call": "sleep", "args": [0.5 + i * 1e-6]} for i in range(count)], file)
            file.flush()
            found = loaded("--plan", file.name, "--requests", "1", "--warm-up", "0", "--patience", "60s")["server"]
        memory.append((count, (found["peak_private"] - found["connected"]["private"]) / 1024))
        cpu.append((count, max(found["cpu_whole_run"], 0.005) * 1e3))
    yield Sweep("Memory of a gather that sleeps", "tasks in flight", "KiB", memory)
    yield Sweep("CPU of a gather that sleeps", "tasks in flight", "ms", cpu)


def panel(sweep, left, top):
    """Points and the fitted line, both axes logarithmic."""
    width, height = 300, 180
    fixed, each = sweep.fit()
    xs = [size for size, _ in sweep.points]
    ys = [cost for _, cost in sweep.points] + [fixed + each * size for size in xs]

    def x_of(size):
        return left + width * math.log(size / min(xs)) / math.log(max(xs) / min(xs))

    def y_of(cost):
        return top + height - height * math.log(cost / min(ys)) / max(1e-9, math.log(max(ys) / min(ys)))

    yield f'<text x="{left}" y="{top - 10}" font-weight="bold">{sweep.title}, {sweep.unit}</text>'
    for cost in (min(ys), max(ys)):
        yield f'<text x="{left - 6}" y="{y_of(cost) + 4:.1f}" text-anchor="end">{number(cost)}</text>'
    for size in (min(xs), max(xs)):
        yield f'<text x="{x_of(size):.1f}" y="{top + height + 18}" text-anchor="middle">{size}</text>'
    yield f'<text x="{left + width / 2}" y="{top + height + 18}" text-anchor="middle">{sweep.size}</text>'
    steps = [min(xs) * (max(xs) / min(xs)) ** (i / 40) for i in range(41)]
    line = " ".join(f"{x_of(size):.1f},{y_of(max(fixed + each * size, min(ys))):.1f}" for size in steps)
    yield f'<polyline fill="none" stroke="#b45309" points="{line}"/>'
    for size, cost in sweep.points:
        yield f'<circle cx="{x_of(size):.1f}" cy="{y_of(cost):.1f}" r="3.5" fill="#0369a1"/>'


def picture(found):
    yield '<svg xmlns="http://www.w3.org/2000/svg" width="820" height="560" font-family="sans-serif" font-size="12">'
    yield '<rect width="820" height="560" fill="white"/>'
    for i, sweep in enumerate(found):
        yield from panel(sweep, 90 + i % 2 * 400, 50 + i // 2 * 265)
    yield "</svg>"


def lines(found):
    yield "The daemon's own cost, measured and fitted: `scripts/bench.sh scaling`."
    yield ""
    rows = []
    for sweep in found:
        fixed, each = sweep.fit()
        rows.append([sweep.title, f"{number(fixed)} {sweep.unit}", f"{each:.4g} {sweep.unit}", sweep.size, f"{sweep.worst() * 100:.0f} %"])
    yield from table(["cost", "fixed", "each", "of", "worst error of the line"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S")
    parser.add_argument("--write", type=Path, metavar="DOCS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatherd-bench-") as folder, open(Path(folder) / "log", "w", encoding="utf-8") as log:
        found = list(sweeps(options, folder, log))
    if not options.write:
        print("\n".join(lines(found)))
        return
    page = options.write / "PERFORMANCE.md"
    made = [*lines(found), "", f"![costs measured and fitted]({PLOT})"]
    page.write_text(replace_block(page.read_text(encoding="utf-8"), MARKS, made), encoding="utf-8")
    (options.write / PLOT).write_text("\n".join(picture(found)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
