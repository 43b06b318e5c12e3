"""Tables for the terminal, at most 100 columns wide."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from penchant.evaluation.compare import Comparison, Row, interval_text
from penchant.evaluation.result import Result
from penchant.evaluation.verdict import p_text, signed

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import RenderableType

WIDTH = 100


def comparison_text(found: Comparison, width: int = WIDTH, colour: bool = False) -> str:
    """A comparison as text: the deciding measure with tests, the other measures, the verdict."""
    return drawn(comparison_parts(found), width, colour)


def comparison_parts(found: Comparison) -> list[RenderableType]:
    """The same as things that a rich console prints."""
    from rich.table import Table
    from rich.text import Text

    shared = found.first
    head = f"{shared.dataset}: {shared.n_people:,} people, {shared.n_items:,} items ({shared.skipped:,} people skipped)"
    table = Table(title=found.main, title_justify="left", title_style="bold", box=_box(), pad_edge=False)
    table.add_column("system", no_wrap=True)
    table.add_column("mean ± 95%", justify="right", no_wrap=True)
    table.add_column(f"to {_short(found.best)}", justify="right", no_wrap=True)
    if found.floor:
        table.add_column(f"to {_short(found.floor)}", justify="right", no_wrap=True)
    table.add_column("trained", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for row in found.rows:
        style = "bold" if row.system == found.best else "dim" if row.result.role == "oracle" else None
        cells = [_label(row), interval_text(row.result.measures[found.main]), _test(row, best=True)]
        if found.floor:
            cells.append(_test(row, best=False))
        training = row.result.training
        table.add_row(
            *cells, seconds_text(training.get("seconds")), memory_text(training.get("peak_memory")), style=style
        )
    parts: list[RenderableType] = [Text(head), Text(shared.protocol, style="dim"), table]
    if len(found.measures) > 1:
        parts += [*_others([(_label(r), r.result) for r in found.rows], found.measures[1:])]
    return [*parts, *(Text(line) for line in found.verdict)]


def result_text(result: Result, width: int = WIDTH, colour: bool = False) -> str:
    """One result as text: measures with intervals, slices, what was counted."""
    return drawn(result_parts(result), width, colour)


def result_parts(result: Result) -> list[RenderableType]:
    """The same as things that a rich console prints."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=_box(), pad_edge=False)
    for name in ("measure", "mean ± 95%", "people"):
        table.add_column(name, justify="left" if name == "measure" else "right", no_wrap=True)
    for name, estimate in result.measures.items():
        table.add_row(name, interval_text(estimate), f"{estimate.n:,}")
    head = f"{result.system} on {result.dataset}: {result.n_people:,} people, {result.n_items:,} items"
    odd = [f"{result.skipped:,} people skipped, who want nothing in the {result.part} part"]
    if result.fallbacks:
        odd.append(f"{result.fallbacks:,} people of whom nothing is known got the popular list")
    if result.unfilled:
        odd.append(f"{result.unfilled:,} lists shorter than {result.k}")
    odd.append(f"{result.seconds:.1f} s, of which the system took {result.recommend_seconds:.1f} s")
    parts: list[RenderableType] = [Text(head), Text(result.protocol, style="dim"), table]
    if result.slices:
        # As many measures as fit beside the name of the slice.
        names = list(result.slices[0].measures)[:4]
        sliced = Table(title="slices", title_justify="left", title_style="bold", box=_box(), pad_edge=False)
        for column in ("slice", "people", *names):
            sliced.add_column(column, justify="left" if column == "slice" else "right")
        for row in result.slices:
            values = [interval_text(row.measures[n], 3) if n in row.measures else "" for n in names]
            sliced.add_row(f"{row.group}: {row.name}", f"{row.n:,}", *values)
        parts.append(sliced)
    return [*parts, *(Text(line) for line in odd)]


def seconds_text(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def memory_text(memory: float | None) -> str:
    """Bytes as MB or GB; empty where they are not known."""
    if memory is None:
        return ""
    return f"{memory / 1e9:.1f} GB" if memory >= 1e9 else f"{memory / 1e6:.0f} MB"


def number_text(value: float) -> str:
    """A mean in a narrow column: four places after the point for shares, fewer for larger numbers."""
    if math.isnan(value):
        return ""
    size = abs(value)
    return (
        f"{value:.4f}"
        if size < 1
        else f"{value:.3f}"
        if size < 10
        else f"{value:.1f}"
        if size < 1000
        else f"{value:,.0f}"
    )


def _others(rows: Sequence[tuple[str, Result]], names: Sequence[str]) -> list[RenderableType]:
    """Means of the other measures, in as many tables as the width asks for."""
    from rich.table import Table

    label = max(len(name) for name, _ in rows)
    tables: list[RenderableType] = []
    rest = list(names)
    while rest:
        taken: list[str] = []
        used = label + 2
        while rest and (not taken or used + max(len(rest[0]), 6) + 3 <= WIDTH):
            used += max(len(rest[0]), 6) + 3
            taken.append(rest.pop(0))
        table = Table(box=_box(), pad_edge=False)
        table.add_column("system", no_wrap=True)
        for name in taken:
            table.add_column(name, justify="right", no_wrap=True)
        for name, result in rows:
            table.add_row(name, *(number_text(result.measures[n].mean) for n in taken))
        tables.append(table)
    return tables


def _label(row: Row) -> str:
    role = row.result.role
    return row.system if role == "system" else f"{row.system} ({role})" if row.system != role else row.system


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


def _test(row: Row, best: bool) -> str:
    test, p = (row.to_best, row.p_best) if best else (row.to_floor, row.p_floor)
    return "" if test is None else f"{signed(test.mean)} ({p_text(p).replace(' = ', ' ').replace(' < ', '<')})"


def _box() -> Box:
    from rich import box

    return box.SIMPLE_HEAD


def drawn(parts: Sequence[RenderableType], width: int, colour: bool) -> str:
    """Things that a rich console prints, as text of at most WIDTH columns."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=min(width, WIDTH), force_terminal=colour, no_color=not colour, highlight=False)
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
