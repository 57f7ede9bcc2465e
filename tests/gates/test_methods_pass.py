"""What the methods give goes through the gates that stand after their stages by default."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ballast
from ballast.gates import default_suite, judge

N = 120


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    return X, (X[:, 0] > 0).astype(int), X + np.array([0.5, 0, 0])


def closed(stored, stage: str, frame: pd.DataFrame) -> list[str]:
    context = stored(stage=stage, id=None, label=None, stored_ids={"train": np.arange(N)})
    return [f"{j.name}: {j.message}" for j in judge(default_suite(stage), frame, context) if not j.passed]


@pytest.mark.parametrize("use", ["kolmogorov_smirnov", "chi_squared"])
def test_reports_of_shift_tests_with_columns_that_cannot_be_tested_pass(stored, rows, use: str) -> None:
    X, y, X_target = rows
    train = pd.DataFrame(X, columns=["a", "b", "c"]).assign(flat=1.0, kind=y.astype(str), one="x")
    target = pd.DataFrame(X_target, columns=["a", "b", "c"]).assign(flat=1.0, kind=y.astype(str), one="x")
    report = ballast.method(use).test(train, target)
    assert closed(stored, "test", report.table) == []


def test_weights_and_their_diagnostics_pass(stored, rows) -> None:
    X, _, X_target = rows
    weights = ballast.method("relative_least_squares", random_state=0).fit(X, X_target).weights_
    table = pd.DataFrame({"sample_id": np.arange(N), "weight": weights})
    assert closed(stored, "weigher", table) == []
    diagnostics = ballast.method("weight_diagnostics").assess(weights, X, X_target)
    assert closed(stored, "assessor", diagnostics.table) == []


def test_metrics_and_comparisons_pass(stored, rows) -> None:
    _, y, _ = rows
    predictions = {"plain": y, "other": 1 - y}
    assert closed(stored, "assessor", ballast.method("compare_models").assess(y, predictions).table) == []


def test_datasets_of_samplers_pass(stored, rows) -> None:
    X, y, _ = rows
    sampler = ballast.method("smote", random_state=0)
    sampler.fit_resample(X[20:], y[20:])
    parents = np.arange(20, N)[sampler.parents_]
    table = pd.DataFrame(
        {"row": np.arange(len(parents)), "sample_id": parents[:, 0], "second_parent_id": parents[:, 1]}
    )
    assert closed(stored, "sampler", table) == []
