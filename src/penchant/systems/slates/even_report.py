"""What item-fairness measures when it is trained, and the insights it tells of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.measures import exposure, ranking
from penchant.measures.fairness import KINDS, fairness
from penchant.measures.fairness_intervals import with_intervals
from penchant.measures.places import by_group, least_shown, lorenz
from penchant.retrieval.diversify import Swapped

if TYPE_CHECKING:
    from penchant.data.views import Material
    from penchant.systems.slates.item_fairness import ItemFairnessSettings

POINTS = 101
"""Points of a Lorenz curve that is kept."""
NAMED = 20
"""Items named among the least and the most shown."""
TOLD = 3
"""Items named in a sentence."""
UNITS = {
    "jain": "Jain's index", "qf": "share of items shown", "ent": "entropy, base n", "gini": "Gini",
    "gini_w": "Gini of weighted places", "fsat": "share of items with their even share",
    "vocd": "mean relative difference of exposure", "ii_d": "mean squared distance", "ai_d": "mean squared distance",
}  # fmt: skip
PLACES = "SELECT item, count(*) AS places FROM lists WHERE rank <= ? GROUP BY item ORDER BY places"
NOT_SHOWN = "SELECT item FROM items WHERE item NOT IN (SELECT item FROM lists WHERE rank <= ?)"
SWAPS = "SELECT user, item_out, item_in, loss FROM swaps WHERE loss <= ? ORDER BY loss"
RANKS = "SELECT rank, item, count(*) AS places FROM lists WHERE rank <= ? GROUP BY rank, item"


def report(
    settings: ItemFairnessSettings, material: Material, ids: np.ndarray, before: np.ndarray, after: Swapped,
    groups: dict[str, tuple[np.ndarray, list[str]]], short: int,
) -> dict[str, Any]:  # fmt: skip
    """Everything that `analyse` tells, as plain JSON data, so that it is kept with the run.

    Args:
        ids: int32[m], the people. before: int32[m,k], the backbone's lists. after: the same with swaps.
        groups: the group of each item and the groups' names, by column.
        short: people whose list would have been too short, and who are left out.
    """
    s, n, k = settings, len(material.items), before.shape[1]
    pairs: Any = "all" if s.pairs == "all" else groups[s.pairs][0]
    shared: dict[str, Any] = {"decay": s.attention_decay, "pairs": pairs}
    measures = with_intervals(before, n, resamples=s.bootstrap, seed=s.seed, **shared)
    counts = exposure.shown(before, n)
    degrees = material.interactions.item_degrees
    # Among the items that nobody is shown, those that people chose most often are the ones that are missed.
    least, most = least_shown(counts, NAMED, degrees), least_shown(-counts, NAMED)
    swapped = after.replaced >= 0
    found = {
        "k": k, "items": n, "lists": len(before), "short": short, "cold": int(np.count_nonzero(degrees == 0)),
        "measures": {name: one.to_dict() for name, one in measures.items()},
        "evened": {name: one.to_dict() for name, one in fairness(after.items, n, **shared).items()},
        "lorenz": {"before": _curve(counts), "after": _curve(exposure.shown(after.items, n))},
        "least": _named(material, least, counts), "most": _named(material, most, counts),
        "unseen": int(np.count_nonzero(counts == 0)), "swaps": int(swapped.sum()), "ndcg": _relevance(material, ids, before, after),
        "mean_loss": float(after.loss[swapped].mean()) if swapped.any() else 0.0, "groups": [],
    }  # fmt: skip
    if s.group_by != "none":
        labels, names = groups[s.group_by]
        evened = {row.group: row.share_of_places for row in by_group(exposure.shown(after.items, n), labels)}
        found["groups"] = [
            {"name": names[row.group], "items": row.items, "places": row.places, "share_of_items": row.share_of_items,
             "share_of_places": row.share_of_places, "unseen": row.unseen, "evened": evened[row.group]}
            for row in by_group(counts, labels)
        ]  # fmt: skip
    return found


def _curve(counts: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 6), round(float(y), 6)] for x, y in lorenz(counts, POINTS)]


def _named(material: Material, items: np.ndarray, counts: np.ndarray) -> list[list[Any]]:
    return [[name, int(counts[item])] for name, item in zip(material.items.names(items), items, strict=True)]


def _relevance(material: Material, ids: np.ndarray, before: np.ndarray, after: Swapped) -> dict[str, Any] | None:
    """NDCG of both on the validation part, where there is one and the people have something in it."""
    if material.validation is None:
        return None
    rows = np.flatnonzero(material.validation.user_degrees[ids] > 0)
    if not len(rows):
        return None
    wanted = ranking.Wanted(material.validation.by_user.take(ids[rows]), len(material.items))
    means = [
        float(np.nanmean(ranking.ndcg(wanted.hits(lists[rows]), wanted.numbers, before.shape[1])))
        for lists in (before, after.items)
    ]
    return {"before": means[0], "after": means[1], "people": len(rows)}


# --------------------------------------------------------------------------------------------------------- insights
def answer(system: str, request: Any, found: dict[str, Any], settings: ItemFairnessSettings) -> Any:
    """The insights of a report, as many as asked for; the first three say the most."""
    from penchant.verbs.edge import AnalyseAnswer

    k = found["k"]
    measured = (_measure(name, found) for name in KINDS if name not in ("gini", "qf", "ii_d"))
    rows = (_gini(found), _shown(found), _swaps(found, settings), _group(found, settings), *measured)
    told = [row for row in rows if row is not None]
    insights = [{"id": f"i-{n}", **({} if n == 1 else {"after": "i-1"}), **row} for n, row in enumerate(told, 1)]
    shown = len(insights) if request.number is None else min(request.number, len(insights))
    assumptions = [
        f"{found['lists']:,} lists of {k} places, of people of the training, over a catalogue of {found['items']:,} items",
        "effect: difference to the best that can be reached",
        "intervals are of 95% over people, by drawing people anew",
        _beside(found),
        f"these are the lists of this run's own backbone, {settings.backbone}",
    ]
    ignored = [
        name for name in ("filter", "fields", "chart", "depth", "false_rate") if getattr(request, name) is not None
    ]
    assumptions += [f"{name} is not used by {system}" for name in ignored]
    return AnalyseAnswer.read({
        "system": system, "assumptions": assumptions, "summary": _summary(found), "insights": insights[:shown],
        "derived": [_derived(k)], "warnings": _warnings(found), "tests_tried": len(found["measures"]),
    })  # fmt: skip


def _beside(found: dict[str, Any]) -> str:
    ndcg, k = found["ndcg"], found["k"]
    if ndcg is None:
        return "fair is not relevant, and there is no validation part to measure relevance on"
    return f"fair is not relevant: read next to NDCG@{k} = {ndcg['before']:.3f} of {ndcg['people']:,} people of the validation part"


def _summary(found: dict[str, Any]) -> str:
    gini, unseen = found["measures"]["gini"], found["unseen"]
    name, places = found["most"][0]
    held = f"{name} holds {places:,} of {found['lists'] * found['k']:,} places, {unseen:,} of {found['items']:,} items none"
    if gini["corrected"] is None:
        return f"{held}."
    after = found["evened"]["gini"]["original"]
    return f"{held}; swaps would take Gini from {gini['original']:.3f} to {after:.3f}, where {gini['best']:.3f} is the best."


def _warnings(found: dict[str, Any]) -> list[str]:
    rows = [
        f"{name} does not apply: {one['why_not']}" for name, one in found["measures"].items() if not one["applicable"]
    ]
    clipped = [name for name, one in found["measures"].items() if one["clipped"]]
    if clipped:
        rows.append(f"{', '.join(clipped)} lay outside its range and was cut: people are not shown what they have seen")
    if found["cold"]:
        rows.append(f"{found['cold']:,} items that nobody has touched count as part of the catalogue")
    if found["short"]:
        rows.append(f"{found['short']:,} people with fewer than {found['k']} items left to show were left out")
    return rows


def _base(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """What insights about one measure have in common."""
    one = found["measures"][name]
    row = {"kind": "descriptive", "number": one["original"], "unit": UNITS[name], "n": found["lists"]}
    row["query"] = {"sql": RANKS if name in ("gini_w", "ai_d") else PLACES, "values": [found["k"]]}
    if one["low"] is not None:
        row |= {"low": one["low"], "high": one["high"]}
    if one["worst"] is not None and one["best"] is not None:
        row |= {"range": {"worst": one["worst"], "best": one["best"]}, "effect": one["original"] - one["best"]}
    return row


def _sentence(name: str, one: dict[str, Any]) -> str:
    """What a measure says, in words."""
    words = f"{KINDS[name].title}: {one['original']:.4g}"
    if one["corrected"] is not None:
        ends = sorted((one["worst"], one["best"]))
        way = one["corrected"] if one["better"] == "low" else 1 - one["corrected"]
        words += (
            f"; {ends[0]:.4g} to {ends[1]:.4g} can be reached here, so {way:.3f} of the way from even to most uneven"
        )
    return f"{words[0].upper()}{words[1:]}." + (f" {one['caution'].capitalize()}." if one["caution"] else "")


def _measure(name: str, found: dict[str, Any]) -> dict[str, Any] | None:
    one = found["measures"][name]
    if not one["applicable"] or one["original"] is None:
        return None
    return {"sentence": _sentence(name, one), **_base(name, found)}


def _gini(found: dict[str, Any]) -> dict[str, Any]:
    points = [{"items": x, "places": y, "lists": when} for when, rows in found["lorenz"].items() for x, y in rows]
    quantitative = {axis: {"field": field, "type": "quantitative"} for axis, field in (("x", "items"), ("y", "places"))}
    chart = {
        "mark": "line", "data": {"values": points},
        "encoding": {**quantitative, "color": {"field": "lists", "type": "nominal"}},
    }  # fmt: skip
    return {"sentence": _sentence("gini", found["measures"]["gini"]), "chart": chart, **_base("gini", found)}


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    one, least = found["measures"]["qf"], [name for name, _ in found["least"]]
    row = _base("qf", found)
    row["query"] = {"sql": NOT_SHOWN, "values": [found["k"]]}
    shown = found["items"] - found["unseen"]
    text = f"{shown:,} of {found['items']:,} items have a place ({one['original']:.1%}); shown least: {', '.join(least[:TOLD])}."
    more = {"action": f"look at {', '.join(least[:TOLD])}: people chose them, and lists do not hold them"}
    return {"sentence": text, "about": least, **row, **(more if found["unseen"] else {})}


def _swaps(found: dict[str, Any], settings: ItemFairnessSettings) -> dict[str, Any]:
    before, after, ndcg, k = found["measures"]["gini"], found["evened"]["gini"], found["ndcg"], found["k"]
    cost = "" if ndcg is None else f", and NDCG@{k} from {ndcg['before']:.4f} to {ndcg['after']:.4f}"
    share = found["swaps"] / (found["lists"] * k)
    row: dict[str, Any] = {
        "sentence": f"{found['swaps']:,} swaps ({share:.1%} of the places) that lose at most {settings.tolerance:.0%} of their score "
                    f"({found['mean_loss']:.1%} on average) bring Gini from {before['original']:.3f} to {after['original']:.3f}{cost}.",
        "kind": "prescriptive", "number": after["original"], "unit": UNITS["gini"], "n": found["lists"],
        "range": {"worst": before["worst"], "best": before["best"]}, "effect": after["original"] - before["original"],
        "query": {"sql": SWAPS, "values": [settings.tolerance]},
        "action": f"serve this run with the knob tolerance at {settings.tolerance:g}; higher evens out more",
    }  # fmt: skip
    return {k: v for k, v in row.items() if not (isinstance(v, float) and math.isnan(v))}


def _group(found: dict[str, Any], settings: ItemFairnessSettings) -> dict[str, Any] | None:
    if not found["groups"]:
        return None
    row = found["groups"][0]
    return {
        "sentence": f"The {settings.group_by} {row['name']!r} gets least for its size: {row['share_of_items']:.1%} of the items, "
                    f"{row['share_of_places']:.1%} of the places ({row['evened']:.1%} after swaps), {row['unseen']:,} of its "
                    f"{row['items']:,} items without any.",
        "kind": "diagnostic", "number": row["share_of_places"], "unit": "share of places", "n": found["lists"],
        "effect": row["share_of_places"] - row["share_of_items"],
        "query": {"sql": f"SELECT {settings.group_by}, count(*) AS places FROM lists JOIN items USING (item) WHERE rank <= ? "
                         f"GROUP BY {settings.group_by} ORDER BY places", "values": [found["k"]]},
    }  # fmt: skip


def _derived(k: int) -> dict[str, Any]:
    sql = "SELECT user, item_out, item_in, 1 - score_in / score_out AS loss FROM candidate_swaps WHERE rank <= ?"
    return {"id": "d-1", "name": "swaps", "query": {"sql": sql, "values": [k]}, "lineage": ["lists", "items"]}
