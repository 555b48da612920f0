"""What the simulation found, as Markdown tables and a plot."""

import math
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 370, 250, 46  # of one panel
COLOURS = ("#6b7280", "#0369a1", "#f59e0b", "#b45309")


@dataclass
class Curve:
    """One line of one panel: figure by number of workers."""

    label: str
    points: dict


@dataclass
class Panel:
    """One workload: curves over the number of workers, both axes logarithmic."""

    title: str
    curves: list
    ideal: bool  # whether the number of workers itself is a line of it


def number(value):
    """Three digits that count, and no more than two after the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(heads, rows):
    """Text in the first column, figures in the others."""
    yield f"| {' | '.join(heads)} |"
    yield "| --- |" + " --: |" * (len(heads) - 1)
    for first, *others in rows:
        yield f"| {' | '.join([first, *(each if isinstance(each, str) else number(each) for each in others)])} |"


def scales(panel):
    """Where a panel's numbers lie: functions of x and of y, and the highest power of ten or so below each end."""
    workers = sorted({n for curve in panel.curves for n in curve.points})
    values = [v for curve in panel.curves for v in curve.points.values()] + (workers if panel.ideal else [])
    low, high = min(values), max(values)

    def x_of(n):
        return MARGIN + (WIDTH - MARGIN - 20) * math.log(n / workers[0]) / math.log(workers[-1] / workers[0])

    def y_of(v):
        return HEIGHT - 34 - (HEIGHT - 70) * math.log(v / low) / math.log(high / low)

    ticks = [t for k in range(-1, 6) for t in (10**k, 3 * 10**k) if low <= t <= high]
    return workers, ticks, x_of, y_of


def axes(panel, workers, ticks, x_of, y_of):
    yield f'<text x="{MARGIN}" y="18" font-weight="bold">{panel.title}</text>'
    for n in workers:
        yield f'<text x="{x_of(n):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{n}</text>'
    for tick in ticks:
        y = y_of(tick)
        yield f'<line x1="{MARGIN}" y1="{y:.1f}" x2="{WIDTH - 20}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'


def polyline(points, x_of, y_of, style):
    return f'<polyline fill="none" {style} points="{" ".join(f"{x_of(n):.1f},{y_of(v):.1f}" for n, v in points)}"/>'


def panel_parts(panel):
    workers, ticks, x_of, y_of = scales(panel)
    yield from axes(panel, workers, ticks, x_of, y_of)
    if panel.ideal:
        yield polyline([(n, n) for n in workers], x_of, y_of, 'stroke="black" stroke-dasharray="3 3"')
    for curve, colour in zip(panel.curves, COLOURS, strict=True):
        yield polyline(sorted(curve.points.items()), x_of, y_of, f'stroke="{colour}" stroke-width="2"')


def legend(curves, y):
    for i, (curve, colour) in enumerate(zip(curves, COLOURS, strict=True)):
        x = MARGIN + i * 175
        yield f'<line x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{x + 28}" y="{y}">{curve.label}</text>'


def plot(panels, title):
    """Panels two by two, one legend for all."""
    width, height = 2 * WIDTH, 30 + (len(panels) + 1) // 2 * HEIGHT + 30
    size = f'width="{width}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    yield f'<rect {size} fill="white"/>'
    yield f'<text x="{MARGIN}" y="20">{title}</text>'
    for i, panel in enumerate(panels):
        yield f'<g transform="translate({i % 2 * WIDTH} {30 + i // 2 * HEIGHT})">'
        yield from panel_parts(panel)
        yield "</g>"
    yield from legend(panels[0].curves, height - 10)
    yield "</svg>"


def replace_block(text, marks, lines):
    """The page with `lines` between the marks."""
    begin, end = text.find(marks[0]), text.find(marks[1])
    if begin < 0 or end < begin:
        raise ValueError(f"the page lacks the lines {marks[0]} and {marks[1]}")
    return text[:begin] + "\n".join([marks[0], *lines, ""]) + text[end:]
