"""The command line: what it takes and prints; all work is done by `penchant.operations`."""

from __future__ import annotations


def main() -> None:
    """The entry point of the command `penchant`."""
    from penchant.cli.app import run

    run()
