"""Columns that say nothing: empty, constant, nearly so, or a copy of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penchant.data.audit import Finding
from penchant.data.semantics import attributes_of

if TYPE_CHECKING:
    from penchant.data.audit_events import Check
    from penchant.data.tables import Dataset

NEARLY, ENOUGH = 0.995, 200
"""Share of one value that makes a column of so many rows nearly constant."""
LEFT_OUT = ("part", "synthetic", "kind")
"""Columns that say where a row comes from: nobody learns from them."""


def scalars(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns with one value a row, as text where they were lists of one; attributes by `attributes.NAME`."""
    found: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        values = table[name]
        if pa.types.is_map(values.type):
            parts = {f"{name}.{key}": column for key, column in attributes_of(values).items()}
        else:
            parts = {name: values}
        for one, column in parts.items():
            if pa.types.is_list(column.type):
                # All lists of a row as one text: a path of categories is one value.
                if not pa.types.is_string(column.type.value_type):
                    continue
                column = pc.binary_join(column, " > ")
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if not pa.types.is_nested(column.type):
                found[one] = column
    return found


def codes(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """A number a distinct value in order of first appearance, int64[n] (-1 where null), and how many there are."""
    if not len(column):
        return np.empty(0, np.int64), 0
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    numbers = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy()
    return numbers, len(encoded.dictionary)


def columns(dataset: Dataset, seed: int) -> list[Finding] | str:
    """Empty, constant, nearly constant and copied columns of every table."""
    found: list[Finding] = []
    for name in dataset.table_names:
        found += _of_table(name, dataset.table(name))
    return found


def _of_table(name: str, table: pa.Table) -> list[Finding]:
    if len(table) < 2:
        return []
    found: list[Finding] = []
    alike: dict[bytes, list[str]] = {}
    kept = scalars(table)
    for column, values in kept.items():
        if column in LEFT_OUT:
            continue
        numbers, levels = codes(values)
        there = numbers[numbers >= 0]
        if levels == 0:
            found.append(_says_nothing("empty_column", name, column, "is empty", len(table), 1.0))
            continue
        if levels == 1 and len(there) == len(numbers):
            found.append(
                _says_nothing("constant_column", name, column, "has the same value in every row", len(table), 1.0)
            )
            continue
        top = int(np.bincount(there).max())
        if len(there) >= ENOUGH and levels > 1 and top / len(there) >= NEARLY:
            share = top / len(there)
            found.append(
                _says_nothing("near_constant_column", name, column, f"has one value in {share:.2%} of rows", top, share)
            )
        if levels > 1:
            # Where every row is different, only equal values make a copy; else equal numbers do.
            mark = numbers.tobytes() if levels < len(there) else "\1".join(_texts(values)).encode()
            alike.setdefault(mark, []).append(column)
    for group in alike.values():
        for other in group[1:]:
            equal = _texts(kept[group[0]]) == _texts(kept[other])
            found.append(Finding(
                "warning" if equal else "note", "copied_column" if equal else "recoded_column",
                f"{'is a copy of' if equal else 'says the same as'} {group[0]}", name,
                "leave one of them out: together they count twice", other, len(table), 1.0,
            ))  # fmt: skip
    return found


def _texts(values: pa.ChunkedArray) -> list[str]:
    return [text if text is not None else "\0" for text in values.cast(pa.string()).to_pylist()]


def _says_nothing(kind: str, table: str, column: str, what: str, number: int, share: float) -> Finding:
    return Finding("note", kind, what, table, "it says nothing: leave it out", column, number, share)


CHECKS: dict[str, Check] = {"columns that say nothing, and copies": columns}
