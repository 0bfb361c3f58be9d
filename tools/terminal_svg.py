#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A terminal's text with its colours, from standard input, as an SVG picture on standard output.

    script -qec ./run /dev/null | tools/terminal_svg.py "./run" > docs/run.svg

Knows what Quire prints: SGR colours of the 8 and 256 sets, bold, dim, inverse; other escapes are dropped.
"""
import html
import re
import sys

WIDTH, HEIGHT, TOP, LEFT = 8.43, 18, 46, 16
PALETTE = ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
           "#7f8899", "#ff7b86", "#b5e08d", "#ffd98a", "#82c4ff", "#dd9bf0", "#7fd6df", "#ffffff"]
FOREGROUND, BACKGROUND = "#d8dee9", "#1e222a"


def colour(n):
    if n < 16:
        return PALETTE[n]
    if n >= 232:
        return "#%02x%02x%02x" % ((8 + (n - 232) * 10,) * 3)
    levels = (0, 95, 135, 175, 215, 255)
    n -= 16
    return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6], levels[n % 6])


class Style:
    def __init__(self):
        self.fg, self.bg, self.bold, self.dim, self.inverse = None, None, False, False, False

    def sgr(self, codes):
        codes = [int(c or 0) for c in codes.split(";")]
        while codes:
            c = codes.pop(0)
            if c == 0:
                self.__init__()
            elif c == 1:
                self.bold = True
            elif c == 2:
                self.dim = True
            elif c == 7:
                self.inverse = True
            elif c == 22:
                self.bold = self.dim = False
            elif c == 27:
                self.inverse = False
            elif 30 <= c <= 37 or 90 <= c <= 97:
                self.fg = colour(c - 30 if c < 90 else c - 82)
            elif 40 <= c <= 47 or 100 <= c <= 107:
                self.bg = colour(c - 40 if c < 100 else c - 92)
            elif c in (38, 48) and len(codes) >= 2 and codes[0] == 5:
                value = colour(codes[1])
                del codes[:2]
                if c == 38:
                    self.fg = value
                else:
                    self.bg = value
            elif c == 39:
                self.fg = None
            elif c == 49:
                self.bg = None

    def attributes(self):
        fg, bg = self.fg or FOREGROUND, self.bg
        if self.inverse:
            fg, bg = bg or BACKGROUND, fg
        return fg, bg, self.bold, self.dim


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else ""
    text = sys.stdin.buffer.read().decode("utf-8", "replace").replace("\r", "")
    style, rows, columns = Style(), [], 80
    for line in text.rstrip("\n").split("\n"):
        spans, column = [], 0
        for piece in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
            if piece.startswith("\x1b["):
                if piece.endswith("m"):
                    style.sgr(piece[2:-1])
            elif piece:
                spans.append((column, piece, style.attributes()))
                column += len(piece)
        columns = max(columns, column)
        rows.append(spans)
    width, height = LEFT * 2 + columns * WIDTH, TOP + len(rows) * HEIGHT + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"'
           ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
           f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
           *(f'<circle cx="{18 + 20 * i}" cy="18" r="6" fill="{c}"/>'
             for i, c in enumerate(("#e06c75", "#e5c07b", "#98c379"))),
           f'<text x="90" y="23" fill="#7f8899">{html.escape(title)}</text>']
    for i, spans in enumerate(rows):
        y = TOP + i * HEIGHT
        for column, piece, (fg, bg, bold, dim) in spans:
            x, length = LEFT + column * WIDTH, len(piece) * WIDTH
            if bg:
                out.append(f'<rect x="{x:.2f}" y="{y}" width="{length:.2f}" height="{HEIGHT}" fill="{bg}"/>')
            if piece.strip():
                extra = (' font-weight="bold"' if bold else "") + (' opacity="0.6"' if dim else "")
                out.append(f'<text x="{x:.2f}" y="{y + 13}" fill="{fg}"{extra} xml:space="preserve" '
                           f'textLength="{length:.2f}" lengthAdjust="spacing">{html.escape(piece)}</text>')
    out.append("</svg>")
    print("\n".join(out))


main()
