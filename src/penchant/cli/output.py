"""What the command line prints: a table or one JSON object on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import IO, Any

PATIENCE = 1.0
"""Seconds before a bar appears: what is done by then needs none."""
EVERY = 10.0
"""Seconds between lines of progress where stderr is a file or a pipe."""


class Output:
    """The output of one command.

    While the command works, whatever is printed goes to stderr when `as_json` is set, so that stdout holds one object.

    Example::

        with Output(as_json) as out:
            report = work(progress=out.progress)
            out.answer(report.to_dict(), lambda: show(report))
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.progress = Progress()
        self.stdout: IO[str] = sys.stdout

    def __enter__(self) -> Output:
        if self.as_json:
            sys.stdout = sys.stderr
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.close()
        sys.stdout = self.stdout

    def answer(self, value: Any, show: Callable[[], None]) -> None:
        """Print `value` as one JSON object, or call `show`."""
        self.progress.close()
        if self.as_json:
            write_object(value, self.stdout)
        else:
            show()
        self.stdout.flush()


def write_object(value: Any, file: IO[str]) -> None:
    """One JSON object on a line of its own."""
    file.write(json.dumps(plain(value), ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """`value` as JSON knows it: arrays and tuples become lists, what is no number becomes null."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", exclude_none=True, by_alias=True)
    elif hasattr(value, "to_dict"):
        value = value.to_dict()
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def say(text: str = "") -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line on stderr: what the reader should know, but a program should not read."""
    sys.stderr.write(text + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """A table on stdout; columns of numbers are set to the right, None is shown as a dash."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        filled = [row[place] for row in rows if row[place] is not None]
        number = bool(filled) and all(_is_number(value) for value in filled)
        drawn.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*[Text(shown(value)) for value in row])
    # A pipe has no width: a table that goes into a file is never folded.
    console = Console(file=sys.stdout) if sys.stdout.isatty() else Console(file=sys.stdout, width=10_000)
    with console.capture() as captured:
        console.print(drawn)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    say("\n".join(lines).strip("\n"))


def pairs(rows: Iterable[tuple[str, Any]]) -> None:
    """Names with their values, one a line."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{name:{width}}  {shown(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A cell: four digits behind the point for fractions, thousands apart for counts, yes and no for truth."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4f}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float) -> str:
    """Seconds in the words of people."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{minutes} min {rest:02d} s" if hours < 1 else f"{hours} h {minutes:02d} min"


class Progress:
    """Shows how far work is and how long it will take, on stderr, once it has lasted a second.

    On a terminal this is a bar; into a file or a pipe it is a line now and then. Call it with (done, total, message).
    """

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.bar: Any = None
        self.task: Any = None
        self.last_line = self.started
        self.phase_started, self.done, self.total = self.started, 0.0, 0.0

    def __call__(self, done: float, total: float, message: str) -> None:
        """`done` of `total` is done; `message` says of what."""
        now = time.monotonic()
        if done < self.done or total != self.total:
            self.phase_started = now  # another piece of work has begun
            if self.bar is not None:
                self.bar.reset(self.task, total=total)
        self.done, self.total = done, total
        if now - self.started < PATIENCE:
            return
        if sys.stderr.isatty():
            if self.bar is None:
                self._open(total)
            self.bar.update(self.task, completed=done, total=total, description=message)
        elif now - self.last_line >= EVERY:
            self.last_line = now
            left = (now - self.phase_started) * (total - done) / done if done > 0 else None
            rest = "" if left is None else f", {duration(left)} left"
            note(f"{message}: {done:,.0f} of {total:,.0f}{rest}")

    def _open(self, total: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            TextColumn("left"), console=Console(file=sys.stderr), transient=True,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=total)
        self.bar.start()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
