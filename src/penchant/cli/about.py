"""penchant systems, doctor and example: what there is, and whether it works here."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug
from penchant.cli.output import Output, note, say, table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("systems", help="All systems, or one with its settings.")(systems)
    app.command("doctor", help="Versions, cores, memory, caches: what a bug report needs.")(doctor)
    app.command("example", help="The shipped example of a system: requests with their answers.")(example)


def systems(
    name: Annotated[str | None, typer.Argument(metavar="[SYSTEM]", help="Show this one and its settings.")] = None,
    built: Annotated[bool, typer.Option("--built", help="Only those that can be trained today.")] = False,
    family: Annotated[str | None, typer.Option("--family", metavar="NAME", help="Only one family.")] = None,
    verb: Annotated[str | None, typer.Option("--verb", metavar="NAME", help="Only those with this verb.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """All systems, or one with its settings."""
    from penchant.operations import systems as work

    with Output(as_json) as output:
        if name is not None:
            card = work.card(name)
            output.answer(card, lambda: show_card(card))
            return
        rows = work.systems(built=built, family=family, verb=verb)
        output.answer({"systems": rows}, lambda: show_rows(rows))


def show_rows(rows: list[dict[str, Any]]) -> None:
    """The catalogue as a table."""
    table(
        ["system", "family", "verbs", "status", "title"],
        [[row["short"], row["family"], ", ".join(row["verbs"]), row["status"], row["title"]] for row in rows],
    )
    ready = sum(row["status"] != "planned" for row in rows)
    note(f"{ready} of {len(rows)} are built; penchant systems SYSTEM shows one")


def show_card(card: dict[str, Any]) -> None:
    """One system: what it is and what may be set."""
    say(f"{card['name']}: {card['title']}")
    for word in ("status", "family", "source"):
        if card.get(word):
            say(f"  {word:9}  {card[word]}")
    for word in ("verbs", "abilities"):
        if card.get(word):
            say(f"  {word:9}  {', '.join(card[word])}")
    if card.get("about"):
        say()
        say(card["about"].strip())
    if card.get("settings"):
        say()
        table(
            ["setting", "default", "meaning"],
            [[setting["name"], str(setting["default"]), setting["meaning"]] for setting in card["settings"]],
        )


def doctor(as_json: AsJson = False, debug: Debug = False) -> None:
    """Versions, cores, memory, caches: what a bug report needs."""
    with Output(as_json) as output:
        from penchant.operations.doctor import doctor as work
        from penchant.testing.data import VARIABLE, real_data

        health = work({f"real data for tests ({VARIABLE})": real_data()})
        output.answer(health, lambda: show_health(health))
    if not health.good:
        raise typer.Exit(1)


def show_health(health: Any) -> None:
    """The health of an installation, line by line."""
    memory = "unknown" if health.memory is None else f"{health.memory / 2**30:.1f} GiB"
    say(f"penchant {health.penchant}, Python {health.python}, {health.system}")
    say(f"{health.cores} cores, {health.threads} threads used, {memory} of memory")
    say(f"{health.product / 1e9:.1f} billion operations a second in a product of float32 matrices")
    say(", ".join(f"{name} {number or 'MISSING'}" for name, number in health.versions.items()))
    for check in health.checks:
        say(f"{'good' if check.good else 'BAD '}  {check.what}: {check.found}")
        if check.hint:
            say(f"      {check.hint}")


def example(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A name of `penchant systems`.")],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """The shipped example of a system: requests with their answers."""
    with Output(as_json) as output:
        import json

        from penchant.operations.systems import example as work

        shown = work(system)
        output.answer(shown, lambda: say(json.dumps(shown, indent=2, ensure_ascii=False)))
