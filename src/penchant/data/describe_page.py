"""A description as a page: facts, plots and columns; it needs no network and follows light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from penchant.data.describe import Description
from penchant.data.semantics import Column

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 30

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --paper: #fbfaf8; --card: #fff; --line: #d9dde2;
  --main: #0b6fa4; --warn: #9a4a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #9aa6b2; --paper: #14181d; --card: #1c2229; --line: #343d47; --main: #58b3e4;
    --warn: #f0a560; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); } .warn { color: var(--warn); font-weight: 600; }
.cards { display: grid; gap: .8rem; grid-template-columns: repeat(4, 1fr); margin-top: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; } .card small { color: var(--soft); display: block; font-size: .8rem; }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 13px system-ui, sans-serif; }
.bar { fill: var(--main); } .line { fill: none; stroke: var(--main); stroke-width: 2.5; }
.grid { stroke: var(--line); } .even { stroke: var(--soft); stroke-dasharray: 4 4; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; overflow-wrap: normal; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; } th { color: var(--soft); font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { .cards { grid-template-columns: repeat(2, 1fr); } svg text { font-size: 18px; }
  .every { display: none; } th, td { padding: .35rem .45rem; } }
"""


def describe_page(found: Description) -> str:
    """The page as HTML, whole in one text."""
    parts = [
        f"<h1>{escape(found.name)}</h1><p class='soft'>{escape(found.taken)}</p>",
        "<div class='cards'>"
        + "".join(
            f"<div class='card'><span class='soft'>{n}</span><b>{v}</b><small>{m}</small></div>"
            for n, v, m in _cards(found)
        )
        + "</div>",
    ]
    plots = _plots(found)
    if plots:
        parts.append("<h2>How events are spread</h2><div class='plots'>" + "".join(plots) + "</div>")
    parts += [_split(found), _acts(found), _rejects(found), _columns(found)]
    if found.notes:
        parts.append("<h2>Notes</h2><ul>" + "".join(f"<li>{escape(n)}</li>" for n in found.notes) + "</ul>")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(found.name)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _cards(found: Description) -> list[tuple[str, str, str]]:
    """Name, value and a remark."""
    person, item = found.per_person, found.per_item
    head = found.long_tail.get("10%")
    ties = "" if found.ties is None else f"{found.ties:.0%} share their moment with another"
    when = "no times" if found.first is None else f"{found.first[:10]} to {str(found.last)[:10]}"
    return [
        ("people", f"{found.users:,}", _half(person["50%"])),
        ("items", f"{found.items:,}", _half(item["50%"])),
        ("events", f"{found.events:,}", when),
        ("days", "–" if found.days is None else f"{found.days:,.0f}", ties),
        ("density", f"{found.density:.3%}", "of all pairs of a person and an item"),
        ("long tail", "–" if head is None else f"{head:.0%}", f"of events on the top 10% of items; Gini&nbsp;{found.gini:.2f}"),
        ("repeats", f"{found.repeats:.1%}", "of events meet an item again" + (", real here" if found.repeats_are_real else "")),
        ("rows refused", f"{sum(r['rows'] for r in found.rejects):,}", "every row was read" if not found.rejects else "reasons below"),
    ]  # fmt: skip


def _half(middle: float) -> str:
    return f"half have at most {middle:,.0f} {'event' if middle == 1 else 'events'}"


def _number(value: float) -> str:
    """Whole numbers whole, others with four digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _plots(found: Description) -> list[str]:
    out = []
    if found.activity:
        days = [_day(start) for start, _ in found.activity]
        out.append(_bars("Events over time", [c for _, c in found.activity], days))
    if found.tail:
        out.append(_curve("Share of events held by the most popular items", found.tail))
    for title, bins in (
        ("People by their number of events", found.person_bins),
        ("Items by their number of events", found.item_bins),
    ):
        if bins:
            names = [_short(low) if low == high else f"{_short(low)}–{_short(high)}" for low, high, _ in bins]
            out.append(_bars(title, [number for _, _, number in bins], names))
    return out


def _day(start: int) -> str:
    return datetime.fromtimestamp(start / 1000, UTC).date().isoformat()


def _frame(title: str, inner: str, top: float, steps: Sequence[float], unit: str = "") -> str:
    """A figure with lines across at `steps`, labelled; `top` is the value at its upper edge."""
    lines = []
    for step in steps:
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - step / top)
        value = f"{step:.0%}" if unit == "%" else _short(step)
        lines.append(f"<line class='grid' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>")
        lines.append(f"<text x='{LEFT - 8}' y='{y + 4:.1f}' text-anchor='end'>{value}</text>")
    svg = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{escape(title)}'>{''.join(lines)}{inner}</svg>"
    return f"<figure class='card'><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def round_steps(top: float) -> list[float]:
    """Round values from 0 to about `top`, three or four of them."""
    if top <= 0:
        return [0.0]
    size = 10.0 ** math.floor(math.log10(top))
    step = next(m * size for m in (0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0) if top / (m * size) <= 4)
    step = max(step, 1.0)
    return [step * n for n in range(int(top // step) + 1)]


def _bars(title: str, values: Sequence[float], names: Sequence[str]) -> str:
    top = max(values) or 1
    step = (WIDTH - LEFT - RIGHT) / len(values)
    inner = []
    widest = max(len(name) for name in names) * 7.5
    every = max(1, math.ceil(widest * 1.25 / step))
    for place, (value, name) in enumerate(zip(values, names, strict=True)):
        height = (HEIGHT - TOP - BOTTOM) * value / top
        x = LEFT + place * step
        inner.append(
            f"<rect class='bar' x='{x + step * 0.1:.1f}' y='{HEIGHT - BOTTOM - height:.1f}' width='{step * 0.8:.1f}' "
            f"height='{height:.1f}'><title>{escape(name)}: {value:,.0f}</title></rect>"
        )
        if place % every == 0:
            # On a narrow screen letters are larger, so every second name is left out.
            often = " class='every'" if place % (2 * every) else ""
            middle = x + step / 2
            inner.append(f"<text{often} x='{middle:.1f}' y='{HEIGHT - 10}' text-anchor='middle'>{escape(name)}</text>")
    return _frame(title, "".join(inner), top, round_steps(top))


def _curve(title: str, shares: Sequence[float]) -> str:
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    points = " ".join(
        f"{LEFT + width * n / (len(shares) - 1):.1f},{TOP + height * (1 - s):.1f}" for n, s in enumerate(shares)
    )
    even = f"<line class='even' x1='{LEFT}' y1='{HEIGHT - BOTTOM}' x2='{WIDTH - RIGHT}' y2='{TOP}'/>"
    names = "".join(
        f"<text x='{LEFT + width * p:.1f}' y='{HEIGHT - 10}' text-anchor='{'end' if p == 1 else 'middle'}'>{p:.0%} of items</text>"
        for p in (0.2, 0.5, 1.0)
    )
    return _frame(title, f"{even}<polyline class='line' points='{points}'/>{names}", 1.0, (0.0, 0.5, 1.0), "%")


def _warned(note: str) -> str:
    return " class='warn'" if "is much" in note else ""


def _split(found: Description) -> str:
    if not found.protocol:
        return ""
    notes = "".join(f"<p{_warned(note)}>{escape(note)}</p>" for note in found.split_notes)
    return f"<h2>The split that would be used</h2><p>{escape(found.protocol)}</p>{notes}"


def _acts(found: Description) -> str:
    """Behaviours and values, where events have some."""
    if not found.behaviours and not found.values:
        return ""
    rows = "".join(f"<tr><td>{escape(n)}</td><td class='number'>{c:,}</td></tr>" for n, c in found.behaviours.items())
    table = (
        f"<table><tr><th>behaviour, from weak to strong</th><th class='number'>events</th></tr>{rows}</table>"
        if rows
        else ""
    )
    v = found.values
    missing = v.get("missing", 0.0)
    spread = (
        f"<p>Values from {_number(v['lowest'])} to {_number(v['highest'])}, mean {v['mean']:.3g}"
        f"{f'; {missing:.0%} of events have none' if missing else ''}.</p>"
        if v
        else ""
    )
    return f"<h2>What people did</h2>{spread}{table}"


def _rejects(found: Description) -> str:
    if not found.rejects:
        return "<h2>Refused rows</h2><p>None: every row was read.</p>"
    rows = "".join(
        f"<tr><td class='number'>{r['rows']:,}</td><td>{escape(str(r['reason']))}</td>"
        f"<td>{escape(str(r['file']))}, line {r['line']}</td></tr>"
        for r in found.rejects
    )
    head = "<tr><th class='number'>rows</th><th>reason</th><th>first</th></tr>"
    return f"<h2>Refused rows</h2><div class='scroll'><table>{head}{rows}</table></div>"


def _range(column: Column) -> str:
    """Lowest and highest of a number column; years without commas."""
    if column.low is None or column.high is None:
        return ""
    if column.unit == "calendar year":
        return f"{column.low:.0f} to {column.high:.0f}"
    return f"{_number(column.low)} to {_number(column.high)}"


def _columns(found: Description) -> str:
    rows = []
    for c in found.columns:
        said = {"sums": c.adds, "sensitive": c.sensitive, "always the same": c.constant}
        more = [c.unit or "", *(word for word, holds in said.items() if holds)]
        rows.append(
            f"<tr><td>{escape(c.table)}</td><td>{escape(c.name)}</td><td>{c.kind}</td>"
            f"<td class='number'>{'' if c.levels is None else f'{c.levels:,}'}</td><td class='number'>{_range(c)}</td>"
            f"<td class='number'>{f'{c.missing:.1%}' if c.missing else ''}</td><td>{', '.join(filter(None, more))}</td></tr>"
        )
    head = (
        "<tr><th>table</th><th>column</th><th>kind</th><th class='number'>levels</th><th class='number'>range</th>"
        "<th class='number'>missing</th><th></th></tr>"
    )
    return f"<h2>Tables and columns</h2><div class='scroll'><table>{head}{''.join(rows)}</table></div>"
