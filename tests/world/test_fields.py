"""Rows for ranking: the probability of a click is true, and what is planted is there, in pairs and triples only."""

from __future__ import annotations

import numpy as np

from tests.world.conftest import Maker

PARTS = ("core", "fields")


def rows_of(world) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """Columns of every row as the data have them, whether it was clicked, and the true probability."""
    rows = world.tables["impressions"].to_pylist()
    items = [
        {**{k: v[0] for k, v in i["attributes"]}, "category": i["category"][1]}
        for i in world.tables["items"].to_pylist()
    ]
    ages = {u["user"]: dict(u["attributes"])["age"][0] for u in world.tables["users"].to_pylist()}
    item = [items[int(r["items"][0][1:])] for r in rows]
    columns = {
        "device": np.array([r["context.device"] for r in rows]), "daypart": np.array([r["context.daypart"] for r in rows]),
        "age": np.array([ages[r["user"]] for r in rows]), "brand": np.array([i["brand"] for i in item]),
        "category": np.array([i["category"] for i in item]),
    }  # fmt: skip
    clicked = np.array([r["acts"] == ["clicked"] for r in rows])
    return columns, clicked, world.truth.array("rows", "probability")


def spread(columns: dict[str, np.ndarray], names: tuple[str, ...], values: np.ndarray) -> float:
    """Variance over the cells of some columns of the mean of `values`, weighted by rows, less what chance gives."""
    cells = np.unique(
        np.array(["|".join(c) for c in zip(*(columns[n] for n in names), strict=True)]), return_inverse=True
    )[1]
    count = np.bincount(cells)
    mean = np.bincount(cells, values) / count
    overall = values.mean()
    return float((count * (mean - overall) ** 2).sum() / len(values) - len(count) * values.var() / len(values))


def test_probabilities_are_true(world_of: Maker) -> None:
    _, clicked, said = rows_of(world_of(parts=PARTS, users=1000))
    assert abs(said.mean() - 0.2) < 0.01
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0)):
        rows = (said >= low) & (said < high)
        assert rows.sum() > 100
        assert abs(clicked[rows].sum() - said[rows].sum()) < 4 * np.sqrt((said * (1 - said))[rows].sum())


def test_a_pair_and_a_triple_tell_and_their_single_fields_do_not(world_of: Maker) -> None:
    columns, clicked, _ = rows_of(world_of(parts=PARTS, users=2000, taste=0.0, popularity=0.0, price=0.0))
    single = max(spread(columns, (name,), clicked.astype(float)) for name in columns)
    pair = spread(columns, ("device", "category"), clicked.astype(float))
    triple = spread(columns, ("age", "daypart", "brand"), clicked.astype(float))
    # Planted: a pair and a triple with an effect of 1.2 on the log-odds each.
    assert pair > 5 * single and triple > 5 * single
    assert spread(columns, ("device", "brand"), clicked.astype(float)) < 0.2 * pair


def test_nothing_planted_is_nothing_found(world_of: Maker) -> None:
    world = world_of(parts=PARTS, users=1000, taste=0.0, popularity=0.0, price=0.0, planted=0.0)
    columns, clicked, _ = rows_of(world)
    assert not world.truth.array("planted", "effect").any()
    for names in (("device", "category"), ("age", "daypart", "brand")):
        assert abs(spread(columns, names, clicked.astype(float))) < 0.002


def test_the_truth_names_what_is_planted(world_of: Maker) -> None:
    world = world_of(parts=PARTS, users=1000)
    columns, _, _ = rows_of(world)
    effect = {(r["fields"], r["values"]): r["effect"] for r in world.truth.tables["planted"].to_pylist()}
    path = {c[1]: " > ".join(c) for c in world.tables["items"]["category"].to_pylist()}
    for row, (of_pair, of_triple) in enumerate(
        zip(world.truth.array("rows", "pair")[:200], world.truth.array("rows", "triple")[:200], strict=True)
    ):
        c = {name: str(values[row]) for name, values in columns.items()}
        assert effect["device, category", f"{c['device']}, {path[c['category']]}"] == of_pair
        assert effect["age, daypart, brand", f"{c['age']}, {c['daypart']}, {c['brand']}"] == of_triple


def test_rows_and_slates_share_a_table(world_of: Maker) -> None:
    world = world_of(parts=("core", "impressions", "fields"))
    kinds = world.tables["impressions"]["kind"].to_pylist()
    assert set(kinds) == {"feed", "search", "row"}
    assert world.dataset.table("impressions").num_rows == len(kinds)
