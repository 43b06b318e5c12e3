"""A description as a page: facts, plots and columns; it needs no network and follows light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from penchant.data.describe import Description

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 30

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --paper: #fbfaf8; --card: #fff; --line: #d9dde2; --main: #0b6fa4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #9aa6b2; --paper: #14181d; --card: #1c2229; --line: #343d47; --main: #58b3e4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.soft { color: var(--soft); } .cards { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
figure { margin: 0; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font: 13px system-ui, sans-serif; } .bar { fill: var(--main); }
.line { fill: none; stroke: var(--main); stroke-width: 2.5; }
.grid { stroke: var(--line); } .even { stroke: var(--soft); stroke-dasharray: 4 4; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
"""


def describe_page(found: Description) -> str:
    """The page as HTML, whole in one text."""
    cards = [
        ("people", f"{found.users:,}"), ("items", f"{found.items:,}"), ("events", f"{found.events:,}"),
        ("density", f"{found.density:.3%}"), ("repeats", f"{found.repeats:.1%}"),
        ("events a person, middle", f"{found.per_person['50%']:,.0f}"), ("Gini of items", f"{found.gini:.2f}"),
        ("rows refused", f"{sum(r['rows'] for r in found.rejects):,}"),
    ]  # fmt: skip
    parts = [
        f"<h1>{escape(found.name)}</h1><p class='soft'>{escape(found.taken)}</p>",
        "<div class='cards'>"
        + "".join(f"<div class='card'><span class='soft'>{n}</span><b>{v}</b></div>" for n, v in cards)
        + "</div>",
    ]
    plots = _plots(found)
    if plots:
        parts.append("<h2>How events are spread</h2><div class='plots'>" + "".join(plots) + "</div>")
    parts += [_split(found), _rejects(found), _columns(found)]
    if found.notes:
        parts.append("<h2>Notes</h2><ul>" + "".join(f"<li>{escape(n)}</li>" for n in found.notes) + "</ul>")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(found.name)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _plots(found: Description) -> list[str]:
    out = []
    if found.activity:
        days = [_day(start) for start, _ in found.activity]
        out.append(_bars("Events over time", [c for _, c in found.activity], days))
    if found.tail:
        out.append(_curve("Long tail: share of events held by the most popular items", found.tail))
    if found.events:
        out.append(_bars("Events a person, by quantile", list(found.per_person.values()), list(found.per_person)))
        out.append(_bars("Events an item, by quantile", list(found.per_item.values()), list(found.per_item)))
    return out


def _day(start: int) -> str:
    return datetime.fromtimestamp(start / 1000, UTC).date().isoformat()


def _frame(title: str, inner: str, top: float, unit: str = "") -> str:
    """A figure with three lines across, labelled."""
    lines = []
    for part in (0.0, 0.5, 1.0):
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - part)
        value = f"{part * top:.0%}" if unit == "%" else _short(part * top)
        lines.append(f"<line class='grid' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>")
        lines.append(f"<text x='{LEFT - 8}' y='{y + 4:.1f}' text-anchor='end'>{value}</text>")
    svg = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{escape(title)}'>{''.join(lines)}{inner}</svg>"
    return f"<figure class='card'><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _bars(title: str, values: Sequence[float], names: Sequence[str]) -> str:
    top = max(values) or 1
    step = (WIDTH - LEFT - RIGHT) / len(values)
    inner = []
    every = max(1, -(-len(values) // 6))
    for place, (value, name) in enumerate(zip(values, names, strict=True)):
        height = (HEIGHT - TOP - BOTTOM) * value / top
        x = LEFT + place * step
        inner.append(
            f"<rect class='bar' x='{x + step * 0.1:.1f}' y='{HEIGHT - BOTTOM - height:.1f}' width='{step * 0.8:.1f}' "
            f"height='{height:.1f}'><title>{escape(name)}: {value:,.0f}</title></rect>"
        )
        if place % every == 0:
            inner.append(f"<text x='{x + step / 2:.1f}' y='{HEIGHT - 10}' text-anchor='middle'>{escape(name)}</text>")
    return _frame(title, "".join(inner), top)


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
    return _frame(title, f"{even}<polyline class='line' points='{points}'/>{names}", 1.0, "%")


def _split(found: Description) -> str:
    if not found.protocol:
        return ""
    cold = ""
    if found.cold:
        cold = (
            f"<p>{found.cold['cold_people']:,} of {found.cold['people']:,} test people and {found.cold['cold_items']:,} of "
            f"{found.cold['items']:,} test items are new to train.</p>"
        )
    return f"<h2>The split that would be used</h2><p>{escape(found.protocol)}</p>{cold}"


def _rejects(found: Description) -> str:
    if not found.rejects:
        return "<h2>Refused rows</h2><p>None: every row was read.</p>"
    rows = "".join(
        f"<tr><td class='number'>{r['rows']:,}</td><td>{escape(str(r['reason']))}</td>"
        f"<td>{escape(str(r['file']))}, line {r['line']}</td></tr>"
        for r in found.rejects
    )
    return f"<h2>Refused rows</h2><div class='scroll'><table><tr><th>rows</th><th>reason</th><th>first</th></tr>{rows}</table></div>"


def _columns(found: Description) -> str:
    rows = "".join(
        f"<tr><td>{escape(c.table)}</td><td>{escape(c.name)}</td><td>{c.kind}</td>"
        f"<td class='number'>{'' if c.levels is None else f'{c.levels:,}'}</td><td class='number'>{c.missing:.0%}</td></tr>"
        for c in found.columns
    )
    return (
        "<h2>Tables and columns</h2><div class='scroll'><table><tr><th>table</th><th>column</th><th>kind</th><th>levels</th>"
        f"<th>missing</th></tr>{rows}</table></div>"
    )
