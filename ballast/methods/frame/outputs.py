"""What a call gives back: held to its role's contract, and under the rows' labels where these came in a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.words import plural


def one_a_row(owner: str, what: str, values: Any, n: int | None) -> np.ndarray:
    """Gives (n,) finite numbers; DataError where there are others, or another number of them."""
    array = np.asarray(values)
    if array.ndim != 1 or (n is not None and len(array) != n):
        raise DataError(f"{owner} gave {what} of shape {array.shape}, but one number per row was expected ({n} rows)")
    if not np.isfinite(array).all():
        raise DataError(f"{owner} gave {int((~np.isfinite(array)).sum())} NaN or infinite {what} for {len(array)} rows")
    return array


def weights_a_row(owner: str, values: Any, n: int | None) -> np.ndarray:
    """Gives (n,) finite weights of a float type, none below 0."""
    array = one_a_row(owner, "weights", values, n)
    if (array < 0).any():
        raise DataError(f"{owner} gave {plural(int((array < 0).sum()), 'negative weight')} for {len(array)} rows")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def n_rows(arguments: Mapping[str, Any]) -> int | None:
    """Gives the number of the sample's rows that a call was given; None where it was given none."""
    value = _of_sample(arguments)
    return None if value is None else len(value)


def labelled(values: np.ndarray, name: str, given: Mapping[str, Any]) -> Any:
    """Gives numbers, one a row, as a Series under the rows' index where these were given in pandas' objects."""
    rows = _of_sample(given)
    return values if not _is_pandas(rows) else _series(values, rows.index, name)


def flagged(values: np.ndarray, scores: Any) -> Any:
    """Gives flags (n,) under the index of their scores, where these have one."""
    return values if not _is_pandas(scores) else _series(values, scores.index, "flagged")


def resampled(result: Any, indices: np.ndarray, given: Mapping[str, Any]) -> Any:
    """Gives (X, y) of rows drawn from a frame as a frame and a Series under the labels of the rows that they are of."""
    import pandas as pd

    (X, y), frame = result, given.get("X")
    if not isinstance(frame, pd.DataFrame):
        return result
    index = frame.index[indices]
    if y is not None:
        y = _series(y, index, getattr(given.get("y"), "name", None))
    return pd.DataFrame(X, index, frame.columns), y


def _of_sample(given: Mapping[str, Any]) -> Any:
    """Gives the first of the arguments over the sample's rows; of one that has several entries the first."""
    for name, value in given.items():
        term = VOCABULARY.get(name)
        if term is not None and term.rows == "sample" and value is not None:
            return next(iter(value.values())) if isinstance(value, dict) else value
    return None


def _is_pandas(value: Any) -> TypeGuard[Any]:
    return hasattr(value, "iloc")


def _series(values: np.ndarray, index: Any, name: Any) -> Any:
    import pandas as pd

    return pd.Series(values, index=index, name=name)
