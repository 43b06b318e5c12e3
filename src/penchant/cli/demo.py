"""penchant demo."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.cli.options import AsJson, Debug
from penchant.cli.output import Output, say


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help="Make a world, train six systems, compare them, and show one person's lists.")(demo)


def demo(
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Where to write it all.")] = "demo",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a world, train six systems, compare them, and show one person's lists."""
    with Output(as_json) as output:
        from penchant.operations.demo import demo as work

        done = work(out, output.progress)
        output.answer(done, lambda: say(done.text()))
