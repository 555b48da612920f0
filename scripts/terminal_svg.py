#!/usr/bin/python3
"""Makes an SVG of a terminal's screen: `tmux capture-pane -p -e | scripts/terminal_svg.py COLUMNS > screen.svg`.

Knows what SGR says of bold, underline, reverse and the eight colours.
"""

import re
import sys
import unicodedata
from html import escape

WIDTH, HEIGHT, SIZE, MARGIN = 8.4, 18, 14, 12
PLAIN, PAPER = "#d0d7de", "#0d1117"
COLORS = ["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#d0d7de"]


class Look:
    def __init__(self):
        self.reset()

    def reset(self):
        self.bold = self.underline = self.reverse = False
        self.color = PLAIN

    def take(self, codes):
        for code in (int(each or 0) for each in codes.split(";")):
            if code == 0:
                self.reset()
            elif code in (1, 22):
                self.bold = code == 1
            elif code in (4, 24):
                self.underline = code == 4
            elif code in (7, 27):
                self.reverse = code == 7
            elif 30 <= code < 38:
                self.color = COLORS[code - 30]
            elif code == 39:
                self.color = PLAIN


def columns_of(character):
    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1


def runs(line, look):
    """(column, text, columns) of each piece in one style, as SVG."""
    at = 0
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if piece.startswith("\x1b"):
            look.take(piece[2:-1])
            continue
        piece = re.sub(r"\x1b[()][A-Z0-9]|[\x0e\x0f]", "", piece)
        if not piece:
            continue
        columns = sum(map(columns_of, piece))
        yield at, columns, piece
        at += columns


def svg(lines, columns):
    width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    look = Look()
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
           f'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="{SIZE}">')
    yield f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>'
    for row, line in enumerate(lines):
        for at, count, text in runs(line, look):
            x, y, extent = MARGIN + at * WIDTH, MARGIN + row * HEIGHT, count * WIDTH
            ink = PAPER if look.reverse else look.color
            if look.reverse:
                yield f'<rect x="{x:.1f}" y="{y}" width="{extent:.1f}" height="{HEIGHT}" fill="{look.color}"/>'
            if look.underline:
                yield f'<rect x="{x:.1f}" y="{y + HEIGHT - 1}" width="{extent:.1f}" height="1" fill="{ink}"/>'
            if text.strip():
                bold = ' font-weight="bold"' if look.bold else ""
                yield (f'<text x="{x:.1f}" y="{y + SIZE}" textLength="{extent:.1f}" xml:space="preserve" fill="{ink}"{bold}>{escape(text)}</text>')
    yield "</svg>"


if __name__ == "__main__":
    screen = sys.stdin.read().rstrip("\n").split("\n")
    print("\n".join(svg(screen, int(sys.argv[1]))))
