"""What the comparison found, as Markdown tables, ratios and a plot."""

import datetime
import math
import os
import re
from pathlib import Path
from statistics import median

from service.rows import LONGEST_SLEEP, all_rows
from simulation.report import number, replace_block, table

OURS = "gatherd"
MARKS = ("<!-- service_bench: begin -->", "<!-- service_bench: end -->")
PLOT = "performance-service.svg"


def middle(found, row, peer, figure):
    """The median of a figure over the rounds, or None."""
    values = [each[figure] for each in found.get((row, peer), ()) if each[figure] is not None]
    return median(values) if values else None


def short(value):
    """1.23 M, 45.6 k."""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return number(value / limit) + unit
    return number(value)


def time_text(seconds):
    for limit, unit in ((1, " s"), (1e-3, " ms"), (1e-6, " us")):
        if seconds >= limit:
            return number(seconds / limit) + unit
    return number(seconds * 1e9) + " ns"


def size_text(size):
    for limit, unit in ((1 << 20, " MiB"), (1 << 10, " KiB")):
        if size >= limit:
            return number(size / limit) + unit
    return number(size) + " B"


def cells(found, row, peers, figure, text, better):
    """For each peer the figure, and how many times better ours is: above 1 we win, below 1 we lose."""
    ours = middle(found, row, OURS, figure)
    for peer in peers:
        value = middle(found, row, peer, figure)
        if value is None:
            yield ""
        elif peer == OURS or not ours or not value:
            yield text(value)
        else:
            yield f"{text(value)} ({number(better(ours, value))})"


def higher(ours, theirs):
    return ours / theirs


def lower(ours, theirs):
    return theirs / ours


def block(found, groups, peers, figure, text, better, title):
    """One table, if any row of these groups was measured."""
    rows = [row for row in all_rows() if row.group in groups and any((row_of.name == row.name) for row_of, _ in found)]
    rows = [next(row_of for row_of, _ in found if row_of.name == row.name) for row in rows]
    with_figures = [peer for peer in peers if any(middle(found, row, peer, figure) is not None for row in rows)]
    if not with_figures:
        return
    yield f"**{title}**"
    yield ""
    yield from table([groups[0], *with_figures], [[row.name, *cells(found, row, with_figures, figure, text, better)] for row in rows])
    yield ""


def machine(rounds):
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    day = datetime.date.today().isoformat()
    return (f"{day}, {os.cpu_count()} cores of {models[0] if models else 'an unnamed processor'}, load {os.getloadavg()[0]:.1f} at the"
            f" end; medians of at least {rounds} round{'s' if rounds > 1 else ''}.")


def sleep_lines(found, peers):
    rows = sorted({row for row, _ in found if row.group == "sleeps"}, key=lambda row: row.batch)
    if not rows:
        return
    yield "**Sleeps** at random from 0 to 100 ms (a million: to 1 s, by one map): time beyond the longest sleep / CPU / memory a task"
    yield ""
    heads = [peer for peer in peers if any((row, peer) in found for row in rows)]
    body = []
    for row in rows:
        line = [row.name]
        for peer in heads:
            took, cpu, grown = (middle(found, row, peer, figure) for figure in ("max", "cpu_whole_run", "private_grown"))
            line.append("" if took is None else f"{time_text(max(took - LONGEST_SLEEP[row.batch], 1e-6))} / {time_text(cpu or 1e-9)} / "
                                                 f"{grown / row.batch:.0f} B")
        body.append(line)
    yield from table(["sleeps", *heads], body)
    yield ""


def lines(found, faults, peers):
    yield machine(min(map(len, found.values()), default=0))
    yield "In brackets: how many times better gatherd is; **above 1 gatherd wins, below 1 it loses**."
    yield ""
    yield from block(found, ("pipelined", "map"), peers, "tasks_a_second", short, higher, "Tasks a second, pipelined")
    yield from block(found, ("batches",), peers, "tasks_a_second", short, higher, "Tasks a second, one request at a time")
    yield from block(found, ("batches",), peers, "p50", time_text, lower, "Time of a batch, p50")
    yield from block(found, ("batches",), peers, "p99", time_text, lower, "Time of a batch, p99")
    yield from block(found, ("batches",), peers, "p99.9", time_text, lower, "Time of a batch, p99.9")
    yield from sleep_lines(found, peers)
    yield from block(found, ("connections",), peers, "private_each_idle_connection", size_text, lower, "Memory an idle connection")
    yield from block(found, ("connections",), peers, "private_each_used_connection", size_text, lower, "Memory a connection after a batch")
    for (row, peer), fault in sorted(faults.items(), key=str):
        yield f"- {peer} failed at {row.name}: {' '.join(fault.split())[:300]}"


def plot(found, peers):
    """Bars on a logarithmic axis: how many times as many tasks a second as each peer."""
    bars = []
    for row in all_rows():
        if row.group not in ("pipelined", "batches"):
            continue
        for peer in peers:
            ours, theirs = (middle(found, row, name, "tasks_a_second") for name in (OURS, peer))
            if peer != OURS and ours and theirs:
                bars.append((row.name, peer, ours / theirs))
    left, height, width = 330, 13, 860
    ratios = [ratio for _, _, ratio in bars] or [1]
    low, high = min(0.5, *ratios, 0.5), max(2, *ratios, 2)

    def x_of(ratio):
        return left + (width - left - 60) * math.log(ratio / low) / math.log(high / low)

    parts, y, before = [], 40, None
    for name, peer, ratio in bars:
        y += 8 if name != before else 0
        before = name
        x, one = x_of(ratio), x_of(1)
        colour = "#0369a1" if ratio >= 1 else "#b45309"
        parts.append(f'<text x="{left - 10}" y="{y + 11}" text-anchor="end">{name} / {peer}</text>')
        parts.append(f'<rect x="{min(x, one):.1f}" y="{y}" width="{max(abs(x - one), 1):.1f}" height="{height}" fill="{colour}"/>')
        parts.append(f'<text x="{max(x, one) + 5:.1f}" y="{y + 11}">{number(ratio)}</text>')
        y += height + 3
    size = f'width="{width}" height="{y + 20}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    yield f'<rect {size} fill="white"/>'
    yield f'<text x="20" y="20">How many times as many tasks a second as the peer: right of the line gatherd wins</text>'
    yield f'<line x1="{x_of(1):.1f}" y1="32" x2="{x_of(1):.1f}" y2="{y + 5}" stroke="black"/>'
    yield from parts
    yield "</svg>"


def write(docs, made, found, peers):
    page = docs / "PERFORMANCE.md"
    picture = ["", f"![times as many tasks a second as the peers]({PLOT})"]
    page.write_text(replace_block(page.read_text(encoding="utf-8"), MARKS, [*made, *picture]), encoding="utf-8")
    (docs / PLOT).write_text("\n".join(plot(found, peers)) + "\n", encoding="utf-8")
