"""A report of fairness for readers: in the terminal, and as a page with the Lorenz curve and the trade-off."""

from __future__ import annotations

import math
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from penchant.evaluation.compare import interval_text
from penchant.evaluation.fairness import FairnessReport
from penchant.evaluation.reports.table import drawn
from penchant.measures.fairness import KINDS, Fairness
from penchant.measures.statistics import Estimate

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
CONFIG: dict[str, Any] = {
    "view": {"stroke": None},
    "font": "DejaVu Sans, Helvetica, Arial, sans-serif",
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridColor": "#ebe8e2", "labelColor": "#1d2126"},
}


def fairness_text(found: FairnessReport, width: int = 100, colour: bool = False) -> str:
    """A report as text: every measure, original and corrected, with relevance beside; what swaps could repair."""
    return drawn(fairness_parts(found), width, colour)


def fairness_parts(found: FairnessReport) -> list[RenderableType]:
    """The same as things that a rich console prints."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("fairness", "original ± 95%", "corrected ± 95%", "worst", "best", "fairer"):
        table.add_column(name, justify="left" if name in ("fairness", "fairer") else "right", no_wrap=True)
    for name, one in found.measures.items():
        table.add_row(*_cells(name, one), style=None if one.applicable else "dim")
    parts: list[RenderableType] = [Text(_head(found)), Text(found.protocol, style="dim"), table]
    parts.append(Text(f"relevance of the same lists: NDCG@{found.k} {interval_text(found.relevance)}"))
    if found.frontier:
        repair = Table(title="swaps within a tolerance", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("tolerance", "corrected Gini", f"NDCG@{found.k} ± 95%", "places swapped", "score lost"):
            repair.add_column(name, justify="right", no_wrap=True)
        for point in found.frontier:
            cells = (_number(point.gini), interval_text(point.relevance), f"{point.swaps:.1%}", f"{point.loss:.1%}")
            repair.add_row(f"{point.tolerance:.0%}", *cells)
        parts.append(repair)
    return [*parts, *(Text(f"- {line}") for line in found.notes)]


def _head(found: FairnessReport) -> str:
    return f"{found.system} on {found.dataset}: {found.people:,} lists of {found.k} places over {found.items:,} items"


def _cells(name: str, one: Fairness) -> list[str]:
    original = interval_text(Estimate(one.original, one.low, one.high, 0))
    corrected = interval_text(Estimate(one.corrected, one.corrected_low, one.corrected_high, 0))
    return [
        name, original, "" if math.isnan(one.corrected) else corrected, _number(one.worst), _number(one.best),
        one.better if one.applicable else "does not apply",
    ]  # fmt: skip


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"


# ----------------------------------------------------------------------------------------------------------- charts
def lorenz_chart(found: FairnessReport) -> dict[str, Any]:
    """The Lorenz curve of places, with the line of even places (Vega-Lite 5)."""
    rows = [{"items": float(x), "places": float(y)} for x, y in found.curve]
    gini = found.measures["gini"]
    axes = {
        "x": {"field": "items", "type": "quantitative", "title": "share of items, the least shown first", "axis": {"format": "%"}},
        "y": {"field": "places", "type": "quantitative", "title": "share of places", "axis": {"format": "%"}},
    }  # fmt: skip
    return _chart(
        f"Gini {gini.original:.3f}; {gini.best:.3f} to {gini.worst:.3f} can be reached",
        "places of the items; the dashed line: every item alike",
        [
            {"data": {"values": rows}, "mark": {"type": "line", "color": "#0b6e99", "strokeWidth": 2.4}, "encoding": axes},
            {
                "data": {"values": [{"items": 0, "places": 0}, {"items": 1, "places": 1}]},
                "mark": {"type": "line", "color": "#5b646e", "strokeDash": [5, 4]}, "encoding": axes,
            },
        ],
    )  # fmt: skip


def trade_off_chart(found: FairnessReport) -> dict[str, Any]:
    """NDCG against the corrected Gini: where the lists stand, and the frontier of swaps (Vega-Lite 5)."""
    points = [one for one in found.frontier if not math.isnan(one.gini)]
    span = max((one.gini for one in points), default=0.0) - min((one.gini for one in points), default=0.0)
    rows: list[dict[str, Any]] = []
    named = math.inf
    for one in points:
        # Points that lie close together share the name of the first, so that names do not cover each other.
        apart = abs(one.gini - named) > span / 12
        named = one.gini if apart else named
        name = "as it is" if one.tolerance == 0 else f"{one.tolerance:.0%}"
        value = one.relevance
        rows.append(
            {
                "gini": one.gini, "ndcg": value.mean, "low": value.low, "high": value.high, "order": one.tolerance,
                "text": name if apart else "",
            }
        )  # fmt: skip
    x = {
        "field": "gini",
        "type": "quantitative",
        "title": "corrected Gini (0: as even as can be)",
        "scale": {"zero": False},
    }
    y = {"field": "ndcg", "type": "quantitative", "title": f"NDCG@{found.k}", "scale": {"zero": False}}
    order = {"field": "order", "type": "quantitative"}
    colour = {"condition": {"test": "datum.order === 0", "value": "#b3261e"}, "value": "#0b6e99"}
    return _chart(
        f"What evenness costs {found.system}",
        "each point: swaps that may lose so much of a place's score; bars: 95% over people",
        [
            {"mark": {"type": "line", "color": "#8fbfd6"}, "encoding": {"x": x, "y": y, "order": order}},
            {
                "mark": {"type": "rule", "color": "#c9c5bd"},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {"mark": {"type": "point", "filled": True, "size": 70}, "encoding": {"x": x, "y": y, "color": colour}},
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "dy": -8, "fontSize": 12},
                "encoding": {"x": x, "y": y, "text": {"field": "text"}},
            },
        ],
        rows,
    )  # fmt: skip


def _chart(
    title: str, under: str, layers: list[dict[str, Any]], rows: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "$schema": SCHEMA, "width": 460, "height": 320, "padding": 14, "background": "#ffffff", "config": CONFIG,
        "title": {"text": title, "subtitle": under, "anchor": "start", "fontSize": 15, "subtitleFontSize": 12, "offset": 12},
        **({} if rows is None else {"data": {"values": rows}}), "layer": layers,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- page
def fairness_page(found: FairnessReport, *, footer: str = "") -> str:
    """The report as one HTML file: no network, no script; read alone it says how even the lists are, and at what cost
    they could be more even."""
    import vl_convert

    style = files("penchant.evaluation.reports").joinpath("page.css").read_text(encoding="utf-8")
    charts = [lorenz_chart(found), *([trade_off_chart(found)] if _drawable(found) else [])]
    pictures = "".join(
        f'<figure style="max-width: 640px">{vl_convert.vegalite_to_svg(chart)}</figure>' for chart in charts
    )
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(name, one)) + "</tr>"
        for name, one in found.measures.items()
    )
    words = "".join(f"<dt>{escape(name)}</dt><dd>{escape(kind.title)}</dd>" for name, kind in KINDS.items())
    notes = "".join(f"<li>{escape(line)}</li>" for line in found.notes)
    least = ", ".join(f"{escape(item)} ({places:,})" for item, places in found.least)
    end = f"<footer>{escape(footer)}</footer>" if footer else ""
    head = "".join(f"<th>{h}</th>" for h in ("measure", "original ± 95%", "corrected ± 95%", "worst", "best", "fairer"))
    title = f"How evenly {found.system} shows {found.dataset}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'<p class="kicker">{escape(_head(found))}</p><h1>{escape(title)}</h1><p>{escape(_answer(found))}</p>'
        f"{pictures}<h2>All measures</h2><div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p>Relevance of the same lists: NDCG@{found.k} {escape(interval_text(found.relevance))}.</p>"
        f"<dl>{words}</dl><h2>Shown least</h2><p>Item and places; among equals, those that people chose most: {least}.</p>"
        f"<h2>To be known</h2><ul>{notes}</ul><p>{escape(found.protocol)}</p>{end}\n</main>\n</body>\n</html>\n"
    )  # fmt: skip


def _drawable(found: FairnessReport) -> bool:
    return any(not math.isnan(one.gini) and not math.isnan(one.relevance.mean) for one in found.frontier)


def _answer(found: FairnessReport) -> str:
    """The report in two sentences."""
    gini = found.measures["gini"]
    item, places = found.most[0]
    first = f"{item} holds {places:,} of {found.people * found.k:,} places; {found.unseen:,} of {found.items:,} items have none."
    if not gini.applicable:
        return f"{first} {gini.why_not.capitalize()}."
    second = (
        f"Gini is {gini.original:.3f}: {gini.corrected:.0%} of the way from as even as can be to as uneven as can be"
    )
    cheap = [one for one in found.frontier if one.tolerance > 0 and one.relevance.mean >= found.relevance.low]
    if not cheap:
        return f"{first} {second}."
    best = min(cheap, key=lambda one: one.gini)
    return (
        f"{first} {second}. Swaps that lose at most {best.tolerance:.0%} of a place's score make that {best.gini:.0%}, and "
        f"NDCG@{found.k} {best.relevance.mean:.4f} instead of {found.relevance.mean:.4f}, inside its interval."
    )
