"""Plots as plain boxes and small SVG.

They are made by hand rather than by the chart library for three reasons: their colours follow the reader's light or dark
scheme, their text keeps its size on a telephone, and the page needs no script. `charts` draws the picture for slides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = 12


@dataclass(frozen=True)
class Mark:
    """A system in a plot: its colour by number, and its form by role (floors are hollow, the oracle is square)."""

    label: str
    number: int
    role: str = "system"

    @property
    def style(self) -> str:
        """The colour as a style."""
        return f"--c: var(--s{self.number % COLOURS})" if self.role != "oracle" else "--c: var(--soft)"

    @property
    def form(self) -> str:
        """The classes that make the form."""
        return {"floor": "hollow", "oracle": "square"}.get(self.role, "")


@dataclass(frozen=True)
class Bar:
    """A value with its interval (NaN: none). kind: best, floor, oracle or plain."""

    label: str
    mean: float
    low: float
    high: float
    text: str
    kind: str = ""
    tag: str = ""


def ticks(low: float, high: float, number: int = 5) -> list[float]:
    """About `number` round values between low and high."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / number
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float, step: float) -> str:
    """A tick with as many places as its step needs."""
    digits = 0
    while digits < 6 and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    return f"{value:,.{digits}f}"


def bars(rows: Sequence[Bar], floor: tuple[str, float] | None, oracle: tuple[str, float] | None) -> str:
    """Bars from 0 with intervals, a dashed line at the floor and a dotted one at the oracle."""
    top = max([r.high if math.isfinite(r.high) else r.mean for r in rows] + [1e-12]) * 1.02

    def percent(value: float) -> str:
        return f"{100 * min(max(value / top, 0.0), 1.0):.2f}%"

    rules = ""
    if floor:
        rules += f'<span class="rule" style="left:{percent(floor[1])}"></span>'
    if oracle:
        rules += f'<span class="rule truth" style="left:{percent(oracle[1])}"></span>'
    lines = []
    for r in rows:
        whisker = ""
        if math.isfinite(r.low):
            low, high = max(r.low, 0.0) / top * 100, min(r.high / top, 1.0) * 100
            whisker = f'<span class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.3):.2f}%"></span>'
        tag = f' <span class="tag">{escape(r.tag)}</span>' if r.tag else ""
        lines.append(
            f'<div class="row {r.kind}"><div class="name">{escape(r.label)}{tag}</div>'
            f'<div class="track"><span class="bar" style="width:{percent(r.mean)}"></span>{rules}{whisker}</div>'
            f'<div class="value">{r.text}</div></div>'
        )
    marks = ticks(0.0, top)
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    # A number that would hang over the right end is set in front of its place.
    axis = "".join(
        f'<span style="left:{percent(t)}"{" class=end" if t / top > 0.96 else ""}>{tick_text(t, step)}</span>'
        for t in marks
    )
    lines.append(f'<div class="row axis"><div></div><div class="scale">{axis}</div><div></div></div>')
    keys = ['<span><i class="span"></i>95% interval over people</span>']
    if floor:
        keys.append(f'<span><i class="dash"></i>strongest floor, {escape(floor[0])}</span>')
    if oracle:
        keys.append(f'<span><i class="dot"></i>{escape(oracle[0])}: who knows the true tastes</span>')
    return "".join(lines) + f'<div class="key">{"".join(keys)}</div>'


def legend(marks: Sequence[Mark]) -> str:
    """Names beside the marks that stand for them."""
    return (
        '<div class="key">'
        + "".join(f'<span><i class="swatch {m.form}" style="{m.style}"></i>{escape(m.label)}</span>' for m in marks)
        + "</div>"
    )


@dataclass(frozen=True)
class Lane:
    """One system in one slice."""

    mark: Mark
    mean: float
    low: float
    high: float


def slice_rows(rows: Sequence[tuple[str, int, Sequence[Lane]]], top: float) -> str:
    """For each slice (name, people) a lane for each system: a dot with its interval."""
    parts = []
    for name, number, lanes in rows:
        drawn = []
        for lane in lanes:
            if not math.isfinite(lane.mean):
                drawn.append('<div class="lane"></div>')
                continue
            low, high = (lane.low, lane.high) if math.isfinite(lane.low) else (lane.mean, lane.mean)
            left, right = 100 * max(low, 0) / top, 100 * min(high / top, 1.0)
            drawn.append(
                f'<div class="lane" style="{lane.mark.style}" title="{escape(lane.mark.label)}: {lane.mean:.4f}">'
                f'<u style="left:{left:.1f}%;width:{max(right - left, 0):.1f}%"></u>'
                f'<i class="{lane.mark.form}" style="left:{100 * min(lane.mean / top, 1):.1f}%"></i></div>'
            )
        head = f"<div>{escape(name)}<br><small>{number:,} {'person' if number == 1 else 'people'}</small></div>"
        parts.append(f'<div class="slice">{head}<div class="lanes">{"".join(drawn)}</div></div>')
    return "".join(parts)


@dataclass(frozen=True)
class Point:
    """A system in a cloud."""

    mark: Mark
    x: float
    y: float


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 320, 52, 12, 26, 44


def cloud(points: Sequence[Point], x_title: str, y_title: str, log: bool = False) -> str:
    """Points with their names; x by powers of ten where `log`."""
    xs = [math.log10(max(p.x, 1e-3)) if log else p.x for p in points]
    ys = [p.y for p in points]
    x_low, x_high = _widened(min(xs), max(xs), 0.16)
    y_low, y_high = _widened(min(ys), max(ys), 0.12)

    def across(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return TOP + (1 - (value - y_low) / (y_high - y_low)) * (HEIGHT - TOP - BOTTOM)

    parts = []
    y_ticks = ticks(y_low, y_high)
    y_step = y_ticks[1] - y_ticks[0] if len(y_ticks) > 1 else 0.1
    for t in y_ticks:
        y = down(t)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_text(t, y_step)}</text>'
        )
    for place, text in _x_ticks(x_low, x_high, log):
        x = across(place)
        parts.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
        )
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{text}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>')
    parts.append(f'<text class="tick" x="2" y="12">{escape(y_title)}</text>')
    places = [(across(x), down(y)) for x, y in zip(xs, ys, strict=True)]
    texts = _label_places([p.mark.label for p in points], places)
    for p, (x, y), (tx, ty, anchor) in zip(points, places, texts, strict=True):
        if abs(ty - 4 - y) > 9:
            parts.append(f'<line class="lead" x1="{x:.1f}" y1="{y:.1f}" x2="{tx:.1f}" y2="{ty - 4:.1f}"/>')
        form = "point open" if p.mark.role == "floor" else "point"
        if p.mark.role == "oracle":
            dot = f'<rect class="{form}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" style="{p.mark.style}"/>'
        else:
            dot = f'<circle class="{form}" cx="{x:.1f}" cy="{y:.1f}" r="5" style="{p.mark.style}"/>'
        parts.append(dot + f'<text x="{tx:.1f}" y="{ty:.1f}" text-anchor="{anchor}">{escape(p.mark.label)}</text>')
    label = f"{y_title} against {x_title}"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    span = high - low if high > low else max(abs(high), 1.0) * 0.2
    return low - share * span, high + share * span


def _x_ticks(low: float, high: float, log: bool) -> list[tuple[float, str]]:
    if not log:
        found = ticks(low, high, 4)
        step = found[1] - found[0] if len(found) > 1 else 1.0
        return [(t, tick_text(t, step)) for t in found if t >= 0]
    powers = list(range(math.ceil(low), math.floor(high) + 1))
    marks = [float(p) for p in powers]
    if len(marks) < 3:  # a short span: also 2 and 5 of each power
        marks = [p + m for p in range(math.floor(low), math.ceil(high) + 1) for m in (0, math.log10(2), math.log10(5))]
    return [(m, f"{10**m:,.3g}") for m in marks if low <= m <= high]


def _label_places(labels: Sequence[str], places: Sequence[tuple[float, float]]) -> list[tuple[float, float, str]]:
    """Where each name goes: beside its point, at the first height where it covers no other name and no point."""
    taken: list[tuple[float, float, float, float]] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    found: list[tuple[float, float, str]] = [(0.0, 0.0, "start")] * len(places)
    for n in sorted(range(len(places)), key=lambda n: places[n][1]):
        x, y = places[n]
        width = 7.2 * len(labels[n])
        chosen = None
        for shift in (0, -13, 13, -26, 26, -39, 39, -52, 52):
            for right in (True, False):
                left = x + 10 if right else x - 10 - width
                box = (left, y + shift - 8, left + width, y + shift + 5)
                inside = left >= LEFT and left + width <= WIDTH - 2 and box[1] >= TOP - 6 and box[3] <= HEIGHT - BOTTOM
                if inside and not any(_overlap(box, other) for other in taken):
                    chosen = (box, (left if right else x - 10, y + shift + 4, "start" if right else "end"))
                    break
            if chosen:
                break
        if chosen is None:
            right = x + 10 + width <= WIDTH - 2
            chosen = ((x, y, x, y), (x + 10 if right else x - 10, y + 4, "start" if right else "end"))
        taken.append(chosen[0])
        found[n] = chosen[1]
    return found


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
