# SPDX-License-Identifier: Apache-2.0
"""The picture: for each workload how many times as long each rival takes as embstore, as SVG."""

import html
import math

WIDTH, LEFT, BAR, GAP, HEAD = 860, 230, 18, 5, 34
DECADES = 3  # To the right of 1 and to the left of it one.
COLOURS = {"embstore": "#1b6ca8", "faster": "#c0392b", "slower": "#9aa5b1"}


def draw(groups, caption):
    """`groups`: (title, [(system, ratio to embstore or None, words)]). None: no bar, only words."""
    height = 46 + sum(HEAD + len(rows) * (BAR + GAP) for _, rows in groups) + 24
    span = WIDTH - LEFT - 150
    one = LEFT + span / (DECADES + 1)

    def place(ratio):
        decades = min(max(math.log10(ratio), -1), DECADES)
        return one + decades * span / (DECADES + 1)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>']

    def text(x, y, words, **more):
        more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{more}>{html.escape(words)}</text>')

    text(12, 22, "Time, as a multiple of embstore's (logarithmic)", font_size=15,
         font_weight="bold")
    y = 40
    for decade in range(-1, DECADES + 1):
        x = place(10.0 ** decade)
        parts.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{height - 24}" '
                     f'stroke="{"#1b6ca8" if decade == 0 else "#e3e7eb"}"/>')
        text(x, y + 8, f"{10.0 ** decade:g}x", text_anchor="middle", fill="#5f6b76", font_size=10)
    for title, rows in groups:
        y += HEAD
        text(12, y - 8, title, font_weight="bold")
        for system, ratio, words in rows:
            text(LEFT - 8, y + BAR - 5, system, text_anchor="end")
            end = one
            if ratio:
                start, end = sorted((one, place(ratio)))
                kind = "embstore" if ratio == 1 else "faster" if ratio < 1 else "slower"
                parts.append(f'<rect x="{start - 1:.1f}" y="{y}" width="{end - start + 2:.1f}" '
                             f'height="{BAR}" fill="{COLOURS[kind]}"/>')
            text(end + 8, y + BAR - 5, words, fill="#333")
            y += BAR + GAP
    text(12, height - 8, caption, fill="#5f6b76", font_size=10)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _short(ratio):
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def of_results(results):
    groups = []
    for name, metric in (("W1", "wall"), ("W1-http", "wall"), ("W2", "wall"), ("W6", "wall"),
                         ("W7", "p50"), ("W10", "ms")):
        held = results.workloads.get(name)
        if not held or not held["systems"]:
            continue
        systems = list(held["systems"])
        if not results.median(name, systems[0], metric):
            continue
        rows = []
        for system in systems:
            value = results.median(name, system, metric)
            if value is None:
                rows.append((results.title(system), None,
                             held["systems"][system]["note"] or "not measured"))
                continue
            unit = {"wall": f"{value:.2f} s", "p50": f"{value:.1f} µs",
                    "ms": f"{value:.2f} ms"}[metric]
            ratio = results.in_turn(name, system, systems[0], metric)[0]
            rows.append((results.title(system), ratio, f"{_short(ratio)}x, {unit}"))
        groups.append((f"{name}: {held['title']}", rows))
    caption = (f"{results.meta['documents']:,} documents x 768, {results.meta['machine']}, "
               f"{results.meta['date']}" + (
                   ", other programs at work" if not results.is_quiet() else ""))
    return draw(groups, caption)
