"""penchant advise."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug
from penchant.cli.output import Output, duration, note, say, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("advise", help="Which systems a data set can feed, what they cost, and where to begin.")(advise)


def advise(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A data set: a folder or a file of events.")],
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="T", help="For measuring what trainings cost; 0 measures nothing.")
    ] = 30.0,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of the samples.")] = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Which systems a data set can feed, what the others lack, what trainings cost, and what to run first."""
    with Output(as_json) as output:
        from penchant.operations.advise import advise as work

        found = work(path, seconds=seconds, seed=seed, progress=output.progress)
        output.answer(found, lambda: show(found))


def show(found: Any) -> None:
    """Advice, for people."""
    for line in found.warnings:
        note(f"warning: {line}")
    say(f"{found.name}: {found.users:,} people, {found.items:,} items, {found.events:,} events")
    say(f"split: {found.split or 'none'}; {found.why}")
    say()
    able = [s for s in found.systems if s.feeds and s.status == "built"]
    planned = [s.name for s in found.systems if s.feeds and s.status != "built"]
    if able:
        rows = [[s.short, s.title, *cost(s.cost)] for s in able]
        table(["can be trained now", "", "time", "memory beyond the data", "how"], rows)
        if any(s.cost and s.cost.seconds is not None for s in able):
            say(f"\n{found.method}")
        say()
    if planned:
        say(f"fed by these data, planned and not built yet ({len(planned)}): {', '.join(planned)}\n")
    lacking = [s for s in found.systems if not s.feeds]
    if lacking:
        rows = [[s.name, "" if s.status == "built" else "planned", ", ".join(s.missing)] for s in lacking]
        table(["cannot be fed", "", "needs"], rows)
        say()
    say("to begin with:")
    for command in found.first:
        say(f"  {command}")


def cost(found: Any) -> list[str]:
    """Time, memory and how they were found."""
    if found is None or found.seconds is None:
        return ["–", "–", "" if found is None else found.why]
    epochs = f" for {found.epochs} epochs at most" if found.epochs else ""
    memory = "–" if found.memory is None else size(found.memory)
    memory = f"at most {memory}" if found.memory_how == "at most" else memory
    how = found.how if found.how == "measured" else f"extrapolated from {found.points[-1]['events']:,} events"
    if found.memory_how == "formula":
        how += ", memory by formula"
    seconds = "under 0.1 s" if found.seconds < 0.1 else duration(found.seconds)
    return [("about " if found.how != "measured" and found.seconds >= 0.1 else "") + seconds + epochs, memory, how]


def size(number: int) -> str:
    """Bytes in the words of people."""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{max(number / 2**20, 1):.0f} MiB"
