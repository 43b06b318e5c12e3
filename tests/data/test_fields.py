"""Fields: words of train only, nothing and never seen told apart, missing unlike zero."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.fields import Vocabulary
from penchant.data.schema import ATTRIBUTES
from penchant.errors import BadSetting, DataError, UnknownName

TABLE = pa.table(
    {
        "item": ["a", "b", "c", "d", "e"], "brand": ["x", "y", None, "x", "z"], "price": [0.0, 2.0, None, 4.0, 100.0],
        "stock": [1, 2, 3, 4, 5], "tags": [["p", "q"], [], None, ["q", "q"], ["r"]], "new": [True, False, None, True, True],
        "attributes": pa.array([[("colour", ["red"])], None, [("colour", ["blue", "red"])], [], [("size", ["L"])]], ATTRIBUTES),
        "title": ["free", "text", "is", "no", "field"],
    }
)  # fmt: skip
TRAIN = np.array([True, True, True, True, False])


def test_what_the_types_say() -> None:
    found = Vocabulary.fit(TABLE, rows=TRAIN)
    kinds = {column.name: column.kind for column in found.columns}
    assert kinds == {
        "brand": "category", "price": "number", "stock": "number", "tags": "words", "new": "category",
        "attributes.colour": "words",
    }  # fmt: skip  # size occurs in no train row
    assert Vocabulary.fit(TABLE, {"stock": "category"}, TRAIN).sizes == [6]


def test_words_of_train_only() -> None:
    vocabulary = Vocabulary.fit(TABLE, ["brand", "tags", "attributes.colour"], TRAIN)
    fields = vocabulary.fields(TABLE)
    assert fields.categorical[:, 0].tolist() == [1, 2, 0, 1, 3]  # nothing is 0, z was never seen: the last id
    assert vocabulary.sizes == [4] and vocabulary.multi_sizes == {"tags": 4, "attributes.colour": 4}
    assert [fields.multi["tags"].row(n).tolist() for n in range(5)] == [[1, 2], [], [], [2, 2], [3]]
    assert [fields.multi["attributes.colour"].row(n).tolist() for n in range(5)] == [[2], [], [1, 2], [], []]
    assert [vocabulary.word("brand", n) for n in range(4)] == [None, "x", "y", None]


def test_missing_is_unlike_zero() -> None:
    fields = Vocabulary.fit(TABLE, ["price"], TRAIN).fields(TABLE)
    assert fields.missing[:, 0].tolist() == [False, False, True, False, False]
    assert fields.numeric[2, 0] == 0 and fields.numeric[0, 0] == pytest.approx(-2 / np.std([0, 2, 4]))


def test_scales_come_from_train_only() -> None:
    fields = Vocabulary.fit(TABLE, ["price"], TRAIN).fields(TABLE, np.flatnonzero(TRAIN))
    known = fields.numeric[~fields.missing]
    assert known.mean() == pytest.approx(0, abs=1e-6) and known.std() == pytest.approx(1, rel=1e-6)
    one, two = Vocabulary.fit(TABLE, rows=TRAIN), Vocabulary.fit(TABLE.slice(0, 4))
    assert one == two


def test_logarithm_and_rare_words() -> None:
    vocabulary = Vocabulary.fit(TABLE, ["price", "brand"], logarithm=["price"], min_count=2)
    assert vocabulary.columns[0].mean == pytest.approx(np.mean(np.log1p([0, 2, 4, 100])))
    assert vocabulary.columns[1].words == ("x",)
    assert vocabulary.fields(TABLE).categorical[:, 0].tolist() == [1, 2, 0, 1, 2]


def test_a_constant_or_empty_column_makes_no_nan() -> None:
    table = pa.table({"same": [3.0, 3.0], "empty": pa.array([None, None], pa.float64()), "odd": [np.nan, np.inf]})
    fields = Vocabulary.fit(table).fields(table)
    assert np.isfinite(fields.numeric).all() and fields.missing.tolist() == [[False, True, True]] * 2


def test_a_column_that_is_gone_counts_as_missing() -> None:
    fields = Vocabulary.fit(TABLE, ["brand", "price", "tags"]).fields(TABLE.select(["item"]))
    assert not fields.categorical.any() and fields.missing.all() and len(fields.multi["tags"].values) == 0


def test_json_and_back() -> None:
    vocabulary = Vocabulary.fit(TABLE)
    assert Vocabulary.restore(json.loads(json.dumps(vocabulary.state()))) == vocabulary


@given(st.permutations(range(5)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    turned = TABLE.take(pa.array(order))
    one, two = Vocabulary.fit(TABLE), Vocabulary.fit(turned)
    assert [c.words for c in one.columns] == [c.words for c in two.columns]
    assert np.array_equal(one.fields(TABLE).categorical[order], two.fields(turned).categorical)


def test_what_makes_no_field() -> None:
    with pytest.raises(UnknownName) as unknown:
        Vocabulary.fit(TABLE, ["brnd"])
    assert str(unknown.value) == "no column named 'brnd' (nearest is 'brand')"
    with pytest.raises(BadSetting) as bad:
        Vocabulary.fit(TABLE, {"brand": "colour"})  # type: ignore[dict-item]
    assert str(bad.value) == "setting 'brand' of fields: one of category, number, words, given 'colour'"
    with pytest.raises(DataError) as error:
        Vocabulary.fit(TABLE, {"brand": "number"})
    assert str(error.value) == "column 'brand' is string: it cannot be taken as number"
    with pytest.raises(DataError) as error:
        Vocabulary.fit(pa.table({"s": [{"a": 1}]}), ["s"])
    assert str(error.value) == "column 's' is struct<a: int64>: no field can be made of it"
