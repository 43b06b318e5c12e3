"""penchant train."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug, key_values, value_of
from penchant.cli.output import Output, duration, note, say, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help="Train a system on a data set and keep the run.")(train)


def train(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Its name; `penchant systems` lists them.")],
    data: Annotated[str, typer.Option("--data", metavar="PATH", help="A data set: a folder or a file of events.")],
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="given, global_time, per_person, groups ... [default: as the data]"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the system; may be repeated.")
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", metavar="NAME", help="tiny, default or paper.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", min=1, help="Epochs at most.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of every choice by chance.")] = 0,
    device: Annotated[str, typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1 ...")] = "cpu",
    out: Annotated[
        str | None, typer.Option("--out", metavar="RUN", help="Folder of the run. [default: runs/SYSTEM-DATA-N]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training stopped.")] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Train again on train and validation for as long as was found best.")
    ] = False,
    start_from: Annotated[
        str | None, typer.Option("--start-from", metavar="RUN", help="Begin with what another run has learned.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Train a system on a data set and keep the run."""
    given = {key: value_of(text) for key, text in key_values(settings or [], "--set").items()}
    with Output(as_json) as output:
        from penchant.operations.train import train as work

        run = work(
            system,
            data,
            split=split,
            settings=given,
            preset=preset,
            epochs=epochs,
            seed=seed,
            device=device,
            out=out,
            resume=resume,
            refit=refit,
            start_from=start_from,
            progress=output.progress,
        )
        output.answer(report(run), lambda: show(run))


def report(run: Any) -> dict[str, Any]:
    """What a training came to, for programs: seconds, bytes, measures on the test part."""
    info = run.info
    return {
        "run": str(run.folder),
        "system": info.system,
        "data": {"name": info.data["name"], "fingerprint": info.data["fingerprint"]},
        "protocol": info.protocol["name"],
        "epochs": info.epochs,
        "seconds": info.seconds,
        "measures": info.measures,
        "validation": info.validation,
        "peak_memory": info.peak_memory,
        "settings": info.settings,
        "notes": info.notes,
    }


def show(run: Any) -> None:
    """What a training came to, for people."""
    info = run.info
    for line in info.notes:
        note(f"note: {line}")
    data, events = info.data, info.data["events"]
    say(f"{info.system} on {data['name']}: {data['users']:,} users, {data['items']:,} items")
    say(f"{events['train']:,} events to learn from, {events['validation']:,} to choose by, {events['test']:,} to test")
    say(info.protocol["name"])
    say()
    if info.measures:
        table(["measure on test", "value"], [[name, value] for name, value in info.measures.items()])
        say()
    kept = "" if info.epochs is None else f", epoch {info.epochs} kept"
    say(f"trained in {duration(info.seconds['training'])}{kept}; {info.peak_memory / 2**20:,.0f} MiB of memory at most")
    say(f"the run: {run.folder}")
