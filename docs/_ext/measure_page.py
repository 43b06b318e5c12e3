"""The measures as Markdown: one table, then each definition from its docstring."""

from __future__ import annotations

import inspect

from system_pages import prose

from penchant.measures import KINDS, exposure, fairness, ranking

WORDS = {"high": "higher is better", "low": "lower is better", "": "neither"}


def text() -> str:
    """Every measure: what it is, which way is better, and its exact definition."""
    rows = ["| measure | what it says | better |", "|---|---|---|"]
    rows += [f"| `{written(name)}` | {kind.title} | {WORDS[kind.better]} |" for name, kind in KINDS.items()]
    parts = ["\n".join(rows)]
    for name in KINDS:
        function = KINDS[name].function or getattr(ranking, name, None) or getattr(exposure, name, None)
        if function is not None and function.__doc__:
            parts.append(f"## `{written(name)}`\n\n{prose(inspect.cleandoc(function.__doc__))}")
    return "\n\n".join([*parts, evenness()])


def evenness() -> str:
    """The measures of how evenly lists show a catalogue, from their module."""
    rows = ["| measure | what it says | fairer | read with care |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {kind.title} | {kind.better} | {kind.caution} |" for name, kind in fairness.KINDS.items()]
    about = prose(inspect.cleandoc(fairness.__doc__ or ""))
    return "\n\n".join(
        [
            "## How evenly a catalogue is shown",
            about,
            "`penchant evaluate RUN --fairness` prints them.",
            "\n".join(rows),
        ]
    )


def written(name: str) -> str:
    """A measure as it is written in commands and tables."""
    return name if KINDS[name].feeds == "scores" else f"{name}@k"
