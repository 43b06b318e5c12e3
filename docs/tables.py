"""Tables of README.md and of the documentation that are made from the catalogue and from docs/results/.

    python -m docs.tables            refresh them
    python -m docs.tables --check    say whether they are fresh (exit code 1: they are not)

A table stands between two comments, `<!-- table: NAME -->` and `<!-- end -->`; what is between them is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGES = (HERE.parent / "README.md",)
APART = ("same-numbers",)
"""Results with a page of their own: their rows would drown the others'."""
MARK = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def systems_table() -> str:
    """The systems that are built, with the verbs each has and what it needs."""
    from penchant.operations.systems import systems

    rows = [row for row in systems() if row["status"] != "planned"]
    lines = ["| system | what it is | verbs | needs |", "|---|---|---|---|"]
    lines += [f"| `{row['short']}` | {row['title']} | {', '.join(row['verbs'])} | {needs(row)} |" for row in rows]
    return "\n".join(lines)


def planned_line() -> str:
    """The systems that are planned, in one paragraph."""
    from penchant.operations.systems import systems

    names = [f"`{row['name']}`" for row in systems() if row["status"] == "planned"]
    return f"Planned, each with its contract and its example already in the house ({len(names)}): {', '.join(names)}."


def needs(row: dict[str, Any]) -> str:
    """What a system needs, in a few words."""
    parts = []
    for table, columns in (row.get("needs") or {}).items():
        columns = [columns] if isinstance(columns, str) else columns
        parts.append(f"{table} ({', '.join(map(str, columns))})" if columns else table)
    return ", ".join(parts)


def results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All kept results but those with a page of their own, in the order of their names."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.stem not in APART]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def same_numbers_table(folder: Path = RESULTS) -> str:
    """Our systems beside other libraries', a row a system and side: means over the seeds, the seeds, the difference."""
    path = folder / "same-numbers.json"
    if not path.exists():
        return "No result is kept yet."
    result = json.loads(path.read_text(encoding="utf-8"))
    sides: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        sides.setdefault((row["work"], row["side"]), []).append(row)
    lines = ["| system | side | recall@20 | each seed | ndcg@20 | beside ours |", "|---|---|--:|---|--:|--:|"]
    before = ""
    for (work, side), rows in sides.items():
        mean, ours = (sum(r["value"] for r in group) / len(group) for group in (rows, sides[work, "penchant"]))
        ndcg = sum(row["quality"]["ndcg@20"] for row in rows) / len(rows)
        apart = "" if side == "penchant" else f"{mean / ours - 1:+.1%}"
        shown = f"*{side}*" if rows[0].get("traced") else side
        each = ", ".join(f"{row['value']:.4f}" for row in rows)
        lines.append(f"| {work if work != before else ''} | {shown} | {mean:.4f} | {each} | {ndcg:.4f} | {apart} |")
        before = work
    settings = ["| system | side | settings |", "|---|---|---|"]
    settings += [f"| {work} | {side} | {words(rows[0]['setting'])} |" for (work, side), rows in sides.items()]
    return "\n".join([*lines, "", "In italics: variants that show where a difference comes from. The settings:", "", *settings,
                      "", f"Measured on {result['date']} on {result['machine']}."])  # fmt: skip


def results_table(folder: Path = RESULTS, linked: bool = True) -> str:
    """A row for each row of each kept result (the first few in the README, which links to the files); a target that was
    missed is shown like one that was reached."""
    kept = results(folder)
    if not kept:
        return "No result is kept yet."
    lines = ["| benchmark | work | side | value | quality | reached |", "|---|---|---|--:|---|---|"]
    for result in kept:
        name = f"[{result['name']}](docs/results/{result['name']}.json)" if linked else result["name"]
        rows = first(result["rows"]) if linked else result["rows"]
        for place, row in enumerate(rows):
            reached = ("yes" if result["reached"] else "no") if place == 0 else ""
            if place == 0 and result.get("ratio") is not None:
                reached += f" ({number(result['ratio'])}x)" if isinstance(result["ratio"], int | float) else ""
            side = row["side"] if not row.get("setting") else f"{row['side']} ({words(row['setting'])})"
            quality = dict(row.get("quality") or {})
            value = f"{number(row['value'])} {row['unit']}".rstrip()
            if "interval" in quality:
                value += " ({} to {})".format(*map(number, quality.pop("interval")))
            cells = [
                name if place == 0 else "",
                row["work"],
                side,
                value,
                words(short(quality) if linked else quality),
                reached,
            ]
            lines.append("| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |")
        if len(rows) < len(result["rows"]):
            lines.append(f"|  | and {len(result['rows']) - len(rows)} more |  |  |  |  |")
    machines = sorted({words(result["machine"]) for result in kept})
    return "\n".join(lines) + "\n\n" + "Measured on: " + "; ".join(machines) + "."


SHOWN = 3
"""Rows of a result that the README shows; the documentation has them all."""


def first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first rows of a result; the best ones where the values are measures of quality, which have no unit."""
    if len(rows) > SHOWN and all(row["unit"] == "" for row in rows):
        rows = sorted(rows, key=lambda row: -row["value"])
    return rows[:SHOWN]


def short(quality: dict[str, Any]) -> dict[str, Any]:
    """What a reader in a hurry wants of the qualities of a row: the first, and seconds."""
    return {key: value for place, (key, value) in enumerate(quality.items()) if place == 0 or "seconds" in key}


def number(value: Any) -> str:
    """A figure with four digits, or whole with thousands apart."""
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, int | float)
        else str(value)
    )


def words(value: Any) -> str:
    """Settings or qualities in one cell."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {words(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(map(words, value))
    return "" if value is None else number(value) if isinstance(value, int | float) else str(value)


TABLES: dict[str, Callable[[], str]] = {"systems": systems_table, "planned": planned_line, "results": results_table}


def refreshed(text: str) -> str:
    """The text of a page with all its tables made anew."""
    return MARK.sub(lambda found: f"{found[1]}{TABLES[found['name']]()}\n{found[3]}", text)


def main() -> int:
    """Refresh all pages, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.tables", description="Refresh the tables of README.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when a table is not fresh")
    check = parser.parse_args().check
    code = 0
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = refreshed(old)
        if old == new:
            continue
        if check:
            print(f"{page.name} is not fresh: make tables refreshes it", file=sys.stderr)
            code = 1
        else:
            page.write_text(new, encoding="utf-8")
            print(f"{page.name} refreshed", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
