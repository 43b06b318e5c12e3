"""evaluate: a run on the test part of the data it was trained on, by the protocol it was trained under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import DataError
from penchant.evaluation.evaluate import evaluate as ask
from penchant.evaluation.result import Result
from penchant.measures.fairness_intervals import RESAMPLES
from penchant.operations.runs import Run, load_run

if TYPE_CHECKING:
    from penchant.data.split import Split
    from penchant.data.tables import Dataset
    from penchant.evaluation.fairness import FairnessReport


def evaluate(
    run: Run | str | Path, data: str | Path | Dataset | None = None, *, k: Sequence[int] = (10, 20), slices: bool = False,
    measures: Iterable[str] | None = None, progress: Any = None,
) -> Result:  # fmt: skip
    """Measure a run on the test part and keep the result in the run.

    Args:
        run: a run or its folder.
        data: the data set; by default the one it was trained on, where it lay then.
        k, slices, measures: see `penchant.evaluation.evaluate.evaluate`.

    Raises:
        DataError: the data are gone, or are not those that the run was trained on.
    """
    run = load_run(run)
    made = split_of(run, data)
    return measure(run, made, k=k, slices=slices, measures=measures, progress=progress)


def fairness(
    run: Run | str | Path, data: str | Path | Dataset | None = None, *, k: Sequence[int] = (10, 20), slices: bool = False,
    resamples: int = RESAMPLES, html: str | Path | None = None, progress: Any = None,
) -> tuple[Result, FairnessReport]:  # fmt: skip
    """Measure a run on the test part, and how evenly its lists show the catalogue; both are kept in the run.

    Args:
        run, data, k, slices: as `evaluate`; fairness is measured at the shortest k.
        resamples: draws of people for the intervals of fairness.
        html: also write a page with the Lorenz curve and the trade-off between relevance and evenness.

    Raises:
        DataError: as `evaluate`; the folder of the page is not there.
        UsageError: nobody gets a list of the shortest k.
    """
    from penchant.evaluation.fairness import fairness_report
    from penchant.evaluation.protocols import audience
    from penchant.storage.files import write_bytes, write_json

    if html is not None and not Path(html).resolve().parent.is_dir():
        raise DataError(f"there is no folder {Path(html).parent}", "make it first, or name another file")
    run = load_run(run)
    made = split_of(run, data)
    result = measure(run, made, k=k, slices=slices, progress=progress)
    asked = audience(made, refit=run.info.refit)
    report = fairness_report(
        run.system,
        asked,
        min(k),
        label=label(run.info.system),
        resamples=resamples,
        seed=run.info.seed,
        progress=progress,
    )
    write_json(run.folder / "results/test/fairness.json", report.to_dict())
    if html is not None:
        from penchant.evaluation.reports import fairness_page

        write_bytes(Path(html), fairness_page(report, footer=f"penchant evaluate {run.name} --fairness").encode())
    return result, report


def split_of(run: Run, data: str | Path | Dataset | None = None) -> Split:
    """The split a run was trained under, made again and checked by its fingerprint."""
    from penchant.data import split as splits
    from penchant.data.tables import Dataset, open_data

    if run.info.changes:
        last = run.info.changes[-1]
        raise DataError(
            f"run {run.name} is no longer what was trained: on {last['time'][:10]} it {last['what']}",
            "the measures it keeps are from before; train anew to measure again",
        )
    source = data if data is not None else run.info.data["path"]
    if source is None:
        raise DataError(f"run {run.name} was trained on data that were not in a file", "give the data with --data")
    dataset = source if isinstance(source, Dataset) else open_data(source)
    if dataset.fingerprint != run.info.data["fingerprint"]:
        raise DataError(
            f"{dataset.name} is not what run {run.name} was trained on", "give the same data, or train anew on these"
        )
    made = splits.split(dataset, run.info.protocol["spelling"], seed=run.info.protocol["seed"])
    if made.fingerprint != run.info.protocol["fingerprint"]:
        raise DataError(
            f"the split of {dataset.name} came out differently from that of run {run.name}",
            "train anew with this version",
        )
    return made


def measure(
    run: Run, made: Split, *, k: Sequence[int] = (10, 20), slices: bool = True, measures: Iterable[str] | None = None,
    progress: Any = None,
) -> Result:  # fmt: skip
    """Measure an opened run on a split at hand, and keep the result in RUN/results/test."""
    from dataclasses import replace

    info = run.info
    result = ask(
        run.system,
        made,
        refit=info.refit,
        k=k,
        slices=slices,
        measures=measures,
        label=label(info.system),
        progress=progress,
    )
    about = {
        "seconds": info.seconds.get("training"),
        "peak_memory": info.peak_memory,
        "epochs": info.epochs,
        "run": run.name,
    }
    result = replace(result, training=about)
    result.save(run.folder / "results/test")
    return result


def label(system: str) -> str:
    """What a system is called in tables: its short name."""
    from penchant.systems import catalogue

    return catalogue.find(system).short
