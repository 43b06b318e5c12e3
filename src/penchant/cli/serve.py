"""penchant serve and trace."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penchant.cli.options import AsJson, Debug
from penchant.cli.output import Output, note, pairs, say


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve", help="Answer over HTTP: one endpoint a verb, health, metrics, reload.")(serve)
    app.command("trace", help="What a server kept of one of its answers.")(trace)


def serve(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN ...", help="Folders of runs, links to them, or a folder of runs (its newest)."),
    ],
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes any that is free.")
    ] = 8000,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", metavar="FILE", help="Tokens with their scopes, .toml or .json; asked of everybody."),
    ] = None,
    traces: Annotated[
        str | None, typer.Option("--traces", metavar="FOLDER", help="Keep a line of each answer, for penchant trace.")
    ] = None,
    watch: Annotated[
        float, typer.Option("--watch", metavar="SECONDS", min=0, help="Look for newer runs this often; 0: when told.")
    ] = 1.0,
    max_people: Annotated[
        int, typer.Option("--max-people", metavar="N", min=1, help="People, rows or queries of one request.")
    ] = 10_000,
    max_k: Annotated[int, typer.Option("--max-k", metavar="K", min=1, help="Items of one list.")] = 1_000,
    max_body: Annotated[int, typer.Option("--max-body", metavar="BYTES", min=1, help="Size of a request.")] = 8 << 20,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Until a request is given up.")
    ] = 30.0,
    queue: Annotated[
        int, typer.Option("--queue", metavar="N", min=1, help="Requests that may wait; more are sent away (503).")
    ] = 256,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Requests worked on at once. [default: cores]")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Answer over HTTP until stopped (Ctrl+C); SIGHUP looks for newer runs at once."""
    from penchant.serving.limits import Limits
    from penchant.serving.serve import serve as work
    from penchant.threads import number

    limits = Limits(
        body=max_body, people=max_people, k=max_k, seconds=timeout, queue=queue, workers=workers or number()
    )
    with Output(as_json) as output:
        work(
            runs, host, port, limits=limits, tokens=tokens, traces=traces, watch=watch,
            ready=lambda told: output.answer(told, lambda: show(told)),
        )  # fmt: skip


def show(told: dict[str, Any]) -> None:
    """Where the server answers."""
    say(f"{told['url']} answers for {', '.join(told['runs'])}")
    note(f"GET {told['url']}/health says how it is; Ctrl+C stops it")


def trace(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of an answer, as its field trace gives it.")],
    traces: Annotated[
        str, typer.Option("--traces", metavar="FOLDER", help="Where the server keeps its traces.")
    ] = "traces",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """What a server kept of one of its answers."""
    with Output(as_json) as output:
        from penchant.operations.traces import trace as work

        found = work(name, traces)
        output.answer(found, lambda: show_trace(found))


def show_trace(found: dict[str, Any]) -> None:
    """One trace, a value a line."""
    pairs([(key, value) for key, value in found.items() if key != "assumptions"])
    for text, times in found.get("assumptions", {}).items():
        say(f"assumed {times} times: {text}" if times > 1 else f"assumed: {text}")
