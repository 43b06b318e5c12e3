"""Ask a system for everybody, block by block, and feed every measure at once."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.errors import MissingNeeds, UsageError
from penchant.evaluation.feeds import Feeds
from penchant.evaluation.protocols import ALL, Audience, Candidates, Part, audience
from penchant.evaluation.protocols import slices as all_slices
from penchant.evaluation.result import Result
from penchant.measures import SAMPLED, Measure
from penchant.measures import measures as by_names
from penchant.verbs.batch import People, Ranked
from penchant.verbs.protocols import RecommendOptions

if TYPE_CHECKING:
    from penchant.data.split import Split

BLOCK = 2048
"""People asked at once."""


def evaluate(
    system: Any,
    split: Split | Audience,
    *,
    part: Part = "test",
    refit: bool = False,
    measures: Iterable[str] | None = None,
    k: Sequence[int] = (10, 20),
    slices: bool = False,
    block: int = BLOCK,
    people: int | np.ndarray | None = None,
    candidates: Candidates | str = ALL,
    label: str | None = None,
    seed: int = 0,
    progress: Callable[[float, float, str], None] | None = None,
) -> Result:
    """Measure a system that recommends on one part of a split, by full ranking.

    Args:
        split: or people who were made ready by `audience` (then part, people and refit are theirs).
        refit: the system learned from train and validation; named in the protocol.
        system: has `recommend(people, k, options) -> Ranked`; `scores(people)` too where auc or gauc is asked for.
        measures: names; one without its number is taken at every k. The usual dozen by default.
        slices: also measure cold and warm people and items, thirds by activity and by popularity apart.
        block: people asked at once; changes nothing but memory and speed.
        people: a number (a sample drawn by seed) or rows of the part; named in the protocol.
        candidates: all items; or `sampled(99)`, `sampled(99, popularity)`, or given lists, each by name.
        label: what the system is called in tables.
        progress: called with people done, people in all, a message.

    Raises:
        UnknownName, UsageError: a measure or kind of candidates that is not there.
        MissingNeeds: a measure needs what the data or the system do not have.
        DataError: nobody to ask.
    """
    started = time.perf_counter()
    chosen = by_names(default_names(k) if measures is None else measures, k)
    if not chosen:
        raise UsageError("no measure was named", "write --measures recall@20,ndcg@10")
    if isinstance(candidates, str):
        candidates = Candidates.parse(candidates, seed)
    check_needs(system, chosen, candidates)
    asked = split if isinstance(split, Audience) else audience(split, part, people, seed=seed, refit=refit)
    feeds = Feeds(asked, chosen, all_slices(asked) if slices else [])
    counted = _ask(system, asked, feeds, candidates, block, progress)
    prefix = SAMPLED if candidates.kind == "sampled" else ""
    return Result(
        system=label or getattr(system, "name", "") or type(system).__name__,
        measures={prefix + name: value for name, value in feeds.estimates().items()},
        per_person={prefix + name: value.astype(np.float32) for name, value in feeds.per_person().items()},
        slices=feeds.slices(prefix),
        protocol=asked.name(candidates),
        fingerprint=asked.split.fingerprint,
        part=asked.part,
        dataset=asked.split.dataset.name,
        n_people=len(asked),
        n_items=asked.n_items,
        skipped=int(asked.test.skipped),
        k=feeds.k,
        notes=list(asked.split.notes),
        guard=asked.split.guard,
        people=asked.ids.astype(np.int32),
        seconds=time.perf_counter() - started,
        peak_memory=peak_memory(),
        **counted,
    )


def validator(
    split: Split,
    *,
    measures: Iterable[str] = ("recall@20", "ndcg@20"),
    people: int | np.ndarray | None = None,
    part: Part = "validation",
    seed: int = 0,
    block: int = BLOCK,
    log: Callable[[dict[str, Any]], None] | None = None,
) -> Callable[[Any], dict[str, float]] | None:
    """What a training asks how it goes: a function from a system to measures on the validation part, by full ranking.

    The people and what they want are made ready once. With a number of `people` they are a sample drawn by seed, the
    same at every call, and `log` is told so.

    Returns:
        The function, or None where the part holds nobody.
    """
    from penchant.errors import DataError

    try:
        asked = audience(split, part, people, seed=seed)
    except DataError:
        return None
    chosen = by_names(measures)
    if log is not None:
        log({"validation": asked.name(), "validation_people": len(asked)})

    def validate(system: Any) -> dict[str, float]:
        check_needs(system, chosen, ALL)
        feeds = Feeds(asked, chosen, [])
        _ask(system, asked, feeds, ALL, block, None)
        return {name: estimate.mean for name, estimate in feeds.estimates().items()}

    return validate


def default_names(k: Sequence[int]) -> list[str]:
    """The usual measures: recall and NDCG at every k, other accuracy at the shortest, exposure at the longest."""
    if not k or min(k) < 1:
        raise UsageError("lists need at least one place", "write -k 10,20")
    short, long = min(k), max(k)
    every = [f"{name}@{n}" for name in ("recall", "ndcg") for n in sorted(set(k))]
    return (
        every
        + [f"{name}@{short}" for name in ("hit", "mrr", "map")]
        + [f"{name}@{long}" for name in ("coverage", "gini", "arp", "tail_share", "novelty")]
    )


def check_needs(system: Any, chosen: Sequence[Measure], candidates: Candidates) -> None:
    """Say before anything is asked what a measure lacks."""
    if not callable(getattr(system, "recommend", None)):
        raise UsageError(
            f"{type(system).__name__} does not recommend", "only systems with the verb recommend make lists"
        )
    of_scores = [m.name for m in chosen if m.kind.feeds == "scores"]
    if of_scores and not callable(getattr(system, "scores", None)):
        raise MissingNeeds(
            f"{of_scores[0]} needs the scores of all items, which {type(system).__name__} does not give", "leave it out"
        )
    if of_scores and candidates.kind != "all":
        raise UsageError(f"{of_scores[0]} is taken over all items, not over {candidates.name}", "leave one of them out")


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _ask(
    system: Any,
    asked: Audience,
    feeds: Feeds,
    candidates: Candidates,
    block: int,
    progress: Callable[[float, float, str], None] | None,
) -> dict[str, Any]:
    """Ask for every block, feed the measures, count what was odd."""
    if candidates.kind != "all":
        # The candidates of a block are a table of people by items; the group of a person is an int16.
        block = max(1, min(block, (64 << 20) // max(asked.n_items, 1), 32767))
    spent, unfilled, fallbacks = 0.0, 0, 0
    for where, group in asked.people.blocks(block):
        options = RecommendOptions()
        if candidates.kind != "all":
            rows = np.arange(where.start, where.stop)
            options = RecommendOptions(allow=candidates.allow(rows, asked))
            group = _grouped(group)
        started = time.perf_counter()
        ranked: Ranked = system.recommend(group, feeds.k, options)
        scores = system.scores(group) if feeds.needs_scores else None
        spent += time.perf_counter() - started
        items = _lists(ranked, len(group), feeds.k, system)
        unfilled += int(np.count_nonzero(items[:, -1] < 0))
        fallbacks += 0 if ranked.fallback is None else int(np.count_nonzero(ranked.fallback))
        feeds.take(where.start, items, group, scores)
        if progress is not None:
            progress(float(where.stop), float(len(asked)), "evaluating")
    return {"recommend_seconds": spent, "unfilled": unfilled, "fallbacks": fallbacks}


def _grouped(people: People) -> People:
    """Each person a group of their own, so that each has their own allowed items."""
    from dataclasses import replace

    return replace(people, allow_group=np.arange(len(people), dtype=np.int16))


def _lists(ranked: Ranked, number: int, k: int, system: Any) -> np.ndarray:
    """The lists as int32[b,k], -1 behind the end of short ones."""
    items = np.asarray(ranked.items)
    if items.ndim != 2 or len(items) != number:
        raise UsageError(
            f"{type(system).__name__} answered {items.shape} for {number} people", "recommend gives one list a person"
        )
    items = items[:, :k]
    if items.shape[1] < k:
        items = np.pad(items, ((0, 0), (0, k - items.shape[1])), constant_values=-1)
    return items
