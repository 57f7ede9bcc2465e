"""How the conformance suite compares two outcomes, and what each role promises of one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from ballast.methods.frame.reports import ASSESSMENT_COLUMNS, OVERALL, TEST_COLUMNS, Assessment, TestReport
from ballast.methods.frame.vocabulary import VOCABULARY
from tests.methods.conformance_cases import Arguments, Case, Outcome


def same(first: Outcome, second: Outcome, *, rtol: float = 0.0, order: Any = slice(None)) -> None:
    """Asserts that two outcomes agree, the first with its rows taken in ``order``."""
    assert first.rows.keys() == second.rows.keys()
    for name, values in first.rows.items():
        close(values[order], second.rows[name], rtol, name)
    assert first.numbers.keys() == second.numbers.keys()
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
    return float(spearmanr(first, second).statistic) >= 0.8


def holds_contract(case: Case, result: Outcome, given: Arguments) -> None:
    """Asserts what the role promises."""
    rows = [value for name, value in given.items() if VOCABULARY[name].rows == "sample"]
    n = len(next(iter(rows[0].values())) if isinstance(rows[0], dict) else rows[0])
    for name, values in result.rows.items():
        assert len(values) == n, name
        assert values.dtype.kind != "f" or np.isfinite(values).all(), name
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
    assert isinstance(report, TestReport)
    assert tuple(report.table.columns) == TEST_COLUMNS
    assert report.table["feature"].iloc[-1] == OVERALL
    assert report.table["feature"].is_unique
    assert report.table["rejected"].dtype == bool
    assert report.table["effect"].map(bool).all()
    tested = ~report.table["effect"].str.startswith("not tested")  # such a column says why, in place of numbers
    assert tested.iloc[-1]
    assert not report.table.loc[~tested, "rejected"].any()
    p_values = report.table.loc[tested, ["p_value", "adjusted_p_value"]].to_numpy(dtype=float)
    assert ((p_values >= 0) & (p_values <= 1)).all()
    assert np.isfinite(report.table.loc[tested, ["statistic", "effect_size"]].to_numpy(dtype=float)).all()
    assert report.rejected == (report.p_value <= report.threshold)
    json.dumps(report.summary, allow_nan=False)


def _assessor_contract(result: Outcome, given: Arguments, n: int) -> None:
    assert isinstance(result.given, Assessment)
    table = result.given.table
    assert tuple(table.columns) == ASSESSMENT_COLUMNS
    assert len(table) > 0
    assert not table.duplicated(["metric", "model", "versus", "slice"]).any()
    assert np.isfinite(table["value"].to_numpy(dtype=float)).all()
    assert table["n"].dtype.kind == "i"
    assert (table["n"] >= 0).all()
    bounded = table.dropna(subset=["low", "high"])
    assert (bounded["low"] <= bounded["high"]).all()
    assert (table["slice"] == OVERALL).any()
    json.dumps(result.given.summary, allow_nan=False)


def _weigher_contract(result: Outcome, given: Arguments, n: int) -> None:
    for weights in result.rows.values():
        assert weights.shape == (n,)
        assert (weights >= 0).all()
    assert result.method.weights_.mean(dtype=np.float64) == pytest.approx(1.0, rel=1e-5)


def _sampler_contract(result: Outcome, given: Arguments, n: int) -> None:
    X, y = result.given
    sampler = result.method
    indices, synthetic = sampler.sample_indices_, sampler.is_synthetic_
    assert len(X) == len(indices) == len(synthetic) > 0
    assert indices.dtype.kind == "i"
    assert synthetic.dtype == bool
    assert np.isfinite(X).all()
    kept = ~synthetic
    np.testing.assert_array_equal(X[kept], np.asarray(given["X"])[indices[kept]])
    if y is not None:
        np.testing.assert_array_equal(y, np.asarray(given["y"])[indices])
    if synthetic.any():
        parents = sampler.parents_
        assert parents.shape == (len(X), 2)
        np.testing.assert_array_equal(parents[:, 0], indices)
        assert (parents[synthetic] >= 0).all()
        assert (parents < n).all()


def _learner_contract(result: Outcome, given: Arguments, n: int) -> None:
    rows = result.rows
    assert rows["predict"].shape == (n,)
    if "predict_proba" not in rows:
        assert rows["predict"].dtype.kind == "f"
        return
    classes = result.method.classes_
    np.testing.assert_array_equal(classes, np.unique(np.asarray(given["y"])))
    assert rows["predict_proba"].shape == (n, len(classes))
    np.testing.assert_allclose(rows["predict_proba"].sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(rows["predict"], classes[rows["predict_proba"].argmax(axis=1)])


def _transformer_contract(result: Outcome, given: Arguments, n: int) -> None:
    made, names = result.rows["transform"], result.method.get_feature_names_out()
    assert made.dtype.kind == "f"
    assert made.shape == (n, result.method.n_features_out_) == (n, len(set(names)))
