"""penchant tune."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, key_values, value_of
from penchant.cli.output import Output, duration, note, say, table

SHOWN = 20
"""Trials that are shown, best first; --json has all."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune", help="Try settings of a system, chosen by the validation part.")(tune)


def tune(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Its name; `penchant systems` lists them.")],
    data: Annotated[str, typer.Option("--data", metavar="PATH", help="A data set: a folder or a file of events.")],
    trials: Annotated[int, typer.Option("--trials", metavar="N", help="Trials in the whole study.")] = 20,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="given, global_time, per_person, groups ... [default: as the data]"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting that is fixed; may be repeated.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="Where the search begins: tiny, default or paper.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=1, help="Epochs of a trial at most.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Same seed, same trials.")] = 0,
    study: Annotated[
        str | None,
        typer.Option(
            "--study", metavar="FILE|URL",
            help="SQLite file (one process), or for several: journal FILE.log, PostgreSQL URL. [default: in studies/]",
        ),
    ] = None,
    measure: Annotated[
        str, typer.Option("--measure", metavar="NAME", help="Measure of the validation part that decides.")
    ] = "recall@20",
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="T", help="After so many seconds no trial begins.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Try settings of a system on one split, chosen by the validation part; a study that was interrupted goes on."""
    given = {key: value_of(text) for key, text in key_values(settings or [], "--set").items()}
    with Output(as_json) as output:
        from penchant.operations.tune import tune as work

        done = work(
            system,
            data,
            trials=trials,
            split=split,
            settings=given,
            preset=preset,
            epochs=epochs,
            seed=seed,
            study=study,
            measure=measure,
            seconds=seconds,
            progress=output.progress,
        )
        output.answer(done, lambda: show(done))


def show(done: Any) -> None:
    """A study, for people: the trials, what mattered, and what to do next."""
    from penchant.measures import better

    for line in done.notes:
        note(f"note: {line}")
    say(f"{done.system} on {done.data['name']}: {len(done.trials)} trials, {done.new} of them now")
    say(done.protocol)
    say()
    names = list(done.best.settings)
    sign = 1 if better(done.measure) == "low" else -1
    ranked = sorted(done.trials, key=lambda t: (t.value is None, sign * (t.value or 0.0), t.number))
    rows = [
        [t.number, *[text(t.settings.get(name)) for name in names], t.value, t.epochs, duration(t.seconds), remark(t)]
        for t in ranked[:SHOWN]
    ]
    table(["trial", *names, done.measure, "epochs", "time", ""], rows)
    if len(ranked) > SHOWN:
        say(f"{len(ranked) - SHOWN} more: --json has all")
    say()
    if done.importance:
        table(["setting", "share of the spread"], [[name, share] for name, share in done.importance.items()])
        say()
    say(f"best {done.measure} on validation: {done.best.value:.4f} (trial {done.best.number}){against(done)}")
    say(f"kept in {done.study}, {duration(done.seconds)}")
    say("train with it, and measure on the test part, which no trial has seen:")
    say(f"  {done.command}")


def against(done: Any) -> str:
    """How much better the best is than the default."""
    if done.default is None or done.default.number == done.best.number or not done.default.value:
        return ""
    gain = done.best.value / done.default.value - 1
    return f"; the default has {done.default.value:.4f} ({gain:+.1%}); chosen among many, so the test will show less"


def text(value: Any) -> str:
    """A setting as it is written, not rounded."""
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def remark(trial: Any) -> str:
    """What is odd about a trial."""
    if trial.same_as is not None:
        return f"as trial {trial.same_as}"
    if trial.state == "finished":
        return ""
    return f"{trial.state}: {trial.reason}"
