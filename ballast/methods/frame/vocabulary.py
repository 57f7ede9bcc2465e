"""The one list of names by which methods ask for data.

A method names what it needs by the arguments of ``fit``, ``test``, ``assess``, ``score_samples``, ``weigh`` or
``fit_resample``. Each name stands here once, with its shape, its check and where a pipeline gets it from, so that
the graph builder wires a method by its signature alone and every method refuses bad input in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.errors import DataError
from ballast.words import listed, plural

if TYPE_CHECKING:
    import pandas as pd

Check = Callable[[Any, str], Any]
ENCODED = ("X", "X_target")
"""What ``ballast.Encoder`` makes of tables."""


@dataclass(frozen=True)
class Term:
    """A name of the vocabulary.

    Attributes
    ----------
    about : what it holds, with its shape and dtype.
    rows : the rows it runs over: "sample" (those a method is fitted on or judges), "target" or None.
        All arguments over the same rows must be equally long and in the same order.
    source : the upstream of a pipeline that provides it.
    check : turns what was given into what the method gets, or raises DataError.
    """

    about: str
    rows: str | None
    source: str
    check: Check


def _array(value: Any, name: str, ndim: int) -> np.ndarray:
    if hasattr(value, "toarray"):
        raise DataError(f"{name} is a sparse matrix; methods take dense ones: pass {name}.toarray()")
    array = np.asarray(value)
    if array.ndim != ndim:
        shape = {1: "one-dimensional (n,)", 2: "two-dimensional (n, d)"}[ndim]
        raise DataError(f"{name} must be {shape}, got shape {array.shape}")
    if array.shape[0] == 0:
        raise DataError(f"{name} is empty (0 rows); at least one row is needed")
    return array


def _numbers(value: Any, name: str, ndim: int) -> np.ndarray:
    array = _array(value, name, ndim)
    if array.dtype not in (np.float32, np.float64):
        import pandas as pd

        try:
            if array.dtype.kind not in "biufO":
                raise TypeError("not a number")
            if array.dtype.kind == "O":  # pandas' own NA is not a number to NumPy
                array = np.where(np.asarray(pd.isna(array)), np.nan, array)
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            if name.rpartition(": ")[2] in ENCODED:
                raise DataError(
                    f"{name} must hold numbers, and {_others(value, array)}; encode it first:\n"
                    "    encoder = ballast.Encoder().fit(X)\n"
                    "    X, X_target = encoder.transform(X), encoder.transform(X_target)"
                ) from error
            raise DataError(f"{name} must hold numbers, got dtype {array.dtype}") from error
    return np.ascontiguousarray(array)


def _others(value: Any, array: np.ndarray) -> str:
    """Gives the columns of a matrix that hold something else than numbers, with the first such value, in words."""
    names = list(getattr(value, "columns", range(array.shape[1])))
    others = {repr(name): column for name, column in zip(names, array.T, strict=True) if not _are_numbers(column)}
    first = next(iter(others.values()))
    cell = next((cell for cell in first[:, None] if not _are_numbers(cell)), first[:1]).tolist()[0]
    many = len(others) > 1
    which = f"column{'s' if many else ''} {listed(others)} hold{'' if many else 's'}"
    return f"{which} something else, such as {cell!r}"


def _are_numbers(values: np.ndarray) -> bool:
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return values.dtype.kind == "O"


def finite(value: Any, name: str, ndim: int = 2) -> np.ndarray:
    """Gives a C-contiguous float array; DataError counts NaN and infinite values and names their columns."""
    array = _numbers(value, name, ndim)
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()
    if not np.isfinite(total):  # one pass decides; the sum may overflow, so look again before refusing
        bad = ~np.isfinite(array)
        if bad.any():
            where = ""
            if ndim == 2:
                columns = list(getattr(value, "columns", range(array.shape[1])))
                hit = [str(columns[j]) for j in np.flatnonzero(bad.any(axis=0))]
                where = f" in column{'s' if len(hit) > 1 else ''} {listed(hit)}"
            n_rows = int(bad.any(axis=1).sum()) if ndim == 2 else int(bad.sum())
            raise DataError(
                f"{name} holds {plural(int(bad.sum()), 'NaN or infinite value')} in {n_rows} of {len(array)} "
                f"rows{where}; impute or drop them first"
            )
    return array


def matrix(value: Any, name: str) -> np.ndarray:
    array = finite(value, name)
    if array.shape[1] == 0:
        raise DataError(f"{name} has no columns; at least one is needed")
    return array


def labels(value: Any, name: str) -> np.ndarray:
    """Gives a one-dimensional array of labels or targets without missing values."""
    import pandas as pd

    array = _array(value, name, 1)
    missing = np.asarray(pd.isna(array))
    if missing.any():
        raise DataError(
            f"{name} has {plural(int(missing.sum()), 'missing value')} in {len(array)} rows; drop or fill those rows "
            "first"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{name} holds {plural(int((~np.isfinite(array)).sum()), 'infinite value')}")
    return array


def units(value: Any, name: str) -> np.ndarray:
    """Gives the unit of each row (n,), or the units (n, p) of rows that are made of several, none missing."""
    if np.ndim(value) != 2:
        return labels(value, name)
    columns = np.asarray(value)
    if columns.shape[1] == 0:
        raise DataError(f"{name} has no columns; at least one is needed")
    return np.stack([labels(column, name) for column in columns.T], axis=1)


def flags(value: Any, name: str) -> np.ndarray:
    """Gives (n,) bool of a column of true and false, or of 1 and 0, without missing values."""
    import pandas as pd

    array = labels(value, name)
    known = np.asarray(pd.Series(array).isin([0, 1]))
    if not known.all():
        raise DataError(
            f"{name} must hold true and false (or 1 and 0); {int((~known).sum())} of {len(array)} rows hold something "
            f"else, such as {array[~known][0]!r}"
        )
    return array.astype(bool)


def sample_weight(value: Any, name: str) -> np.ndarray:
    """Gives finite weights, none below zero and not all zero."""
    array = finite(value, name, 1)
    if (array < 0).any():
        raise DataError(
            f"{name} has {plural(int((array < 0).sum()), 'negative weight')} in {len(array)} rows; weights are >= 0"
        )
    if not array.sum() > 0:
        raise DataError(f"{name} sums to zero over {len(array)} rows; at least one row needs a positive weight")
    return array


def probabilities(value: Any, name: str) -> np.ndarray:
    """Gives (n, n_classes) probabilities whose rows sum to one."""
    array = matrix(value, name)
    if array.min() < -1e-6 or array.max() > 1 + 1e-6:
        raise DataError(f"{name} must lie in [0, 1], got values in [{array.min():.4g}, {array.max():.4g}]")
    sums = array @ np.ones(array.shape[1], dtype=array.dtype)  # half the time of array.sum(axis=1)
    if np.abs(sums - 1).max() > 1e-3:
        off = int((np.abs(sums - 1) > 1e-3).sum())
        raise DataError(f"{name}: {off} of {len(array)} rows do not sum to 1; pass probabilities of all classes")
    return array


def table(value: Any, name: str) -> pd.DataFrame:
    """Gives a DataFrame of raw columns; an array gets the column names x0, x1, ..."""
    import pandas as pd

    if hasattr(value, "to_pandas"):  # Polars' and Arrow's
        value = value.to_pandas()
    if not isinstance(value, pd.DataFrame):
        array = np.asarray(value)
        if array.ndim != 2:
            raise DataError(f"{name} must be a table or a two-dimensional array, got shape {array.shape}")
        value = pd.DataFrame(array, columns=pd.Index([f"x{j}" for j in range(array.shape[1])]))
    if len(value) == 0:
        raise DataError(f"{name} is empty (0 rows); at least one row is needed")
    if value.shape[1] == 0:
        raise DataError(f"{name} has no columns; at least one is needed")
    return value


def _mapping(check: Check, single: str) -> Check:
    def checked(value: Any, name: str) -> dict[str, Any]:
        given = value if isinstance(value, Mapping) else {single: value}
        if not given:
            raise DataError(f"{name} is empty; at least one entry is needed")
        return {str(key): check(item, f"{name}[{key!r}]") for key, item in given.items()}

    return checked


def _object(value: Any, name: str) -> Any:
    return value


def _column(value: Any, name: str) -> np.ndarray:
    return _array(value, name, 1)


VOCABULARY: dict[str, Term] = {
    "X": Term("Encoded features, (n, d) float32 or float64, finite.", "sample", "features", matrix),
    "X_target": Term("Encoded features of the target, (m, d).", "target", "features", matrix),
    "table": Term("Raw columns before encoding, a DataFrame of n rows.", "sample", "table", table),
    "table_target": Term("Raw columns of the target, a DataFrame of m rows.", "target", "table", table),
    "y": Term("Labels or target values, (n,), none missing.", "sample", "label", labels),
    "y_target": Term("Labels of the target's rows, (m,).", "target", "label", labels),
    "sample_weight": Term("One weight >= 0 a row, (n,).", "sample", "weights", sample_weight),
    "sample_weights": Term(
        "Weight tables by name, each (n,); one array alone is named 'weights'.",
        "sample",
        "weights",
        _mapping(sample_weight, "weights"),
    ),
    "weight_gradient": Term(
        "How much each weight changes for a standard error of the weights' fit, in k uncorrelated directions, (n, k).",
        "sample",
        "influence",
        matrix,
    ),
    "weight_influence": Term(
        "What each row adds to the error of the weights' fit in those directions, in standard errors, (n, k).",
        "sample",
        "influence",
        matrix,
    ),
    "true_weight": Term("The known right weight of each row, (n,).", "sample", "true_weight", sample_weight),
    "groups": Term("Domain, subgroup or source of each row, (n,).", "sample", "groups", labels),
    "groups_target": Term("Domain of each of the target's rows, (m,).", "target", "groups", labels),
    "time": Term("When each row was observed, (n,), sortable.", "sample", "time", labels),
    "time_target": Term("When each of the target's rows was observed, (m,).", "target", "time", labels),
    "dependence": Term(
        "The unit that each row is of, (n,): rows of one are not independent. Of rows made of others those of all "
        "their parents, (n, p).",
        "sample",
        "dependence",
        units,
    ),
    "dependence_target": Term("The unit that each of the target's rows is of, (m,).", "target", "dependence", labels),
    "design_weight": Term(
        "How many of the population each row stands for, on any scale, (n,): survey weights.",
        "sample",
        "weight",
        sample_weight,
    ),
    "design_weight_target": Term("The design weights of the target's rows, (m,).", "target", "weight", sample_weight),
    "treatment": Term("The treatment each row received, (n,).", "sample", "treatment", labels),
    "observed": Term("Whether each row's outcome was observed, (n,).", "sample", "observed", flags),
    "outcome": Term("The outcome observed for each row, (n,).", "sample", "outcome", labels),
    "probs": Term(
        "Class probabilities (n, n_classes) from a model that was not fitted on the row.",
        "sample",
        "predictions",
        probabilities,
    ),
    "probs_target": Term(
        "Class probabilities of the target's rows, (m, n_classes).", "target", "predictions", probabilities
    ),
    "logits": Term("Class scores before the softmax, (n, n_classes).", "sample", "predictions", matrix),
    "logits_target": Term("Class scores of the target's rows, (m, n_classes).", "target", "predictions", matrix),
    "prediction": Term("A model's predicted label or value of each row, (n,).", "sample", "predictions", labels),
    "predictions": Term(
        "Predicted labels or values by model name, each (n,).",
        "sample",
        "predictions",
        _mapping(labels, "model"),
    ),
    "probabilities": Term(
        "Class probabilities by model name, each (n, n_classes), from models that were not fitted on the row.",
        "sample",
        "predictions",
        _mapping(probabilities, "model"),
    ),
    "classes": Term("The label of each column of probs or logits, (n_classes,).", None, "classes", _column),
    "feature_names": Term("The name of each column of X, (d,).", None, "feature_names", _column),
    "losses": Term("Training loss of each row and epoch, (n, epochs).", "sample", "dynamics", matrix),
    "margins": Term("Logit margin of each row and epoch, (n, epochs).", "sample", "dynamics", matrix),
    "model": Term("A fitted learner.", None, "model", _object),
    "models": Term("Fitted learners by name.", None, "model", _mapping(_object, "model")),
}


def _lengths(value: Any) -> list[int]:
    return [len(v) for v in value.values()] if isinstance(value, dict) else [len(value)]


def check_arguments(given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Checks every argument that the vocabulary knows, and that those over the same rows agree in length.

    Arguments given as None, and names outside the vocabulary, pass unchanged. Labels and outcomes may be missing in
    rows that are not ``observed``, where that is given: such rows come with the value of one that is.
    """
    given = _where_observed(given, owner)
    checked: dict[str, Any] = {}
    lengths: dict[str, tuple[str, int]] = {}
    for name, value in given.items():
        term = VOCABULARY.get(name)
        if term is None or value is None:
            checked[name] = value
            continue
        checked[name] = term.check(value, f"{owner}: {name}")
        if term.rows is None:
            continue
        for length in _lengths(checked[name]):
            first, expected = lengths.setdefault(term.rows, (name, length))
            if length != expected:
                raise DataError(
                    f"{owner}: {name} has {length} rows but {first} has {expected}; they must be the same rows"
                )
    _check_pairs(given, checked, owner)
    return checked


def _where_observed(given: Mapping[str, Any], owner: str) -> Mapping[str, Any]:
    if given.get("observed") is None:
        return given
    seen = flags(given["observed"], f"{owner}: observed")
    filled = dict(given)
    for name in ("y", "outcome"):
        if given.get(name) is not None and seen.any() and not seen.all():
            values = _array(given[name], f"{owner}: {name}", 1)
            if len(values) == len(seen):
                filled[name] = np.where(seen, values, values[seen][:1])
    return filled


def _check_pairs(given: Mapping[str, Any], checked: dict[str, Any], owner: str) -> None:
    """Holds ``X_target`` against ``X`` (width, column names, dtype), and so for the other pairs."""
    for name in ("X", "logits", "probs"):
        source, target = checked.get(name), checked.get(f"{name}_target")
        if source is None or target is None:
            continue
        check_columns(given[name], given[f"{name}_target"], f"{owner}: {name}_target", name)
        if target.dtype != source.dtype:
            with np.errstate(over="ignore"):  # what does not fit is counted below
                checked[f"{name}_target"] = finite(target.astype(source.dtype), f"{owner}: {name}_target")


def check_columns(reference: Any, value: Any, name: str, reference_name: str) -> None:
    """Raises DataError when two matrices differ in width, or two DataFrames in column names or order."""
    width, expected = np.shape(value)[1], np.shape(reference)[1]
    if width != expected:
        raise DataError(
            f"{name} has {plural(width, 'column')} but {reference_name} has {expected}; encode both with the same "
            "encoder"
        )
    columns, wanted = getattr(value, "columns", None), getattr(reference, "columns", None)
    if columns is not None and wanted is not None and list(columns) != list(wanted):
        missing = [str(c) for c in wanted if c not in set(columns)]
        extra = [str(c) for c in columns if c not in set(wanted)]
        detail = f"missing {missing}, unexpected {extra}" if missing or extra else "the same columns in another order"
        raise DataError(f"{name} does not have the columns of {reference_name}: {detail}")
