"""Options that several commands share, each worded once."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, everything else on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.")]
Cutoffs = Annotated[str, typer.Option("-k", "--k", metavar="K,K", help="Lengths of the lists that are measured.")]


def cutoffs(text: str) -> tuple[int, ...]:
    """Lengths of lists, from text like 10,20.

    Raises:
        UsageError: no whole numbers above zero.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--k takes whole numbers above zero, given {text!r}", "for example --k 10,20")
    return tuple(int(part) for part in parts)


def key_values(texts: list[str], option: str) -> dict[str, str]:
    """Pairs from texts like key=value; the last of a key wins.

    Raises:
        UsageError: a text without an equals sign or without a key.
    """
    pairs = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{option} takes key=value, given {text!r}", f"for example {option} dimensions=32")
        pairs[key.strip()] = value
    return pairs


def value_of(text: str) -> object:
    """A value as it is written in TOML or JSON (a number, true, a list); anything else is text."""
    import json

    lowered = text.strip()
    try:
        return json.loads(lowered)
    except ValueError:
        try:
            return float(lowered) if any(c.isdigit() for c in lowered) else text  # .5 and 5. are no JSON
        except ValueError:
            return text
