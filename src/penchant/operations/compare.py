"""compare: runs beside each other and beside the floors, which are trained where they are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.errors import UsageError
from penchant.evaluation.compare import FLOORS, Comparison
from penchant.evaluation.compare import compare as put_together
from penchant.evaluation.result import Result
from penchant.operations.evaluate import label, measure, split_of
from penchant.operations.runs import Run, load_run
from penchant.operations.train import train
from penchant.randomness import stream
from penchant.storage.files import write_bytes

if TYPE_CHECKING:
    from penchant.data.split import Split
    from penchant.data.tables import Dataset

Progress = Callable[[float, float, str], None]
SHOWN_ITEMS = 5
SHOWN_REASONS = 3


def compare(
    runs: Sequence[Run | str | Path], html: str | Path | None = None, png: str | Path | None = None, *,
    data: str | Path | Dataset | None = None, measure_by: str | None = None, person: str | None = None,
    others: Sequence[Result] = (), progress: Progress | None = None,
) -> Comparison:  # fmt: skip
    """Compare runs of one split, person by person, with intervals and corrected tests.

    Popularity and kNN are added by themselves: a floor that is not among the runs is trained once, and kept beside the
    first run in `.floors`.

    Args:
        runs: runs or their folders.
        html, png: also write a page, a picture.
        data: the data set, where it has moved.
        measure_by: the measure that decides.
        person: whose lists the page shows; by default somebody drawn by seed (not chosen for a nice list).
        others: results that are no runs (the oracle of a world).

    Raises:
        UsageError: nothing to compare, or runs of different data, splits or parts.
    """
    if not runs:
        raise UsageError("nothing to compare", "name at least one run")
    opened = [load_run(run) for run in runs]
    _same_split(opened)
    made: list[Split] = []

    def split() -> Split:
        if not made:
            made.append(split_of(opened[0], data))
        return made[0]

    floors = [floor for floor in FLOORS["recommend"] if floor not in {label(run.info.system) for run in opened}]
    everything = opened + [_floor(floor, opened[0], split, progress) for floor in floors]
    results = [result_of(run, split, progress) for run in everything]
    comparison = put_together([*results, *others], main=measure_by)
    if html is not None:
        from penchant.evaluation.reports import page

        order = [row.system for row in comparison.rows]
        shown = sorted(
            everything,
            key=lambda run: order.index(label(run.info.system)) if label(run.info.system) in order else len(order),
        )
        write_bytes(Path(html), page(comparison, example_of(shown, split(), person)).encode())
    if png is not None:
        from penchant.evaluation.reports import png as draw

        draw(comparison, Path(png))
    return comparison


def _same_split(runs: Sequence[Run]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if run.info.protocol["fingerprint"] != first.info.protocol["fingerprint"] or run.info.refit != first.info.refit:
            raise UsageError(
                f"{first.name} and {run.name} were not trained on the same split: {_way(first)} against {_way(run)}",
                "train both on one data set, split and seed",
            )


def _way(run: Run) -> str:
    return f"{run.info.data['name']}, {run.info.protocol['spelling']}, seed {run.info.protocol['seed']}" + (
        ", refit" if run.info.refit else ""
    )


def result_of(run: Run, split: Callable[[], Split], progress: Progress | None = None) -> Result:
    """The result kept in the run where there is one with slices, else a new one."""
    folder = run.folder / "results/test"
    if (folder / "result.json").exists():
        kept = Result.load(folder)
        if kept.per_person:
            return kept
    return measure(run, split(), progress=progress)


def _floor(name: str, beside: Run, split: Callable[[], Split], progress: Progress | None) -> Run:
    """A floor under the same split, trained once."""
    info = beside.info
    kind = "refit" if info.refit else "train"
    folder = beside.folder.resolve().parent / ".floors" / f"{info.protocol['fingerprint'][:16]}-{kind}" / name
    if not (folder / "run.json").exists():
        train(name, split().dataset, split=split(), out=folder, refit=info.refit, progress=progress)
    return load_run(folder)


def example_of(runs: Sequence[Run], split: Split, person: str | None = None) -> dict[str, Any]:
    """One person's history, and what each run recommends to them and why, as the page shows it."""
    tested = split.people("test")
    data = split.dataset
    if person is not None:
        number = int(data.users.lookup([person])[0])
        rows = np.flatnonzero(tested.ids == number)
        if number < 0 or not len(rows):
            raise UsageError(f"{person!r} is nobody in the test part", "leave --person out, or name somebody tested")
        row = int(rows[0])
    else:
        # Long enough to read a taste in, short enough to read.
        some = np.flatnonzero((tested.history.lengths >= 5) & (tested.history.lengths <= 15) & ~tested.cold_person)
        some = some if len(some) else np.arange(len(tested))
        row = int(stream(0, "example").choice(some))
    name = data.users.names(tested.ids[row : row + 1])[0]
    first = runs[0]

    def titles(numbers: np.ndarray) -> list[str]:
        return [first.title(int(n)) or i for n, i in zip(numbers, data.items.names(numbers), strict=True)]

    history = tested.history.row(row)
    wanted = set(titles(tested.relevant.row(row)))
    lists = []
    for run in runs:
        answer = run.recommend([name], k=SHOWN_ITEMS, explain=True).lists[0]
        items = [
            {
                "title": item.title or item.id, "score": item.score, "hit": (item.title or item.id) in wanted,
                "reasons": [{"text": r.text, "weight": r.weight if r.additive else None} for r in (item.reasons or [])[:SHOWN_REASONS]],
            }
            for item in answer.items
        ]  # fmt: skip
        lists.append({"system": label(run.info.system), "note": answer.fallback, "items": items})
    return {"person": name, "history": titles(history), "wanted": sorted(wanted), "lists": lists}


def oracle_result(oracle: Any, split: Split, refit: bool = False) -> Result:
    """What somebody who knows the truth of a generated world would reach: no system may be better by more than chance."""
    from penchant.evaluation.evaluate import evaluate
    from penchant.evaluation.protocols import audience

    asked = audience(split, refit=refit)
    asked = replace(asked, people=replace(asked.people, ids=asked.ids))  # the truth knows everybody, new or not

    class Truth:
        name = "oracle"

        def recommend(self, people: Any, k: int, options: Any) -> Any:
            return oracle.recommend(people, k)

    return replace(evaluate(Truth(), asked, slices=True, label="oracle"), role="oracle")
