"""Columns of any type as the encoder's parts take them: numbers as doubles, instants in UTC, categories as texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.columns import Scale, canonical, is_missing, numbers_of, scale_of
from ballast.errors import DataError
from ballast.words import plural

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("number", "truth", "time of day", "duration")
"""What is a number a cell; instants go to the transformer, which makes months, days and hours of them."""


def numbers(frame: pd.DataFrame, columns: list[str], scales: dict[str, Scale], name: str) -> np.ndarray:
    """Gives columns (n, k) as float64: numbers, truths, seconds of times of day and durations; text is read as numbers.

    ``scales`` says what the columns held in training, numbers where it does not; DataError for what they now hold else.
    """
    part = frame[columns]
    plain = all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in part.dtypes)
    if plain and not {"time of day", "duration"} & {scales.get(column) for column in columns}:
        return part.to_numpy(dtype=np.float64)
    found = np.empty((len(frame), len(columns)))
    for j, column in enumerate(columns):
        found[:, j] = _numbers(frame[column], scales.get(column, "number"), name)
    return found


def _numbers(column: pd.Series, wanted: Scale, name: str) -> np.ndarray:
    import pandas as pd

    scale = scale_of(column)
    if scale in (wanted, "empty") or {scale, wanted} == {"number", "truth"}:
        return numbers_of(column)
    if scale == "category" and wanted in ("number", "truth"):
        texts = pd.Series(canonical(column))
        read = pd.to_numeric(texts, errors="coerce")
        bad = read.isna() & texts.notna()
        if not bad.any():
            return read.to_numpy(dtype=np.float64)
        raise DataError(
            f"column {column.name!r} of {name} holds {plural(int(bad.sum()), 'value')} in {len(column)} rows that are "
            f"not numbers, such as {column[bad.to_numpy()].iloc[0]!r}; clean them, or drop the column"
        )
    raise _other(column, scale, wanted, name)


def _other(column: pd.Series, scale: Scale, wanted: Scale, name: str) -> DataError:
    words = {"category": "categories", "time of day": "times of day", "nested": "nested values"}
    held, trained = (words.get(kind, f"{kind}s") for kind in (scale, wanted))
    return DataError(
        f"column {column.name!r} of {name} holds {held} ({column.dtype}), and {trained} in the training table; give "
        "both the same type"
    )


def prepared(column: pd.Series, wanted: Scale | None, name: str) -> pd.Series:
    """Gives a column as the transformer takes it: instants as datetimes in UTC, categories as texts.

    ``wanted`` is what the column held in training, None where that is not known: then it is left as it is. A
    Categorical stays one. Numbers keep numpy's types, those of other libraries become doubles. DataError for what is
    not an instant where there were instants, but for text, which is read as such.
    """
    import pandas as pd

    scale = scale_of(column)
    if wanted == "instant" and scale not in ("instant", "category", "empty"):
        raise _other(column, scale, wanted, name)
    if wanted is None or (isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"):
        return column
    values: object
    if scale == "instant":
        values = _stamps(numbers_of(column))
    elif scale in NUMBERS and wanted != "category":
        values = numbers_of(column)
    elif scale == "empty" and wanted == "instant":
        values = np.full(len(column), np.datetime64("NaT", "us"))
    elif scale in ("nested", "empty"):
        return column
    else:
        values = canonical(column)
    found = pd.Series(values, index=column.index, name=column.name)
    return found.astype("category") if isinstance(column.dtype, pd.CategoricalDtype) else found


def _stamps(seconds: np.ndarray) -> np.ndarray:
    missing = np.isnan(seconds)
    microseconds = np.rint(np.where(missing, 0, seconds) * 1e6).astype(np.int64)
    return np.where(missing, np.datetime64("NaT"), microseconds.astype("datetime64[us]"))


def occurring(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gives which of a column's k different values each row holds (n,), and the first row of each (k,).

    A missing value is one of them.
    """
    import pandas as pd
    import pyarrow as pa

    from ballast.compute.arrow import plain

    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
    else:
        try:
            values = plain(pa.array(column, from_pandas=True))
        except (pa.ArrowException, TypeError, OverflowError):  # of several types
            values = pa.array(canonical(column))
        encoded = (values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values).dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy()
    codes = codes.astype(np.int64) + 1
    first = np.full(codes.max(initial=0) + 1, -1)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    there = first >= 0
    return (np.cumsum(there) - 1)[codes], first[there]


def check_cells(column: pd.Series) -> None:
    """Raises DataError for a column that holds several values a cell."""
    if scale_of(column) != "nested":
        return
    nested = (lists := column[~is_missing(column)]).map(lambda cell: not np.isscalar(cell) or isinstance(cell, complex))
    count = int(nested.sum()) if column.dtype == object else len(lists)
    raise DataError(
        f"column {column.name!r} holds lists, arrays or mappings in {count} of {len(column)} rows; spread it over one "
        "column per number and name those under embeddings, or drop it"
    )


def texts(column: pd.Series) -> list[str]:
    """Gives the texts of a column, empty where a value is missing."""
    return ["" if text is None else text for text in canonical(column)]
