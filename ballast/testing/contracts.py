"""How the conformance suite compares two outcomes, and what each role promises of one."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from ballast.errors import BallastError, DataError, ParameterError
from ballast.methods.frame.reports import (
    ASSESSMENT_COLUMNS,
    LEFT_TO,
    NOT_TESTED,
    OVERALL,
    TEST_COLUMNS,
    Assessment,
    TestReport,
)
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.testing.cases import Case
from ballast.testing.outcomes import Outcome, outcome
from ballast.testing.world import Arguments


def same(first: Outcome, second: Outcome, *, rtol: float = 0.0, order: Any = slice(None)) -> None:
    """Asserts that two outcomes agree, the first with its rows taken in ``order``."""
    assert first.rows.keys() == second.rows.keys(), f"{list(first.rows)} and {list(second.rows)}"
    for name, values in first.rows.items():
        close(values[order], second.rows[name], rtol, name)
    assert first.numbers.keys() == second.numbers.keys(), f"{list(first.numbers)} and {list(second.numbers)}"
    for name, value in first.numbers.items():
        close(np.asarray(value), np.asarray(second.numbers[name]), rtol, name)
    if isinstance(first.given, tuple):
        for one, other in zip(first.given, second.given, strict=True):
            close(np.asarray(one), np.asarray(other), rtol, "resampled")
        np.testing.assert_array_equal(first.method.sample_indices_, second.method.sample_indices_)


def close(first: np.ndarray, second: np.ndarray, rtol: float, name: str) -> None:
    if first.dtype.kind == "f" and rtol:
        np.testing.assert_allclose(first, second, rtol=rtol, atol=rtol, err_msg=name)
    else:
        np.testing.assert_array_equal(first, second, err_msg=name)


def alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Says whether two random draws of the same quantity agree as nearly as such draws can."""
    if first.dtype.kind != "f":
        return bool(np.mean(first == second) >= 0.8)
    if first.ndim > 1:
        return all(alike(first[:, j], second[:, j]) for j in range(first.shape[1]))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return bool(np.allclose(first, second, rtol=0.1))
    return float(spearmanr(first, second)[0]) >= 0.8  # pyright: ignore[reportArgumentType]


@contextmanager
def refuses(error: type[Exception], words: str, *, alone: bool = False) -> Iterator[None]:
    """Asserts that an error of a kind is raised, with these words in its message, or with these ``alone``."""
    try:
        yield
    except error as said:
        if words not in str(said) or (alone and words != str(said)):
            raise AssertionError(f"{type(said).__name__} without the words {words!r}: {said}") from said
        return
    raise AssertionError(f"accepted, where {error.__name__} with the words {words!r} was expected")


def contract_or_error(case: Case, given: Arguments, **parameters: Any) -> BallastError | None:
    """Asserts that the method gives what its role promises, or says in its own words why it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = outcome(case, given, case.make(**parameters))
        except (DataError, ParameterError) as error:
            said = error
        except Exception as error:
            raise AssertionError(f"{parameters or 'this'} ends in {type(error).__name__}: {error}") from error
        else:
            holds_contract(case, result, given)
            return None
    assert case.owner in str(said), f"the message does not name the method: {said}"
    assert len(str(said).split()) >= 6, f"the message explains nothing: {said}"
    assert not str(said).startswith(f"{case.owner} gave"), f"the method broke its contract: {said}"
    return said


def holds_contract(case: Case, result: Outcome, given: Arguments) -> None:
    """Asserts what the role promises."""
    rows = [value for name, value in given.items() if VOCABULARY[name].rows == "sample"]
    n = len(next(iter(rows[0].values())) if isinstance(rows[0], dict) else rows[0])
    for name, values in result.rows.items():
        assert len(values) == n, f"{name} has {len(values)} values for {n} rows"
        assert values.dtype.kind != "f" or np.isfinite(values).all(), f"{name} holds NaN or infinite values"
    {
        "test": _test_contract,
        "assessor": _assessor_contract,
        "weigher": _weigher_contract,
        "sampler": _sampler_contract,
        "scorer": lambda result, given, n: None,
        "learner": _learner_contract,
        "transformer": _transformer_contract,
    }[case.cls.role](result, given, n)


def _test_contract(result: Outcome, given: Arguments, n: int) -> None:
    report = result.given
    assert isinstance(report, TestReport), f"test gave {type(report).__name__}, not a TestReport"
    table = report.table
    _has_columns(table, TEST_COLUMNS)
    assert table["feature"].iloc[-1] == OVERALL, f"the last row is of {table['feature'].iloc[-1]!r}, not {OVERALL!r}"
    assert table["feature"].is_unique, "a feature stands in the table twice"
    assert table["rejected"].dtype == bool, f"the column rejected is {table['rejected'].dtype}, not bool"
    assert table["effect"].map(bool).all(), "the effect of a feature is not in words"
    tested = ~table["effect"].str.startswith((NOT_TESTED, LEFT_TO))  # such a column says why, in place of numbers
    assert tested.iloc[-1], "the row over all features is not tested"
    assert not table.loc[~tested, "rejected"].any(), "a feature that was not tested is rejected"
    p_values = table.loc[tested, ["p_value", "adjusted_p_value"]].to_numpy(dtype=float)
    assert ((p_values >= 0) & (p_values <= 1)).all(), "a p-value lies outside [0, 1]"
    sizes = table.loc[tested, ["statistic", "effect_size"]].to_numpy(dtype=float)
    assert np.isfinite(sizes).all(), "a statistic or effect size is NaN or infinite"
    if getattr(result.method, "decide", None) is None:
        assert report.rejected == (report.p_value <= report.threshold), "rejected is not p_value <= threshold"
    json.dumps(report.summary, allow_nan=False)


def _assessor_contract(result: Outcome, given: Arguments, n: int) -> None:
    assert isinstance(result.given, Assessment), f"assess gave {type(result.given).__name__}, not an Assessment"
    table = result.given.table
    _has_columns(table, ASSESSMENT_COLUMNS)
    assert len(table) > 0, "the table has no rows"
    assert not table.duplicated(["metric", "model", "versus", "slice"]).any(), "the table says something twice"
    assert np.isfinite(table["value"].to_numpy(dtype=float)).all(), "a value is NaN or infinite"
    assert table["n"].dtype.kind == "i", f"the column n is {table['n'].dtype}, not whole numbers"
    assert (table["n"] >= 0).all(), "a number of rows is below 0"
    bounded = table.dropna(subset=["low", "high"])
    assert (bounded["low"] <= bounded["high"]).all(), "an interval's low end is above its high end"
    assert (table["slice"] == OVERALL).any(), f"no row is of the slice {OVERALL!r}"
    json.dumps(result.given.summary, allow_nan=False)


def _has_columns(table: Any, columns: tuple[str, ...]) -> None:
    assert tuple(table.columns) == columns, f"the table's columns are {list(table.columns)}, not {list(columns)}"


def _weigher_contract(result: Outcome, given: Arguments, n: int) -> None:
    for name, weights in result.rows.items():
        assert weights.shape == (n,), f"{name} has shape {weights.shape}, not {(n,)}"
        assert (weights >= 0).all(), f"{name} holds weights below 0"
    mean = float(result.method.weights_.mean(dtype=np.float64))
    assert math.isclose(mean, 1.0, rel_tol=1e-5), f"the mean of weights_ is {mean}, not 1"


def _sampler_contract(result: Outcome, given: Arguments, n: int) -> None:
    X, y = result.given
    sampler = result.method
    indices, synthetic = sampler.sample_indices_, sampler.is_synthetic_
    sizes = (len(X), len(indices), len(synthetic))
    assert len(set(sizes)) == 1, f"rows, sample_indices_ and is_synthetic_ have lengths {sizes}"
    assert len(X) > 0, "the sample is empty"
    assert indices.dtype.kind == "i", f"sample_indices_ is {indices.dtype}, not whole numbers"
    assert synthetic.dtype == bool, f"is_synthetic_ is {synthetic.dtype}, not bool"
    assert np.isfinite(X).all(), "the rows hold NaN or infinite values"
    kept = ~synthetic
    np.testing.assert_array_equal(X[kept], np.asarray(given["X"])[indices[kept]], "rows are not those they come from")
    if y is not None:
        np.testing.assert_array_equal(y, np.asarray(given["y"])[indices], "labels are not those of the rows")
    if synthetic.any():
        parents = sampler.parents_
        assert parents.shape == (len(X), 2), f"parents_ has shape {parents.shape}, not {(len(X), 2)}"
        np.testing.assert_array_equal(parents[:, 0], indices, "the first parent is not the row of sample_indices_")
        assert (parents[synthetic] >= 0).all(), "a synthetic row lacks a parent"
        assert (parents < n).all(), f"a parent is not one of the {n} rows"


def _learner_contract(result: Outcome, given: Arguments, n: int) -> None:
    rows = result.rows
    assert rows["predict"].shape == (n,), f"predict gave shape {rows['predict'].shape}, not {(n,)}"
    if "predict_proba" not in rows:
        assert rows["predict"].dtype.kind == "f", f"predict gave {rows['predict'].dtype}, not floats"
        return
    classes, probs = result.method.classes_, rows["predict_proba"]
    np.testing.assert_array_equal(classes, np.unique(np.asarray(given["y"])), "classes_")
    assert probs.shape == (n, len(classes)), f"predict_proba gave shape {probs.shape}, not {(n, len(classes))}"
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, rtol=1e-5, err_msg="sums of predict_proba")
    np.testing.assert_array_equal(rows["predict"], classes[probs.argmax(axis=1)], "predict is not the most probable")


def _transformer_contract(result: Outcome, given: Arguments, n: int) -> None:
    made, names = result.rows["transform"], result.method.get_feature_names_out()
    assert made.dtype.kind == "f", f"transform gave {made.dtype}, not floats"
    shapes = (made.shape, (n, result.method.n_features_out_), (n, len(set(names))))
    assert len(set(shapes)) == 1, f"shape, n_features_out_ and the feature names do not agree: {shapes}"
