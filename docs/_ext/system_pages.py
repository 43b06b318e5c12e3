"""A page a system that is built: its docstring, its settings with their meaning, an example, and what was measured."""

from __future__ import annotations

import json
import re
from typing import Any

from docs import tables
from penchant.operations import systems as catalogue

SHOWN_EXAMPLES = 2
SECTION = re.compile(r"^(Args|Raises|Returns|Example|Source|Sources|See also):{1,2}\s*$")


def pages() -> dict[str, str]:
    """Markdown of all pages, by the name of the file."""
    kept = tables.results()
    return {row["short"]: page(row["name"], kept) for row in catalogue.systems(built=True)}


def page(name: str, kept: list[dict[str, Any]]) -> str:
    """Markdown of one page."""
    card = catalogue.card(name)
    parts = [f"# {card['short']}: {card['title']}", facts(card), prose(card["about"]), "## Settings", settings(card)]
    shown = examples(card)
    if shown:
        parts += ["## Example", *shown]
    parts += ["## Measured", measured(card, kept)]
    return "\n\n".join(parts) + "\n"


def facts(card: dict[str, Any]) -> str:
    """Name, verbs, abilities, needs and source, as a list."""
    lines = [f"- name: `{card['name']}`" + (f", in short `{card['short']}`" if card["short"] != card["name"] else "")]
    lines += [f"- {word}: {', '.join(card[word])}" for word in ("verbs", "abilities") if card.get(word)]
    if tables.needs(card):
        lines.append(f"- needs: {tables.needs(card)}")
    if card.get("source"):
        lines.append(f"- source: {card['source']}")
    lines.append(f"- to train it: `penchant train {card['short']} --data PATH`")
    return "\n".join(lines)


def settings(card: dict[str, Any]) -> str:
    """A table of the settings."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for setting in card["settings"]:
        only = " Changes speed only." if setting["effect"] == "speed" else ""
        meaning = f"{setting['meaning']}{only}".replace("|", "\\|")
        rows.append(f"| `{setting['name']}` | `{setting['default']}` | {meaning} |")
    return "\n".join(rows)


def examples(card: dict[str, Any]) -> list[str]:
    """The shipped example: a request and its answer, of the first verbs."""
    found = catalogue.example(card["name"])["examples"]
    own = [one for one in found if one["answer"].get("system") == card["name"]] or found
    parts = []
    for one in own[:SHOWN_EXAMPLES]:
        parts.append(f"A request to {one['verb']}:")
        parts.append(f"```json\n{json.dumps(one['request'], indent=1, ensure_ascii=False)}\n```")
        parts.append(
            f"Its answer (on the tiny shop of all examples, by `{one['answer'].get('system', card['name'])}`):"
        )
        parts.append(f"```json\n{json.dumps(one['answer'], indent=1, ensure_ascii=False)}\n```")
    return parts


def measured(card: dict[str, Any], kept: list[dict[str, Any]]) -> str:
    """Rows of kept results that name the system."""
    word = re.compile(rf"(?<![\w-]){re.escape(card['short'])}(?![\w-])")
    lines = ["| benchmark | work | side | value | quality |", "|---|---|---|--:|---|"]
    for result in kept:
        for row in result["rows"]:
            setting = tables.words(row.get("setting"))
            if word.search(f"{row['work']} {row['side']} {setting}"):
                cells = (
                    result["name"],
                    row["work"],
                    row["side"],
                    f"{tables.number(row['value'])} {row['unit']}".rstrip(),
                )
                lines.append("| " + " | ".join([*cells, tables.words(row.get("quality"))]) + " |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing is kept yet: `make bench` writes results."


def planned() -> str:
    """A table of the systems that are not built."""
    rows = ["| system | what it is | family | verbs |", "|---|---|---|---|"]
    waiting = [row for row in catalogue.systems() if row["status"] == "planned"]
    rows += [f"| `{row['name']}` | {row['title']} | {row['family']} | {', '.join(row['verbs'])} |" for row in waiting]
    return "\n".join(rows)


def prose(text: str) -> str:
    """A docstring as Markdown: its sections become headed lists, what follows a double colon a block of code."""
    lines: list[str] = []
    inside = ""
    for line in text.splitlines():
        head = SECTION.match(line)
        if head:
            inside = head[1]
            lines += [f"**{inside}**", ""]
        elif inside in ("Args", "Raises") and re.match(r"^ {4}\S+.*: ", line):
            name, _, rest = line.strip().partition(": ")
            lines.append(f"- `{name}`: {rest}")
        elif inside in ("Args", "Raises", "Returns", "Source", "Sources", "See also") and line.startswith("    "):
            lines.append("  " + line.strip())
        else:
            inside = inside if line.startswith("    ") or not line else ""
            lines.append(line[:-1] if line.endswith("::") else line)
    return "\n".join(lines)
