"""recommend, rank and search by item, from an edge request to an edge answer; and lists for everybody into a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.errors import UnknownName, UsageError
from penchant.operations.requests import (
    NOTHING_KNOWN,
    impressions_of,
    items_out,
    options_of,
    people_of,
    reasons_out,
)
from penchant.operations.runs import Run, load_run
from penchant.verbs.batch import People, Queries, Ranked
from penchant.verbs.protocols import Explains, RecommendOptions, Searches

if TYPE_CHECKING:
    from penchant.verbs.edge import (
        RankAnswer,
        RankRequest,
        RecommendAnswer,
        RecommendRequest,
        SearchAnswer,
        SearchRequest,
    )

BLOCK = 4096
"""People answered at once when everybody is."""
OUT_FORMATS = (".parquet", ".csv", ".jsonl")


def recommend(run: Run | str | Path, request: RecommendRequest) -> RecommendAnswer:
    """Answer a recommend request: one list a person, in the order of the request."""
    from penchant.verbs.edge import Item, RecommendAnswer
    from penchant.verbs.edge import List as PersonList

    run = load_run(run)
    asked = people_of(run, request.people, request.exclude, request.as_of)
    options, notes = options_of(run, request)
    ranked = run.system.recommend(asked.people, request.k, options)
    reasons: Any = (
        run.system.why(asked.people, ranked) if request.explain and isinstance(run.system, Explains) else None
    )
    if request.explain and reasons is None:
        notes.append(f"{run.info.system} gives no reasons")
    lists = []
    for row, person in enumerate(request.people):
        said = asked.assumptions[row]
        count = int(ranked.counts[row])
        if count < request.k:
            said = [*said, f"{count} of {request.k}: no more items may be shown"]
        popular = ranked.fallback is not None and bool(ranked.fallback[row])
        lists.append(PersonList(
            person=person.id, items=[Item(**i) for i in items_out(run, ranked, row, reasons[row] if reasons else None)],
            fallback=NOTHING_KNOWN if popular else None, assumptions=said or None,
        ))  # fmt: skip
    return RecommendAnswer(system=run.info.system, run=run.name, assumptions=notes, lists=lists)


def rank(run: Run | str | Path, request: RankRequest) -> RankAnswer:
    """Answer a rank request: a score a row, in the order of the request.

    Raises:
        UsageError: a row names a person by a place that `people` does not have.
    """
    from penchant.verbs.edge import RankAnswer, ScoredRow

    run, number = load_run(run), len(request.people or [])
    for place, asked in enumerate(request.rows):
        if isinstance(asked.person, int) and not 0 <= asked.person < number:
            raise UsageError(
                f"rows[{place}].person: {asked.person} is no place in people, which holds {number}",
                "people are counted from 0",
            )
    impressions, notes = impressions_of(run, request)
    scored = run.system.rank(impressions)
    reasons: Any = (
        run.system.why(impressions.people, impressions)
        if request.explain and isinstance(run.system, Explains)
        else None
    )
    rows = []
    for row in range(len(impressions)):
        known = impressions.item[row] >= 0
        probability = float(scored.probability[row]) if scored.probability is not None and known else None
        rows.append(ScoredRow(
            score=float(scored.logits[row]) if known else 0.0, status=None if known else "not_known",
            probability=probability, probability_of=None if probability is None else "action",
            reasons=reasons_out(run, reasons[row]) or None if reasons and known else None, assumptions=notes[row] or None,
        ))  # fmt: skip
    assumptions = (
        [] if scored.probability is not None else [f"no probability: scores of {run.info.system} are not calibrated"]
    )
    return RankAnswer(system=run.info.system, run=run.name, assumptions=assumptions, rows=rows)


def search(run: Run | str | Path, request: SearchRequest) -> SearchAnswer:
    """Answer a search by item: what is like it, itself left out."""
    from penchant.verbs.edge import Hit, Hits, SearchAnswer

    run = load_run(run)
    if not isinstance(run.system, Searches) or request.of != "items":
        raise UsageError(f"{run.info.system} does not search {request.of}")
    names = [q.item if isinstance(q.item, str) else None for q in request.queries]
    if any(n is None for n in names):
        raise UsageError(f"{run.info.system} searches by item only", 'give {"item": ID} as the query')
    numbers = run.items.lookup([str(n) for n in names])
    for name, number in zip(names, numbers, strict=True):
        if number < 0:
            raise near(run, "item", str(name))
    options, notes = options_of(run, request)
    ranked = run.system.search(Queries(items=numbers), request.k, options)
    lists = [
        Hits(hits=[Hit(of="items", **i) for i in items_out(run, ranked, row, None)]) for row in range(len(numbers))
    ]
    return SearchAnswer(system=run.info.system, run=run.name, assumptions=notes, lists=lists)


def similar(run: Run | str | Path, item: str, k: int = 10) -> SearchAnswer:
    """The items most like one item.

    Raises:
        UnknownName: no such item, with the nearest id.
    """
    from penchant.verbs.edge import SearchRequest

    return search(run, SearchRequest.read({"queries": [{"item": item}], "of": "items", "k": k}))


def near(run: Run, kind: str, name: str) -> UnknownName:
    """The error about an id that no item (or user) has, with the nearest: compared with those of its first letters, so
    that a large catalogue stays quick."""
    names = (run.users if kind == "user" else run.items).array.to_pylist()
    alike = [n for n in names if n[:2].lower() == name[:2].lower()][:5000] or names[:5000]
    return UnknownName(kind, name, alike)


@dataclass(frozen=True)
class AllReport:
    """What `recommend_all` wrote."""

    out: str
    people: int
    rows: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def all_people(run: Run, exclude_seen: bool) -> People:
    """Everybody the run knows, with their histories."""
    from penchant.verbs.batch import Ragged

    number = len(run.users)
    exclude = run.people.seen if exclude_seen else Ragged.empty(number)
    return People(np.arange(number, dtype=np.int32), run.people.history, exclude)


def recommend_all(
    run: Run | str | Path, out: str | Path, k: int = 10, exclude_seen: bool | None = None,
    progress: Callable[[float, float, str], None] | None = None,
) -> AllReport:  # fmt: skip
    """Lists for everybody the run knows, into a file: columns user, rank, item, score.

    Args:
        out: a .parquet, .csv or .jsonl file; it appears whole or not at all.
        exclude_seen: None follows the data set (seen items are left out unless repeats are real).

    Raises:
        UsageError: the file's ending is not known.
    """
    from penchant.operations.tables import TableWriter

    started = time.perf_counter()
    run, out = load_run(run), Path(out)
    if out.suffix not in OUT_FORMATS:
        raise UsageError(
            f"cannot write {out.name}: the ending decides the form", "use one of " + ", ".join(OUT_FORMATS)
        )
    people = all_people(run, (not run.repeats) if exclude_seen is None else exclude_seen)
    rows = 0
    with TableWriter(out) as writer:
        for where, block in people.blocks(BLOCK):
            ranked = run.system.recommend(block, k, RecommendOptions())
            rows += writer.write(_flat(run, block, ranked))
            if progress is not None:
                progress(where.stop, len(people), "people")
    return AllReport(str(out), len(people), rows, round(time.perf_counter() - started, 3))


def _flat(run: Run, people: People, ranked: Ranked) -> Any:
    import pyarrow as pa

    filled = ranked.items >= 0
    places = np.broadcast_to(np.arange(1, ranked.items.shape[1] + 1, dtype=np.int32), filled.shape)[filled]
    users = np.repeat(people.ids, filled.sum(1)).astype(np.int32)
    return pa.table({
        "user": pa.DictionaryArray.from_arrays(users, run.users.array),
        "rank": places,
        "item": pa.DictionaryArray.from_arrays(ranked.items[filled], run.items.array),
        "score": ranked.scores[filled],
    })  # fmt: skip
