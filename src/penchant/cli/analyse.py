"""penchant analyse."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, RunFolder
from penchant.cli.output import Output, note, say, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("analyse", help="What is worth saying about a run, each finding with its number.")(analyse)


def analyse(
    run: RunFolder,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Look at one person the run knows.")] = None,
    number: Annotated[int, typer.Option("--number", metavar="N", min=1, help="Findings at most.")] = 10,
    false_rate: Annotated[
        float | None,
        typer.Option("--false-rate", metavar="SHARE", min=0, max=1, help="Largest share of false alarms to expect."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """What is worth saying about a run: with pld, which events do not look like the person who made them."""
    with Output(as_json) as output:
        from penchant.errors import UnknownName
        from penchant.operations.answer import answer as work
        from penchant.operations.runs import load_run
        from penchant.verbs import AnalyseRequest

        opened = load_run(run)
        if user is not None and opened.users.lookup([user])[0] < 0:
            raise UnknownName("user", user, opened.users.array.to_pylist()[:5000])
        goal = None if user is None else f"which events do not look like {user}"
        asked: dict[str, Any] = {
            "about": {"run": opened.name},
            "number": number,
            "goal": goal,
            "false_rate": false_rate,
        }
        found: Any = work(opened, AnalyseRequest.read({k: v for k, v in asked.items() if v is not None}))
        output.answer(found, lambda: show(found))


def show(found: Any) -> None:
    """The findings as a table, then what to keep in mind."""
    for text in found.assumptions:
        note(f"note: {text}")
    if found.summary:
        say(found.summary)
    if found.insights:
        table(["finding", "number", "p"], [[i.sentence, float(i.number), i.p] for i in found.insights])
    for text in found.warnings:
        note(f"note: {text}")
