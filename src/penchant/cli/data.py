"""penchant data: describe, audit, convert, split, make-world."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, key_values
from penchant.cli.output import Output, note, pairs, say

Path = Annotated[str, typer.Argument(metavar="PATH", help="A data set: a folder or a file of events.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="Which column is meant, for example user=customer_id."),
]
Behaviours = Annotated[
    str | None, typer.Option("--behaviours", metavar="A,B", help="Only events of these behaviours count.")
]
Least = Annotated[
    float | None, typer.Option("--min-value", metavar="X", help="Only events of at least this value count.")
]


def group(kind: type) -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(
        cls=kind, name="data", help="Look at data, convert it, split it, or make a world.", rich_markup_mode=None,
        no_args_is_help=True,
    )  # fmt: skip
    app.command("describe", help="Sizes, density, long tail, time, repeats, cold shares, and what was refused.")(
        describe
    )
    app.command("audit", help="Leaks, duplicates, empty columns, ties in time, bots, planted labels.")(audit)
    app.command("convert", help="Write any known form as a Penchant data set.")(convert)
    app.command("split", help="Split into train, validation and test, and say what that leaves.")(split)
    app.command("make-world", help="Make a society whose tastes are known.")(make_world)
    return app


def _reading(columns: list[str] | None, behaviours: str | None, min_value: float | None) -> dict[str, Any]:
    """How the source is to be read: keywords of `open_data`."""
    return {
        "mapping": key_values(columns, "--column") if columns else None,
        "behaviours": [part for part in behaviours.split(",") if part] if behaviours else None,
        "min_value": min_value,
    }


def describe(
    path: Path,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Also write a page with plots.")] = None,
    columns: Columns = None,
    behaviours: Behaviours = None,
    min_value: Least = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Sizes, density, long tail, activity over time, repeats, ties in time, cold shares, and what was refused."""
    with Output(as_json) as output:
        from penchant.operations.data import describe as work

        found = work(path, html=html, **_reading(columns, behaviours, min_value))
        output.answer(found, lambda: show(found))


def audit(
    path: Path,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a finding is severe.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of samples.")] = 0,
    columns: Columns = None,
    behaviours: Behaviours = None,
    min_value: Least = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Faults that data may have: leaks, duplicates, columns that say nothing, ties in time, bots, planted labels."""
    with Output(as_json) as output:
        from penchant.operations.data import audit as work

        found = work(path, html=html, seed=seed, **_reading(columns, behaviours, min_value))
        output.answer(found, lambda: show(found))
    if strict and found.severe:
        raise typer.Exit(1)


def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A folder or a file in any known form.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder to write; it must not exist.")],
    columns: Columns = None,
    behaviours: Behaviours = None,
    min_value: Least = None,
    min_user_events: Annotated[
        int,
        typer.Option("--min-user-events", metavar="N", min=0, help="Leave out users with fewer events (k-core)."),
    ] = 0,
    min_item_events: Annotated[
        int,
        typer.Option("--min-item-events", metavar="N", min=0, help="Leave out items with fewer events (k-core)."),
    ] = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write any known form as a Penchant data set: dataset.toml, Parquet tables, and a file of refused rows."""
    with Output(as_json) as output:
        from penchant.operations.data import convert as work

        reading = _reading(columns, behaviours, min_value)
        done = work(
            source,
            target,
            progress=output.progress,
            min_user_events=min_user_events,
            min_item_events=min_item_events,
            **reading,
        )
        output.answer(done, lambda: show(done))


def split(
    path: Path,
    name: Annotated[
        str, typer.Option("--split", metavar="NAME", help="auto, given, global_time, per_person, groups ...")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of random splits.")] = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Split into train, validation and test, and say what that leaves: sizes, people and items never seen."""
    with Output(as_json) as output:
        from penchant.operations.data import split as work

        done = work(path, name, seed=seed)
        output.answer(done, lambda: show(done))


def make_world(
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder to write; it must not exist.")],
    users: Annotated[int | None, typer.Option("--users", metavar="N", min=1, help="People.")] = None,
    items: Annotated[int | None, typer.Option("--items", metavar="N", min=1, help="Items.")] = None,
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, help="Days that the world lasts.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Same seed, same bytes.")] = 0,
    parts: Annotated[str | None, typer.Option("--parts", metavar="A,B", help="core, vectors, text ...")] = None,
    preset: Annotated[str | None, typer.Option("--preset", metavar="NAME", help="standard, tiny, sparse ...")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a society whose tastes are known, so that systems can be tested for being right."""
    with Output(as_json) as output:
        from penchant.operations.data import make_world as work

        given = {"users": users, "items": items, "days": days, "preset": preset}
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if parts is not None:
            chosen["parts"] = tuple(part for part in parts.split(",") if part)
        done = work(target, seed=seed, progress=output.progress, **chosen)
        output.answer(done, lambda: show(done))


def show(report: Any) -> None:
    """A report: its own text where it has one, else its entries; notes go to stderr."""
    text = getattr(report, "text", None)
    if callable(text):
        say(text().rstrip())
        return
    entries = report.to_dict() if hasattr(report, "to_dict") else dict(report)
    for line in entries.pop("notes", None) or []:
        note(f"note: {line}")
    pairs(flat(entries))


def flat(entries: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Entries of nested objects with their paths; long lists are left to --json."""
    rows: list[tuple[str, Any]] = []
    for name, value in entries.items():
        if isinstance(value, dict):
            rows += flat(value, f"{before}{name} ")
        elif not isinstance(value, list | tuple) or (len(value) <= 8 and all(isinstance(v, str) for v in value)):
            rows.append((f"{before}{name}", value))
    return rows
