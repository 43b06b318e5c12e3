"""One person on the page: what they did, what each system would show them, and why."""

from __future__ import annotations

from html import escape
from typing import Any

from penchant.evaluation.verdict import signed

LONGEST = 30
"""Titles of a history that are shown; of a longer one the last."""


def person_section(example: dict[str, Any]) -> str:
    """The section of one person.

    Args:
        example: {person, history [title], wanted? [title], lists [{system, note? text, items [{title, score?, hit? bool,
            reasons? [{text, weight?}]}]}]}.
    """
    history = [str(title) for title in example.get("history", [])]
    shown = history[-LONGEST:]
    left = f"<li>… {len(history) - len(shown):,} earlier</li>" if len(history) > len(shown) else ""
    titles = left + "".join(f"<li>{escape(title)}</li>" for title in shown)
    wanted = {str(title) for title in example.get("wanted", [])}
    found = " Marked titles are among those that this person went on to choose." if wanted else ""
    if not history:
        titles = "<li>nothing yet</li>"
    cards = "".join(_list(one, wanted) for one in example.get("lists", []))
    return (
        f'<h2 id="person">Why this item? One person, {escape(str(example.get("person", "")))}</h2>'
        f"<p>What this person has chosen so far, oldest first:</p>"
        f'<ul class="history">{titles}</ul>'
        f"<p>What each system shows next, and why. Numbers are the system's own scores; of a reason, the part of the score "
        f"that it gives.{found}</p>"
        f'<div class="lists">{cards}</div>'
    )


def _list(one: dict[str, Any], wanted: set[str]) -> str:
    items = "".join(_item(item, wanted) for item in one.get("items", []))
    note = f'<p class="soft">{escape(str(one["note"]))}</p>' if one.get("note") else ""
    return f'<div class="card"><h3>{escape(str(one.get("system", "")))}</h3>{note}<ol>{items}</ol></div>'


def _item(item: dict[str, Any], wanted: set[str]) -> str:
    title = str(item.get("title", ""))
    hit = bool(item.get("hit", title in wanted))
    score = item.get("score")
    number = "" if score is None else f'<span class="score">{_score(float(score))}</span>'
    given = item.get("reasons") or []
    # One number of places for the reasons of an item, so that they can be added up by eye.
    sizes = [abs(float(v)) for v in [score, *(reason.get("weight") for reason in given)] if v is not None]
    digits = _digits(max(sizes, default=0.0))
    reasons = "".join(_reason(reason, digits) for reason in given)
    why = f'<ul class="why">{reasons}</ul>' if reasons else ""
    kind = ' class="hit"' if hit else ""
    return f'<li{kind}><div class="title"><span>{escape(title)}</span>{number}</div>{why}</li>'


def _reason(reason: dict[str, Any], digits: int) -> str:
    weight = reason.get("weight")
    number = "" if weight is None else f"<b>{signed(float(weight), digits)}</b>"
    return f"<li><span>{escape(str(reason.get('text', '')))}</span>{number}</li>"


def _score(value: float) -> str:
    return f"{value:,.{_digits(value)}f}"


def _digits(value: float) -> int:
    """Three significant places or so, none behind large numbers."""
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.01 or size == 0 else 4
