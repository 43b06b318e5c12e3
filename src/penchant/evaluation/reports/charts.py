"""The main chart as a Vega-Lite object, and as a picture for slides and chats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.evaluation.compare import Comparison
from penchant.measures import SAMPLED, measure

ROLES = {"best": "#0b6e99", "system": "#8fbfd6", "floor": "#c9c5bd", "oracle": "#e5e2dc"}


def main_chart(found: Comparison) -> dict[str, Any]:
    """Bars of the deciding measure with intervals over people, and a dashed line at the strongest floor (Vega-Lite 5)."""
    rows: list[dict[str, Any]] = []
    for row in found.rows:
        value = row.result.measures[found.main]
        role = "best" if row.system == found.best else row.result.role
        label = row.system if row.result.role in ("system", row.system) else f"{row.system} ({row.result.role})"
        known = value.low == value.low
        rows.append(
            {
                "system": label,
                "mean": value.mean,
                "low": value.low if known else value.mean,
                "high": value.high if known else value.mean,
                "role": role,
                "text": f"{value.mean:.4f}",
            }
        )
    order = [r["system"] for r in rows]
    top = max(max(r["high"] for r in rows) * 1.12, 1e-9)
    y = {
        "field": "system",
        "type": "nominal",
        "sort": order,
        "title": None,
        "axis": {"labelLimit": 220, "ticks": False, "domain": False},
    }
    x = {"field": "mean", "type": "quantitative", "title": found.main, "scale": {"domain": [0, top], "nice": False}}
    colour = {
        "field": "role",
        "type": "nominal",
        "scale": {"domain": list(ROLES), "range": list(ROLES.values())},
        "legend": None,
    }
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": {"band": 0.68}}, "encoding": {"y": y, "x": x, "color": colour}},
        {
            "mark": {"type": "rule", "strokeWidth": 1.6},
            "encoding": {
                "y": y,
                "x": {"field": "low", "type": "quantitative"},
                "x2": {"field": "high"},
                "color": {"value": "#1d2126"},
            },
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 12},
            "encoding": {
                "y": y,
                "x": {"field": "high", "type": "quantitative"},
                "text": {"field": "text"},
                "color": {"value": "#1d2126"},
            },
        },
    ]
    if found.floor:
        floor = found.row(found.floor).result.measures[found.main].mean
        layers.insert(
            1,
            {
                "data": {"values": [{"floor": floor}]},
                "mark": {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 1.6},
                "encoding": {"x": {"field": "floor", "type": "quantitative"}, "color": {"value": "#b3261e"}},
            },
        )
    shared = found.first
    under = [f"{shared.dataset}, {shared.n_people:,} people, bars are means, lines 95% intervals over people"]
    if found.floor:
        under.append(f"dashed: the strongest floor, {found.floor}")
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {
            "text": f"{found.best} leads by {found.main}"
            if len(found.competing) > 1
            else f"{found.best}: {found.main}",
            "subtitle": [measure(found.main.removeprefix(SAMPLED)).kind.title, *under],
            "anchor": "start",
            "fontSize": 17,
            "subtitleFontSize": 12,
            "subtitleColor": "#5b646e",
            "subtitlePadding": 4,
            "offset": 14,
        },
        "data": {"values": rows},
        "width": 560,
        "height": {"step": 32},
        "padding": 18,
        "background": "#ffffff",
        "layer": layers,
        "config": {
            "view": {"stroke": None},
            "font": "DejaVu Sans, Helvetica, Arial, sans-serif",
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridColor": "#ebe8e2", "labelColor": "#1d2126"},
        },
    }


def png(found: Comparison, path: Path, scale: float = 2.0) -> Path:
    """Write the main chart as a PNG.

    Args:
        scale: pixels a unit; 2 is sharp on most screens.
    """
    import vl_convert

    from penchant.storage.files import write_bytes

    write_bytes(path, vl_convert.vegalite_to_png(main_chart(found), scale=scale))
    return path


def svg(found: Comparison) -> str:
    """The main chart as SVG text."""
    import vl_convert

    return vl_convert.vegalite_to_svg(main_chart(found))
