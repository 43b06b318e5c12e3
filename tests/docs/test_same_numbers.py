"""The page "Same split, same numbers": every difference is named there; and what the sides of a comparison share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import environment, exchange, progress
from benchmarks.peers.splits import share
from docs import tables
from penchant.data.split import split
from penchant.testing.shop import dataset
from penchant.verbs.batch import Ragged

PAGE = Path(tables.__file__).with_name("same-numbers.md")
BOUND = 0.02


def means(result: dict) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in result["rows"]:
        if not row["traced"]:
            found.setdefault((row["work"], row["side"]), []).append(row["value"])
    return {key: sum(values) / len(values) for key, values in found.items()}


def unnamed(result: dict, page: str) -> list[tuple[str, str]]:
    """Systems and sides that differ by more than the bound and have no paragraph of their own."""
    heads = [line.split("**")[1].lower() for line in page.splitlines() if line.startswith("**")]
    found = means(result)
    return [
        (work, side)
        for (work, side), value in found.items()
        if abs(value / found[work, "penchant"] - 1) > BOUND
        and not any(work.split(",")[0] in head and side.split(",")[0] in head for head in heads)
    ]


def test_every_difference_above_the_bound_has_its_paragraph() -> None:
    result = json.loads((tables.RESULTS / "same-numbers.json").read_text())
    page = PAGE.read_text()
    assert {work.split(",")[0] for work, _ in means(result)} == {"item-knn", "ease", "ials", "bpr-mf", "lightgcn"}
    assert unnamed(result, page) == []
    assert unnamed(result, "") != []  # the check can fail


def test_the_table_has_a_row_for_each_side(tmp_path: Path) -> None:
    rows = [
        {
            "work": "ease",
            "side": side,
            "value": value,
            "setting": {"l2": 1.0},
            "quality": {"ndcg@20": 0.3},
            "traced": False,
        }
        for side, value in (("penchant", 0.2), ("penchant", 0.4), ("other", 0.33))
    ]
    (tmp_path / "same-numbers.json").write_text(
        json.dumps({"rows": rows, "date": "2026-01-02", "machine": "two cores"})
    )
    table = tables.same_numbers_table(tmp_path)
    assert "| ease | penchant | 0.3000 | 0.2000, 0.4000 | 0.3000 |  |" in table
    assert "|  | other | 0.3300 | 0.3300 | 0.3000 | +10.0% |" in table


def test_a_shared_split_refuses_lists_that_cannot_be(tmp_path: Path) -> None:
    shared = share(split(dataset(), "random"), tmp_path, "split")
    arrays = exchange.Split(str(shared.path))
    rows = arrays.matrix("train", arrays.people).toarray()
    lists = arrays.top(rows @ rows.T @ rows, 0, 5)
    assert not (np.take_along_axis(arrays.seen.toarray(), np.maximum(lists, 0), 1) * (lists >= 0)).any()
    assert set(shared.measured(lists)) == {"recall@20", "ndcg@20"}
    perfect = [row[:5] for row in (shared.people.relevant.row(n) for n in range(len(shared.people)))]
    best = np.array([np.pad(row, (0, 5 - len(row)), constant_values=-1) for row in perfect])
    assert shared.measured(best)["ndcg@20"] == pytest.approx(1.0)
    seen = np.array([[shared.people.exclude.row(n)[0]] for n in range(len(shared.people))])
    with pytest.raises(ValueError, match="has seen"):
        shared.measured(seen)
    with pytest.raises(ValueError, match="lists for"):
        shared.measured(lists[1:])


def test_sides_see_the_same_pairs(tmp_path: Path) -> None:
    made = split(dataset(), "random")
    shared = share(made, tmp_path, "split")
    arrays = exchange.Split(str(shared.path))
    assert np.array_equal(arrays.matrix("train").toarray(), made.material().interactions.to_csr().toarray())
    wanted: Ragged = made.people("test").relevant
    assert shared.people.relevant.values.tolist() == wanted.values.tolist()
    assert not arrays.matrix("test").multiply(arrays.matrix("seen")).nnz


def test_a_stopped_benchmark_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FOLDER", tmp_path)
    first = progress.Progress("one", [1])
    assert first.get("a", lambda: 3) == 3
    again = progress.Progress("one", [1])
    assert again.get("a", lambda: 4) == 3
    assert progress.Progress("one", [2]).found == {}  # it rests on something else
    again.done()
    assert progress.Progress("one", [1]).found == {}


def test_an_unknown_peer_is_one_clear_line() -> None:
    with pytest.raises(environment.NotHere, match=r"no peer named 'recbol'; known: implicit"):
        environment.python("recbol")
