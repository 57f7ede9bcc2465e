"""The values of one column in the two samples that are compared, as numbers or as shares of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

Kind = Literal["numbers", "times", "categories"]

MISSING = "(missing)"
"""The name under which the rows without a value are a category."""

MOST_CATEGORIES, FEW_CATEGORIES = 1000, 20
"""A column of more values is a text, and the share of one of them tells nothing; so is one of more than few, where most
rows have a value of their own."""


@dataclass(frozen=True)
class Numbers:
    """The values that are there.

    Attributes
    ----------
    train, target : (n,) and (m,), finite; of times the seconds since 1970.
    weights : (n,) of the training rows, where there are any.
    missing : the share of the rows of either that have no finite value.
    """

    train: np.ndarray
    target: np.ndarray
    weights: np.ndarray | None
    missing: tuple[float, float]


@dataclass(frozen=True)
class Categories:
    """The share of each category, what is missing being one of them.

    Attributes
    ----------
    names : (k,) the categories, in the order in which they occur.
    shares : (2, k) of the training rows and of the target or, with weights, (3, k): of the weighted training rows too.
    rows : how many rows either has.
    missing : the share of the rows of either that have no value.
    """

    names: list[str]
    shares: np.ndarray
    rows: tuple[int, int]
    missing: tuple[float, float]


def kind_of(train: pa.DataType, target: pa.DataType) -> Kind | str:
    """Gives how two types are compared; where they cannot be, what is in the way, as "it holds list<item: double>"."""
    kinds = [_kind(of) for of in (train, target)]
    if None in kinds:
        return f"it holds {train if kinds[0] is None else target}"
    if kinds[0] != kinds[1]:
        return f"it holds {kinds[0]} in training and {kinds[1]} in the target"
    assert kinds[0] is not None
    return kinds[0]


def _kind(of: pa.DataType) -> Kind | None:
    types = pa.types
    if types.is_integer(of) or types.is_floating(of) or types.is_decimal(of):
        return "numbers"
    if types.is_timestamp(of) or types.is_date(of):
        return "times"
    if types.is_dictionary(of):
        return None if types.is_nested(of.value_type) else "categories"
    texts = (types.is_boolean, types.is_string, types.is_large_string, types.is_string_view)
    return "categories" if any(is_text(of) for is_text in texts) else None


def numbers(train: pa.ChunkedArray, target: pa.ChunkedArray, weights: np.ndarray | None) -> Numbers:
    """Gives the finite values of a column of numbers or times."""
    sides = [_as_floats(train), _as_floats(target)]
    there = [np.isfinite(side) for side in sides]
    return Numbers(
        sides[0][there[0]],
        sides[1][there[1]],
        None if weights is None else weights[there[0]],
        (1 - _share(there[0]), 1 - _share(there[1])),
    )


def categories(train: pa.ChunkedArray, target: pa.ChunkedArray, weights: np.ndarray | None) -> Categories | str:
    """Gives the shares of a column's values; of one that has too many to be told by name what it is."""
    rows = len(train), len(target)
    text = [chunk for side in (train, target) for chunk in _as_text(side).chunks]
    coded = pa.chunked_array(text, pa.large_string()).combine_chunks().dictionary_encode("encode")
    names, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False)
    if len(names) > MOST_CATEGORIES or (len(names) > FEW_CATEGORIES and 2 * len(names) > sum(rows)):
        return f"it is a text of {len(names):,} different values"
    counts = [np.bincount(part, minlength=len(names)) for part in (codes[: rows[0]], codes[rows[0] :])]
    if weights is not None:
        counts.append(np.bincount(codes[: rows[0]], weights, minlength=len(names)))
    shares = np.stack([count / max(count.sum(), 1e-300) for count in counts])
    gone = names.index(None) if None in names else None
    missing = (0.0, 0.0) if gone is None else (float(shares[0, gone]), float(shares[1, gone]))
    return Categories([MISSING if name is None else name for name in names], shares, rows, missing)


def _as_floats(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64()).cast(
            pa.float64(), safe=False
        ).to_numpy() / 1e6  # fmt: skip
    return column.cast(pa.float64(), safe=False).to_numpy()


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string())


def _share(there: np.ndarray) -> float:
    return float(there.mean()) if len(there) else 0.0
