"""Columns of tables as numbers that a model can take: words, numbers and lists of words, fitted on train rows only.

In `Fields`, 0 stands for "nothing there" and the last id of a field for "a word that train never had"; a number that is
missing is marked so, and is not the number zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from penchant.errors import BadSetting, DataError, UnknownName
from penchant.verbs.batch import Fields, Ragged

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["category", "number", "words"]
KINDS: tuple[Kind, ...] = ("category", "number", "words")
NOT_FIELDS = ("id", "user", "item", "part", "title", "description", "text", "image", "slate", "query", "synthetic")
"""Columns that are not taken unless they are named: ids, free texts, and what says where a row comes from."""


@dataclass(frozen=True)
class Field:
    """One column as fitted.

    kind: category (one word a row), words (several), number. words: those of train, in alphabetical order; word n has
    the id n + 1. mean, scale: a number becomes (value - mean) / scale, after log(1 + value) where `logarithm` says so.
    """

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    mean: float = 0.0
    scale: float = 1.0
    logarithm: bool = False

    @property
    def size(self) -> int:
        """Ids that the field can have: nothing, the words, and a word never seen."""
        return len(self.words) + 2


@dataclass(frozen=True)
class Vocabulary:
    """Fields fitted on some rows of a table; made by `fit`, applied by `fields`.

    Example::

        vocabulary = Vocabulary.fit(table, rows=split.parts["impressions"] == 0)
        fields = vocabulary.fields(table)          # all rows, words that train never had are "unseen"
    """

    columns: tuple[Field, ...] = field(default=())

    @classmethod
    def fit(
        cls, table: pa.Table, columns: Sequence[str] | Mapping[str, Kind | None] | None = None, rows: np.ndarray | None = None,
        min_count: int = 1, logarithm: Sequence[str] = (),
    ) -> Vocabulary:  # fmt: skip
        """Learn words and scales.

        Args:
            table: any table; `attributes.NAME` names one attribute of a column of attributes.
            columns: which to take, and as what where the type alone should not decide (an integer is a number unless
                it is said to be a category). None: all but ids and free texts.
            rows: the train rows: bool[R] or numbers; None: all.
            min_count: a word that occurs less often counts as never seen.
            logarithm: number columns of which log(1 + value) is taken; negative values count as missing there.

        Raises:
            UnknownName: no such column. DataError: a column of a type that makes no field. BadSetting: no such kind.
        """
        wanted = dict.fromkeys(columns) if columns is not None and not isinstance(columns, Mapping) else columns
        train = table if rows is None else table.take(_row_numbers(rows))
        # Names of attributes are data too: they are read from train rows.
        named: Mapping[str, Kind | None] = wanted if wanted is not None else dict.fromkeys(_takeable(train))
        fitted = []
        for name, kind in named.items():
            column = _column(train, name)
            found = _kind_of(name, column, kind)
            if found == "number":
                fitted.append(_fit_number(name, column, name in logarithm))
            else:
                words = _flat(column)[0] if found == "words" else _texts(column)
                fitted.append(Field(name, found, _common(words, min_count)))
        return cls(tuple(fitted))

    def _of(self, kind: Kind) -> list[Field]:
        return [column for column in self.columns if column.kind == kind]

    @property
    def categories(self) -> list[str]:
        """Names of the columns of `Fields.categorical`, in order."""
        return [column.name for column in self._of("category")]

    @property
    def numbers(self) -> list[str]:
        """Names of the columns of `Fields.numeric`, in order."""
        return [column.name for column in self._of("number")]

    @property
    def sizes(self) -> list[int]:
        """Ids of each categorical column: its words, nothing and never seen."""
        return [column.size for column in self._of("category")]

    @property
    def multi_sizes(self) -> dict[str, int]:
        """Ids of each column of several words."""
        return {column.name: column.size for column in self._of("words")}

    def fields(self, table: pa.Table, rows: np.ndarray | None = None) -> Fields:
        """Rows as fields: categorical int32[R,F], numeric float32[R,G] (0 where missing), missing bool[R,G], multi.

        Args:
            table: with the columns that were fitted; one that is not there counts as missing in every row.
            rows: bool or numbers, in the order wanted; None: all.
        """
        table = table if rows is None else table.take(_row_numbers(rows))
        number = len(table)
        categories, numbers = self._of("category"), self._of("number")
        categorical = np.zeros((number, len(categories)), np.int32)
        numeric = np.zeros((number, len(numbers)), np.float32)
        missing = np.ones((number, len(numbers)), bool)
        for place, column in enumerate(categories):
            if _has(table, column.name):
                categorical[:, place] = _ids(_texts(_column(table, column.name)), column)
        for place, column in enumerate(numbers):
            if _has(table, column.name):
                values = _values(_column(table, column.name), column.logarithm)
                missing[:, place] = np.isnan(values)
                numeric[:, place] = np.where(missing[:, place], 0.0, (values - column.mean) / column.scale)
        multi = {}
        for column in self._of("words"):
            if _has(table, column.name):
                words, offsets = _flat(_column(table, column.name))
                multi[column.name] = Ragged(_ids(words, column), offsets)
            else:
                multi[column.name] = Ragged.empty(number)
        return Fields(categorical, numeric, missing, multi)

    def word(self, name: str, number: int) -> str | None:
        """The word of an id of a field; None for nothing and for never seen."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise UnknownName("field", name, [column.name for column in self.columns])
        return found.words[number - 1] if 1 <= number <= len(found.words) else None

    def state(self) -> list[dict[str, Any]]:
        """As JSON values."""
        return [{**asdict(column), "words": list(column.words)} for column in self.columns]

    @classmethod
    def restore(cls, state: Sequence[Mapping[str, Any]]) -> Vocabulary:
        """From what `state` gave."""
        return cls(tuple(Field(**{**entry, "words": tuple(entry["words"])}) for entry in state))


# ---------------------------------------------------------------------- columns
def _row_numbers(rows: np.ndarray) -> pa.Array:
    import pyarrow as pa

    rows = np.asarray(rows)
    return pa.array(np.flatnonzero(rows) if rows.dtype == bool else rows)


def _takeable(table: pa.Table) -> list[str]:
    import pyarrow as pa

    names: list[str] = []
    for column in table.schema:
        if column.name in NOT_FIELDS:
            continue
        if pa.types.is_map(column.type):
            found = {name for row in table[column.name].to_pylist() for name, _ in row or ()}
            names += [f"{column.name}.{name}" for name in sorted(found)]
        elif not pa.types.is_nested(column.type) or pa.types.is_list(column.type):
            names.append(column.name)
    return names


def _has(table: pa.Table, name: str) -> bool:
    return name in table.column_names or name.partition(".")[0] in table.column_names


def _column(table: pa.Table, name: str) -> pa.Array:
    import pyarrow as pa

    head, _, attribute = name.partition(".")
    if name in table.column_names:
        column = table[name].combine_chunks()
        return (
            column
            if isinstance(column, pa.Array)
            else pa.concat_arrays(column.chunks)
            if column.num_chunks
            else pa.array([], column.type)
        )
    if head not in table.column_names or not pa.types.is_map(table.schema.field(head).type):
        raise UnknownName("column", name, table.column_names)
    rows = [dict(row).get(attribute) if row else None for row in table[head].to_pylist()]
    return pa.array(
        [None if row is None else list(row) if isinstance(row, list | tuple) else [row] for row in rows],
        pa.list_(pa.string()),
    )


def _kind_of(name: str, column: pa.Array, asked: Kind | None) -> Kind:
    import pyarrow as pa

    kind = column.type
    if asked is not None and asked not in KINDS:
        raise BadSetting("fields", name, f"one of {', '.join(KINDS)}", asked)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        found: Kind = "words"
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise DataError(f"column {name!r} is {kind}: no field can be made of it")
    elif (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    ):
        found = "number"
    else:
        found = "category"
    if asked is None or asked == found:
        return found
    if asked == "category" and found == "number":
        return "category"
    raise DataError(f"column {name!r} is {kind}: it cannot be taken as {asked}")


def _texts(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    return column.cast(pa.string())


def _flat(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The words of all rows behind each other, and where each row starts, int64[R+1]."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return _texts(pc.list_flatten(column)), np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def _values(column: pa.Array, logarithm: bool) -> np.ndarray:
    """A number column as float64, NaN where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("ms")).cast(pa.int64())
    values = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    values = np.where(np.isfinite(values), values, np.nan)
    if not logarithm:
        return values
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values >= 0, np.log1p(values), np.nan)


def _fit_number(name: str, column: pa.Array, logarithm: bool) -> Field:
    values = _values(column, logarithm)
    values = values[~np.isnan(values)]
    if not len(values):
        return Field(name, "number", logarithm=logarithm)
    spread = float(values.std())
    return Field(name, "number", mean=float(values.mean()), scale=spread if spread > 0 else 1.0, logarithm=logarithm)


def _common(words: pa.Array, min_count: int) -> tuple[str, ...]:
    import pyarrow.compute as pc

    counted = pc.value_counts(words.drop_null())
    return tuple(sorted(entry["values"] for entry in counted.to_pylist() if entry["counts"] >= min_count))


def _ids(words: pa.Array, column: Field) -> np.ndarray:
    """int32: 0 where there is nothing, n + 1 for word n, the last id for a word that train never had."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(words, value_set=pa.array(column.words, pa.string()))
    ids = pc.fill_null(found, len(column.words)).to_numpy(zero_copy_only=False).astype(np.int32) + 1
    ids[words.is_null().to_numpy(zero_copy_only=False)] = 0
    return ids
