"""penchant update and forget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, RunFolder
from penchant.cli.output import Output, note, say, table
from penchant.errors import DataError, UsageError

EXACT = "Train from the start what would otherwise go on from where it is."
SHOWN = 5
"""Refused rows that are shown; --json has all."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("update", help="Take new events, people and items into a run.")(update)
    app.command("forget", help="Forget people, items or events, and see whether they are gone.")(forget)


def update(
    run: RunFolder,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="A data set; what is new in it counts.")
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="FILE", help="An update request of the contract, as JSON.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help=EXACT)] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Take new events, people and items into a run."""
    if (data is None) == (request is None):
        raise UsageError("update takes one of --data and --request", "for example --data new-events.csv")
    with Output(as_json) as output:
        from penchant.operations.change import update as work
        from penchant.operations.change import update_from
        from penchant.verbs import UpdateRequest

        if data is not None:
            report = update_from(run, data, exact=exact, progress=output.progress).report
        else:
            asked = UpdateRequest.read(read_json(str(request)))
            report = work(run, asked, exact=exact, progress=output.progress).report
        output.answer(report, lambda: show(report))


def forget(
    run: RunFolder,
    user: Annotated[
        list[str] | None, typer.Option("--user", metavar="ID", help="Somebody to forget; may be given again.")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="ID", help="An item to forget; may be given again.")
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="FILE", help="A forget request of the contract, as JSON.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this only what would be done is said.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help=EXACT)] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Forget people, items or events, and see whether they are gone. --user with --item means those events only."""
    if (request is None) == (not user and not item):
        raise UsageError("forget takes --user and --item, or --request", "for example --user ID")
    asked: dict[str, Any] = {} if request is None else read_json(request)
    if user:
        asked["people"] = user
    if item:
        asked["items"] = item
    with Output(as_json) as output:
        from penchant.operations.change import forget as work
        from penchant.operations.change import intended
        from penchant.verbs import ForgetRequest

        wanted = ForgetRequest.read(asked)
        report = work(run, wanted, exact=exact, progress=output.progress).report if yes else intended(run, wanted)
        output.answer(report, lambda: show(report))


def read_json(path: str) -> dict[str, Any]:
    """A request from a file.

    Raises:
        DataError: it is not there, or no JSON object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError:
        raise DataError(f"{path} is not there") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no JSON object", 'for example {"people": ["ID"]}')
    return content


def show(report: Any) -> None:
    """A report, for people."""
    for line in report.assumptions or []:
        note(f"note: {line}")
    for refused in report.refused[:SHOWN]:
        note(f"refused: {refused.row}: {refused.why}")
    if len(report.refused) > SHOWN:
        note(f"refused: {len(report.refused) - SHOWN:,} more; --json has them all")
    say(report.understood)
    if not report.done:
        say("nothing was done: add --yes to do it")
        return
    if report.counts:
        table(
            ["what", "rows", "exact"],
            [[name, count.rows, "yes" if count.exact else "no"] for name, count in report.counts.items()],
        )
    if report.checks:
        table(["looked for", "found", "wanted", ""], [_checked(check) for check in report.checks])
    for line in report.remains:
        say(f"remains: {line}")


def _checked(check: Any) -> list[Any]:
    wanted = "" if check.expected is None else str(check.expected)
    if check.low is not None or check.high is not None:
        low, high = ("" if bound is None else f"{bound:g}" for bound in (check.low, check.high))
        wanted = f"{low} .. {high}" if low else f"at most {high}"
    found = f"{check.found:.3g}" if isinstance(check.found, float) else str(check.found)
    return [check.what, found, wanted, "passed" if check.passed else "FAILED"]
