"""penchant evaluate and compare."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Cutoffs, Debug, RunFolder, cutoffs
from penchant.cli.output import Output, note, say
from penchant.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate", help="Measure a run on the test part, with intervals.")(evaluate)
    app.command("compare", help="Compare runs with each other and with honest floors.")(compare)


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="A data set. [default: the one it was trained on]")
    ] = None,
    k: Cutoffs = "10,20",
    slices: Annotated[bool, typer.Option("--slices", help="Also by activity, popularity, warm and cold.")] = False,
    fairness: Annotated[
        bool,
        typer.Option("--fairness", help="Also how evenly the lists show the catalogue, and what swaps could repair."),
    ] = False,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="With --fairness: also write a page with plots.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Measure a run on the test part, with intervals."""
    lengths = cutoffs(k)
    if html is not None and not fairness:
        raise UsageError("--html goes with --fairness", "or write a page of several runs with penchant compare")
    if fairness:
        _fairness(run, data, lengths, slices, html, as_json)
        return
    with Output(as_json) as output:
        from penchant.operations.evaluate import evaluate as work

        result = work(run, data, k=lengths, slices=slices, progress=output.progress)
        output.answer(result, lambda: show(result))


def _fairness(run: str, data: str | None, k: tuple[int, ...], slices: bool, html: str | None, as_json: bool) -> None:
    with Output(as_json) as output:
        from penchant.operations.evaluate import fairness as work

        result, report = work(run, data, k=k, slices=slices, html=html, progress=output.progress)
        output.answer({**result.to_dict(), "fairness": report.to_dict()}, lambda: show_fairness(result, report))


def show_fairness(result: Any, report: Any) -> None:
    """A result with its fairness, for people."""
    from penchant.evaluation.reports import fairness_text

    show(result)
    say()
    say(fairness_text(report, colour=sys.stdout.isatty()).rstrip())


def show(result: Any) -> None:
    """A result, for people."""
    from penchant.evaluation.reports import result_text

    for line in result.notes:
        note(f"note: {line}")
    say(result_text(result, colour=sys.stdout.isatty()).rstrip())


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN ...", help="Folders of runs on the same split.")],
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Also write a page with plots.")] = None,
    png: Annotated[str | None, typer.Option("--png", metavar="FILE", help="Also write the main plot.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare runs with each other and with honest floors, by paired tests over people."""
    with Output(as_json) as output:
        from penchant.operations.compare import compare as work

        comparison = work(runs, html=html, png=png)
        output.answer(comparison, lambda: show_comparison(comparison))


def show_comparison(comparison: Any) -> None:
    """A comparison, for people."""
    from penchant.evaluation.reports import comparison_text

    say(comparison_text(comparison, colour=sys.stdout.isatty()).rstrip())
