"""A comparison as one HTML file: no network, no script, light and dark, from telephone to desk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from penchant.evaluation.compare import Comparison, Row
from penchant.evaluation.reports.person import person_section
from penchant.evaluation.reports.plots import Bar, Lane, Mark, Point, bars, cloud, legend, slice_rows
from penchant.evaluation.reports.table import memory_text, number_text, seconds_text
from penchant.evaluation.verdict import gain, listed, p_text, signed, significant
from penchant.measures import SAMPLED, better, measure
from penchant.measures.statistics import Estimate


def page(found: Comparison, example: dict[str, Any] | None = None, *, footer: str = "") -> str:
    """The page of a comparison.

    Read alone it answers which system is best, whether that is significant, whether the floors are beaten, where the
    differences lie, and (with an example) why a person is shown an item.

    Args:
        example: one person: {person, history [title], wanted? [title], lists [{system, items [{title, score,
            reasons [{text, weight?}]}]}]}.
        footer: a last line, such as the command and the version that made the page.
    """
    marks = _marks(found)
    sections = [
        _head(found, example),
        _main(found),
        _significance(found),
        _measures(found),
        _slices(found, marks),
        _clouds(found, marks),
        person_section(example) if example else "",
        _how(found),
    ]
    end = f"<footer>{escape(footer)}</footer>" if footer else ""
    style = files("penchant.evaluation.reports").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(found))}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(s for s in sections if s)
        + f"\n{end}\n</main>\n</body>\n</html>\n"
    )


def _title(found: Comparison) -> str:
    data = found.first.dataset or "this data set"
    if len(found.competing) < 2:
        return f"{found.best} on {data}"
    close = _close(found)
    if not close:
        return f"{found.best} is best on {data}"
    return f"{found.best} leads on {data}, but not for sure"


def _close(found: Comparison) -> list[str]:
    """Who cannot be told apart from the best."""
    return [row.system for row in found.competing if row.to_best is not None and not significant(row.p_best)]


# ------------------------------------------------------------------------------------------------------- sections
def _head(found: Comparison, example: dict[str, Any] | None) -> str:
    shared = found.first
    number = len(found.competing)
    kicker = (
        f"{number} system{'s' if number != 1 else ''} compared on {escape(shared.dataset)}: "
        f"{shared.n_people:,} people, {shared.n_items:,} items, every item ranked for everybody"
        if "candidates: all" in shared.protocol
        else f"{number} systems compared on {escape(shared.dataset)}: {shared.n_people:,} people, only some items ranked"
    )
    best = found.row(found.best).result.measures[found.main]
    cards = [("Which is best?", found.best, f"{found.main} = {_estimate(best)}: {_meaning(found.main)}.", "")]
    cards.append(_sure_card(found))
    cards.append(_floor_card(found))
    answers = "".join(
        f'<div class="card {kind}"><h3>{escape(question)}</h3><b>{escape(short)}</b><p>{escape(text)}</p></div>'
        for question, short, text, kind in cards
    )
    more = 'Why this item? <a href="#person">What each of them shows to one person, and why</a>.' if example else ""
    return (
        f'<p class="kicker">{kicker}</p><h1>{escape(_title(found))}</h1><div class="answers">{answers}</div>'
        f'<p class="more">{more}</p>'
    )


def _sure_card(found: Comparison) -> tuple[str, str, str, str]:
    question = "Is that significant?"
    if not found.runner_up:
        return question, "Nothing to compare with", "Only one system competes.", "doubt"
    row = found.row(found.runner_up)
    assert row.to_best is not None
    lead = f"The runner-up, {found.runner_up}, is {abs(row.to_best.mean):.4f} behind ({p_text(row.p_best)})"
    close = _close(found)
    if close:
        return question, "No", f"{lead}. {listed([found.best, *close])} cannot be told apart on these people.", "doubt"
    return question, "Yes", f"{lead}; the others are further behind.", "good"


def _floor_card(found: Comparison) -> tuple[str, str, str, str]:
    question = "Do they beat the floors?"
    if not found.floor:
        return question, "Not known", "No floor (popularity, neighbours) was measured beside them.", "doubt"
    systems = [row for row in found.competing if row.result.role == "system"]
    over = [r.system for r in systems if gain(found, r, found.floor) > 0 and significant(r.p_floor)]
    under = [r.system for r in systems if r.system not in over]
    text = f"The strongest floor is {found.floor}"
    if not systems:
        return question, "Only floors here", f"{text}.", "doubt"
    if not under:
        return (
            question,
            "Yes" if len(over) == 1 else f"Yes, all {len(over)}",
            f"{text}; the differences are significant.",
            "good",
        )
    if not over:
        return question, "No", f"{text}. {listed(under)}: not significantly better.", "bad"
    return question, f"{len(over)} of {len(systems)} do", f"{text}. Not significantly better: {listed(under)}.", "doubt"


def _main(found: Comparison) -> str:
    rows = []
    for row in found.rows:
        value, role = row.result.measures[found.main], row.result.role
        kind = "best" if row.system == found.best else role if role != "system" else ""
        tag = role if role != "system" and role != row.system else ""
        rows.append(Bar(row.system, value.mean, value.low, value.high, _estimate_html(value), kind, tag))
    floor = (found.floor, found.row(found.floor).result.measures[found.main].mean) if found.floor else None
    oracle = (found.oracle, found.row(found.oracle).result.measures[found.main].mean) if found.oracle else None
    low = " Lower is better." if better(found.main) == "low" else ""
    caption = f"{found.main}: {escape(_meaning(found.main))}, mean over people.{low}"
    truth = "".join(f"<p>{escape(line)}</p>" for line in found.verdict if line.startswith("The oracle"))
    return f"<h2>{escape(found.main)}</h2><figure><figcaption>{caption}</figcaption>{bars(rows, floor, oracle)}</figure>{truth}"


def _significance(found: Comparison) -> str:
    if len(found.competing) < 2:
        return ""
    sentences = "".join(f"<p>{escape(line)}</p>" for line in found.verdict if not line.startswith("The oracle"))
    head = ["system", f"difference to {found.best}", "95% interval", "corrected p", "bootstrap p", "reads"]
    lines = []
    for row in found.competing:
        if row.to_best is None:
            continue
        test = row.to_best
        boot = "" if row.bootstrap is None else p_text(row.bootstrap.p).removeprefix("p ").removeprefix("= ")
        reads = "worse" if significant(row.p_best) else "cannot be told apart"
        cells = [
            signed(test.mean),
            f"{signed(test.low)} to {signed(test.high)}" if math.isfinite(test.low) else "",
            p_text(row.p_best).removeprefix("p ").removeprefix("= "),
            boot,
        ]
        lines.append(
            f"<tr><td>{_name(row)}</td>"
            + "".join(f"<td>{escape(c)}</td>" for c in cells)
            + f'<td class="words">{reads}</td></tr>'
        )
    return "<h2>Is it significant?</h2>" + sentences + _table(head, lines)


def _measures(found: Comparison) -> str:
    leaders: dict[str, set[str]] = {}
    for name in found.measures:
        way = better(name)
        values = {row.system: row.result.measures[name].mean for row in found.competing}
        known = {s: v for s, v in values.items() if math.isfinite(v)}
        if way and known:
            edge = (min if way == "low" else max)(known.values())
            leaders[name] = {s for s, v in known.items() if v == edge}
            if len(leaders[name]) == len(known) > 1:
                del leaders[name]  # all alike: nobody leads
    accuracy = [n for n in found.measures if measure(n.removeprefix(SAMPLED)).kind.feeds in ("hits", "scores")]
    shown = [n for n in found.measures if n not in accuracy]
    tables = [_measure_table(found, accuracy, leaders, trained=False)]
    trained = any(row.result.training.get("seconds") is not None for row in found.rows)
    if shown or trained:
        tables.append(_measure_table(found, shown, leaders, trained))
    words = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_meaning(name))}{_way(name)}</dd>" for name in _one_a_kind(found.measures)
    )
    intro = "<p>Bold is the best of a column, the oracle apart. Where neither high nor low is good in itself, nothing is bold.</p>"
    return f"<h2>All measures</h2>{intro}{''.join(tables)}<dl>{words}</dl>"


def _measure_table(found: Comparison, names: Sequence[str], leaders: dict[str, set[str]], trained: bool) -> str:
    head = ["system", *names, *(["trained in", "memory"] if trained else [])]
    lines = []
    for row in found.rows:
        cells = "".join(
            f"<td{' class=top' if row.system in leaders.get(name, ()) else ''}>{number_text(row.result.measures[name].mean)}</td>"
            for name in names
        )
        training = row.result.training
        if trained:
            cells += (
                f"<td>{seconds_text(training.get('seconds'))}</td><td>{memory_text(training.get('peak_memory'))}</td>"
            )
        lines.append(f"<tr><td>{_name(row)}</td>{cells}</tr>")
    return _table(head, lines)


def _slices(found: Comparison, marks: dict[str, Mark]) -> str:
    shared = [(s.group, s.name, s.n) for s in found.first.slices]
    by = {row.system: {(s.group, s.name): s for s in row.result.slices} for row in found.rows}
    whole = [key for key in shared if all((key[0], key[1]) in own for own in by.values())]
    if not whole:
        return ""
    groups: dict[str, list[tuple[str, int, list[Lane]]]] = {}
    top = 1e-12
    for group, name, number in whole:
        lanes = []
        for row in found.rows:
            value = by[row.system][group, name].measures.get(found.main)
            if value is None:
                continue
            lanes.append(Lane(marks[row.system], value.mean, value.low, value.high))
            top = max(top, value.mean if math.isfinite(value.mean) else 0.0)
        groups.setdefault(group, []).append((name, number, lanes))
    titles = {
        "people": "People seen in train, and never seen",
        "activity": "People by how much is known of them",
        "wanted items": "Wanted items seen in train, and never seen",
        "popularity": "Wanted items by popularity (a third of the events each)",
    }
    cards = "".join(
        f'<div class="card"><h3>{escape(titles.get(group, group))}</h3>{slice_rows(rows, top * 1.08)}</div>'
        for group, rows in groups.items()
    )
    intro = (
        f"<p>{escape(found.main)} of some of the people, or counting only some of the wanted items. All plots share one scale, "
        f"from 0 to {top * 1.08:.2g}; few people mean long intervals.</p>"
    )
    return f'<h2>Where the differences lie</h2>{intro}{legend(list(marks.values()))}<div class="slices">{cards}</div>'


def _clouds(found: Comparison, marks: dict[str, Mark]) -> str:
    cards = []
    popular = next((n for n in found.measures if measure(n.removeprefix(SAMPLED)).kind.name == "arp"), None)
    rows = [r for r in found.rows if math.isfinite(r.result.measures[found.main].mean)]
    if popular and len(rows) > 1:
        points = [
            Point(marks[r.system], r.result.measures[popular].mean, r.result.measures[found.main].mean) for r in rows
        ]
        plot = cloud(points, "mean popularity of what is shown (people who touched it)", found.main)
        cards.append(f'<div class="card"><h3>Accuracy against popularity bias</h3>{plot}</div>')
    timed = [r for r in rows if (r.result.training.get("seconds") or 0) > 0]
    if len(timed) > 1:
        points = [
            Point(marks[r.system], r.result.training["seconds"], r.result.measures[found.main].mean) for r in timed
        ]
        cards.append(
            f'<div class="card"><h3>Accuracy against time</h3>{cloud(points, "seconds of training", found.main, log=True)}</div>'
        )
    if not cards:
        return ""
    intro = "<p>Upper left is better in both: accurate without leaning on what is popular, and accurate without a long training.</p>"
    return f'<h2>What it costs</h2>{intro}<div class="clouds">{"".join(cards)}</div>'


def _how(found: Comparison) -> str:
    shared = found.first
    parts = [p.strip() for p in shared.protocol.split("; ")]
    rows = [("data set", shared.dataset), ("split", parts[0])]
    for part in parts[1:]:
        name, _, value = part.partition(": ")
        rows.append((name, value or ""))
    rows += [
        ("people", f"{shared.n_people:,} measured; {shared.skipped:,} skipped, who want nothing in this part"),
        ("items", f"{shared.n_items:,}"),
        ("interval", "95%, over people"),
        (
            "tests",
            f"paired t on each person's difference, correction: {found.correction.replace('_', ' ')}; bootstrap over people",
        ),
    ]
    if shared.guard:
        rows.append(("leak guard", shared.guard.removeprefix("guard: ")))
    rows += [("note", note) for note in shared.notes]
    rows.append(("fingerprint", shared.fingerprint))
    inner = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f"<h2>How this was measured</h2><dl>{inner}</dl>"


# ---------------------------------------------------------------------------------------------------------- pieces
def _marks(found: Comparison) -> dict[str, Mark]:
    marks, number = {}, 0
    for row in found.rows:
        marks[row.system] = Mark(row.system, number, row.result.role)
        number += row.result.role != "oracle"
    return marks


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _name(row: Row) -> str:
    tag = f' <span class="tag">{row.result.role}</span>' if row.result.role not in ("system", row.system) else ""
    return escape(row.system) + tag


def _one_a_kind(names: Sequence[str]) -> list[str]:
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(measure(name.removeprefix(SAMPLED)).kind.name, name)
    return list(kept)


def _meaning(name: str) -> str:
    base = name.removeprefix(SAMPLED)
    kind = measure(base if "@" in base or base in ("auc", "gauc") else f"{base}@1").kind
    return kind.title + (", among sampled candidates only" if name.startswith(SAMPLED) else "")


def _way(name: str) -> str:
    way = measure(name if name in ("auc", "gauc") else f"{name}@1").kind.better
    return {"low": " (low is better)", "": " (neither way is better in itself)"}.get(way, "")


def _estimate(value: Estimate) -> str:
    if math.isnan(value.low):
        return f"{value.mean:.4f}"
    return f"{value.mean:.4f} (95% interval {value.low:.4f} to {value.high:.4f})"


def _estimate_html(value: Estimate) -> str:
    if math.isnan(value.low):
        return f"{value.mean:.4f}"
    return f'{value.mean:.4f} <small class="pm">± {(value.high - value.low) / 2:.4f}</small>'
