"""Item vectors: rows find their items, missing is a mask, content has a name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from penchant.data import vectors
from penchant.data.ids import Ids
from penchant.data.split import split
from penchant.data.tables import Dataset, open_data
from penchant.errors import DataError, UnknownName

ITEMS = Ids(["a", "b", "c", "d"])


def test_rows_find_their_items() -> None:
    found = vectors.from_rows("text", ["c", "zzz", "a"], np.array([[3, 3], [9, 9], [1, 1]]), ITEMS)
    assert found.matrix.dtype == np.float32 and found.dimensions == 2
    assert found.missing.tolist() == [False, True, False, True]
    assert found.matrix[~found.missing].tolist() == [[1, 1], [3, 3]]


def test_zero_is_not_missing_and_nan_is() -> None:
    found = vectors.from_rows(
        "text", ["a", "b", "c", "d"], np.array([[0.0, 0], [1, np.nan], [np.inf, 0], [1, 2]]), ITEMS
    )
    assert found.missing.tolist() == [False, True, True, False]
    assert np.isfinite(found.matrix).all()


def test_the_hash_names_the_content() -> None:
    names, matrix = ["a", "b", "c"], np.arange(6, dtype=np.float32).reshape(3, 2)
    one = vectors.from_rows("text", names, matrix, ITEMS)
    same = vectors.from_rows("text", names[::-1], matrix[::-1], ITEMS, "another source")
    other = vectors.from_rows("text", names, matrix + 1, ITEMS)
    zeros = vectors.from_rows("text", [*names, "d"], np.vstack([matrix, [[0, 0]]]), ITEMS)
    assert one.content_hash == same.content_hash
    assert len({one.content_hash, other.content_hash, zeros.content_hash}) == 3  # a zero row is not a missing one


def test_folder_and_back(tmp_path: Path) -> None:
    made = vectors.from_rows("image", ["d", "a"], np.array([[1.5, 2], [3, 4]]), ITEMS, "a camera")
    vectors.write(tmp_path / "vectors", made, ITEMS)
    found = vectors.read(tmp_path / "vectors", "image", ITEMS)
    assert found.content_hash == made.content_hash and found.source == "a camera"
    assert np.load(tmp_path / "vectors" / "image.npy").shape == (2, 2)  # missing items have no row
    turned = Ids(["d", "c", "b", "a"])
    assert vectors.read(tmp_path / "vectors", "image", turned).matrix[0].tolist() == [1.5, 2]


def shop(arrays: dict[str, np.ndarray]) -> Dataset:
    events = pa.table({"user": ["u", "u", "v"] * 4, "item": list("xxbabxabxbab")})
    items = pa.table({"item": ["b", "a"], "title": ["B", "A"]})
    return Dataset.from_tables("shop", {"events": events, "items": items}, arrays=arrays)


def test_arrays_of_a_data_set_follow_its_items_table(tmp_path: Path) -> None:
    data = shop({"text": np.array([[1.0, 0], [2, 0]]), "audio": np.array([[1.0], [np.nan]])})
    for there in (data, open_data(data.write(tmp_path / "shop"))):
        assert vectors.kinds_of(there) == ("audio", "text")
        found = vectors.of_dataset(there, "text")
        named = dict(zip(there.items.names(range(3)), found.matrix[:, 0].tolist(), strict=True))
        assert (named["a"], named["b"]) == (2.0, 1.0)
        assert found.missing.tolist() == [name == "x" for name in there.items.names(range(3))]
        assert vectors.of_dataset(there, "audio").missing.sum() == 2
        material = split(there, "random").material()
        assert material.vector_kinds == ("audio", "text")
        assert material.vectors("text").content_hash == found.content_hash


def test_a_file_beside_names_the_rows(tmp_path: Path) -> None:
    folder = shop({}).write(tmp_path / "shop")
    vectors.write(folder / "vectors", vectors.from_rows("text", ["a"], np.array([[7.0]]), ITEMS, "by hand"), ITEMS)
    found = vectors.of_dataset(open_data(folder), "text")
    data = open_data(folder)
    assert found.matrix[data.items.lookup(["a"])[0]].tolist() == [7.0]
    assert found.missing.sum() == 2 and found.source == "by hand"


@pytest.mark.parametrize("kind", ["list", "fixed", "columns"])
def test_vectors_from_frames(kind: str) -> None:
    if kind == "columns":
        table = pa.table({"item": ["c", "b"], "x": [1, 3], "y": [2.0, None]})
    else:
        shape = pa.list_(pa.float64()) if kind == "list" else pa.list_(pa.float64(), 2)
        table = pa.table({"item": ["c", "b"], "vector": pa.array([[1, 2], None], shape)})
    found = vectors.from_table("text", table, ITEMS)
    assert found.matrix[2].tolist() == [1, 2] and found.missing.tolist() == [True, True, False, True]


def test_wrong_vectors_get_one_line(tmp_path: Path) -> None:
    def line(call: object, *arguments: object) -> str:
        with pytest.raises((DataError, UnknownName)) as error:
            call(*arguments)  # type: ignore[operator]
        return str(error.value)

    assert (
        line(vectors.of_dataset, shop({"text": np.zeros((2, 2))}), "txt")
        == "no kind of item vectors named 'txt' (nearest is 'text')"
    )
    assert (
        line(vectors.of_dataset, shop({"text": np.zeros((5, 2))}), "text")
        == "vectors 'text' have 5 rows, but 2 items are named"
    )
    assert line(vectors.from_rows, "text", ["a"], np.zeros(3), ITEMS) == (
        "vectors 'text' are float64 [3], they must be numbers [rows, dimensions]"
    )
    ragged = pa.table({"item": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]})
    assert line(vectors.from_table, "text", ragged, ITEMS) == "vectors 'text' are of several lengths, from 1 to 2"
    assert line(vectors.read, tmp_path, "text", ITEMS) == f"{tmp_path / 'text.npy'} is not there"
    np.save(tmp_path / "odd.npy", np.array([{}], object), allow_pickle=True)
    assert line(vectors.read, tmp_path, "odd", ITEMS).startswith(f"{tmp_path / 'odd.npy'} cannot be read as numbers: ")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    assert line(vectors.read, tmp_path, "cut", ITEMS).startswith(f"{tmp_path / 'cut.npy'} cannot be read as numbers: ")
