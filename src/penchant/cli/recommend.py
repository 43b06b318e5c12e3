"""penchant recommend and similar."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, RunFolder, key_values
from penchant.cli.output import Output, duration, note, say, table
from penchant.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("recommend", help="What people would like, by who they are or by what they have.")(recommend)
    app.command("similar", help="The items most like one item.")(similar)


def recommend(
    run: RunFolder,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    user: Annotated[
        list[str] | None, typer.Option("--user", metavar="ID ...", help="Somebody the run knows; several may follow.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option("--history", metavar="ID,ID,...", help="Items of somebody never seen, oldest first."),
    ] = None,
    all_users: Annotated[bool, typer.Option("--all-users", help="Everybody the run knows; needs --out.")] = False,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="With --all-users: a .parquet, .csv or .jsonl file.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", metavar="K", min=1, help="Items for each.")] = 10,
    why: Annotated[bool, typer.Option("--why", help="Say why each item is there.")] = False,
    exclude: Annotated[
        str | None,
        typer.Option(
            "--exclude",
            metavar="seen,ID,...|nothing",
            help="What to leave out. [default: seen, where the data does not repeat]",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KEY=VALUE",
            help="category=A|B, price=LOW..HIGH, available=true, item=ID|ID, or an attribute.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """What people would like, by who they are or by what they have."""
    users = [*(user or []), *(more or [])]
    asked = [bool(users), bool(history), all_users]
    if sum(asked) != 1 or (more and not user):
        raise UsageError("recommend takes one of --user, --history and --all-users", "for example --user ID")
    if all_users:
        _everybody(run, out, k, exclude, why or bool(where), as_json)
        return
    if out is not None:
        raise UsageError("--out goes with --all-users", "add --json and send stdout to a file")
    people: list[dict[str, Any]] = [{"id": name} for name in users]
    people += [{"history": [{"item": name} for name in _ids(text)]} for text in history or []]
    request: dict[str, Any] = {"people": people, "k": k, "explain": why}
    if exclude is not None:
        request["exclude"] = excluded(exclude)
    if where:
        request["filter"] = filters(where)
    with Output(as_json) as output:
        from penchant.operations.recommend import recommend as work
        from penchant.verbs import RecommendRequest

        answer = work(run, RecommendRequest.read(request))
        output.answer(answer, lambda: show(answer, people))


def _everybody(run: str, out: str | None, k: int, exclude: str | None, narrowed: bool, as_json: bool) -> None:
    if out is None:
        raise UsageError("--all-users needs --out", "for example --out lists.parquet")
    if narrowed:
        raise UsageError("--why and --filter do not go with --all-users")
    words = None if exclude is None else excluded(exclude)
    if words not in (None, [], ["seen"]):
        raise UsageError(
            "--all-users leaves out seen or nothing, no ids of its own", "use --exclude seen or --exclude nothing"
        )
    with Output(as_json) as output:
        from penchant.operations.recommend import recommend_all

        report = recommend_all(
            run, out, k=k, exclude_seen=None if words is None else "seen" in words, progress=output.progress
        )
        output.answer(
            report,
            lambda: say(
                f"{report.rows:,} rows for {report.people:,} people in {duration(report.seconds)}: {report.out}"
            ),
        )


def similar(
    run: RunFolder,
    item: Annotated[str, typer.Option("--item", metavar="ID", help="The item to start from.")],
    k: Annotated[int, typer.Option("-k", "--k", metavar="K", min=1, help="Items to find.")] = 10,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """The items most like one item."""
    with Output(as_json) as output:
        from penchant.operations.recommend import similar as work

        answer = work(run, item, k)
        output.answer(answer, lambda: show_hits(answer))


def _ids(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def excluded(text: str) -> list[str]:
    """Words and ids to leave out, from text like seen,ID or nothing."""
    return [] if text == "nothing" else _ids(text)


def filters(texts: list[str]) -> dict[str, Any]:
    """A filter of the contract from texts like category=A|B, price=5..20 and colour=red.

    Raises:
        UsageError: a text that is no key=value, a price that is no range, an availability that is no truth.
    """
    given = key_values(texts, "--filter")
    wanted: dict[str, Any] = {}
    for key, text in given.items():
        values = [value for value in text.split("|") if value]
        if key in ("category", "categories"):
            wanted["categories"] = values
        elif key in ("item", "items"):
            wanted["items"] = values
        elif key == "price":
            wanted["price"] = _price(text)
        elif key == "available":
            if text not in ("true", "false"):
                raise UsageError(f"--filter available takes true or false, given {text!r}")
            wanted["available"] = text == "true"
        else:
            wanted.setdefault("attributes", {})[key] = values
    return wanted


def _price(text: str) -> dict[str, float]:
    low, dots, high = text.partition("..")
    try:
        bounds = {name: float(part) for name, part in (("low", low), ("high", high)) if part}
    except ValueError:
        bounds = {}
    if not dots or not bounds:
        raise UsageError(
            f"--filter price takes LOW..HIGH, given {text!r}", "for example price=5..20, price=..20 or price=5.."
        )
    return bounds


def show(answer: Any, people: list[dict[str, Any]]) -> None:
    """The lists of an answer, a table a person."""
    for text in answer.assumptions:
        note(f"note: {text}")
    for person, given in zip(answer.lists, people, strict=True):
        name = person.person or "somebody with " + ", ".join(event["item"] for event in given.get("history", []))
        say(f"{name}" + (f" (by {person.fallback})" if person.fallback else ""))
        for text in person.assumptions or []:
            note(f"note: {text}")
        titled = any(item.title for item in person.items)
        reasoned = any(item.reasons for item in person.items)
        columns = ["", "item", *(["title"] if titled else []), "score", *(["why"] if reasoned else [])]
        rows = []
        for item in person.items:
            row = [item.rank, item.id, *([item.title or ""] if titled else []), float(item.score)]
            rows.append([*row, *([because(item.reasons or [])] if reasoned else [])])
        table(columns, rows)
        say()


def because(reasons: list[Any]) -> str:
    """Reasons in one cell, with the share each has in the score."""
    parts = []
    for reason in reasons:
        weight = f" ({reason.weight:+.3g})" if reason.weight is not None else ""
        parts.append(f"{reason.text}{weight}")
    return "; ".join(parts)


def show_hits(answer: Any) -> None:
    """What was found, as a table."""
    for text in answer.assumptions:
        note(f"note: {text}")
    for found in answer.lists:
        titled = any(hit.title for hit in found.hits)
        table(
            ["", "item", *(["title"] if titled else []), "score"],
            [[hit.rank, hit.id, *([hit.title or ""] if titled else []), float(hit.score)] for hit in found.hits],
        )
