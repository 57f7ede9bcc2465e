"""The test of pure label shift: its report, its level by exact count, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from ballast.errors import DataError, ParameterError
from ballast.methods.shift import LabelShiftGoodnessOfFit


def drawn(shares: list[float], n: int, rng: np.random.Generator, spread: float = 1.0):
    """Gives rows of classes at 0, 2, 4, ..., and their labels."""
    y = rng.choice(len(shares), n, p=shares)
    return (2 * y + spread * rng.normal(size=n))[:, None], y


def test_report_has_a_row_a_class_with_its_estimated_shares():
    rng = np.random.default_rng(0)
    (X, y), (X_target, y_target) = drawn([0.6, 0.2, 0.2], 3000, rng), drawn([0.2, 0.2, 0.6], 3000, rng)
    names = np.array(["cat", "dog", "eel"])
    report = LabelShiftGoodnessOfFit(n_draws=20).test(X, names[y], X_target)
    assert list(report.table["feature"]) == ["cat", "dog", "eel", "(all)"]
    shares = [float(text.split("-> ")[1].rstrip("%)")) / 100 for text in report.table["effect"][:3]]
    np.testing.assert_allclose(shares, np.bincount(y_target) / 3000, atol=0.03)
    assert f"({np.mean(y == 0):.1%} -> " in report.table["effect"][0]
    assert report.statistic == report.table["statistic"][:-1].max() < 0.06


@pytest.mark.parametrize("rounded", [False, True], ids=["all different", "tied"])
def test_rejections_when_shares_alone_shift_then_as_many_as_the_level_allows(rounded: bool):
    rng = np.random.default_rng(1)
    rejected, draws = 0, 100
    for _ in range(draws):
        (X, y), (X_target, _) = drawn([0.7, 0.3], 60, rng), drawn([0.3, 0.7], 40, rng)
        if rounded:
            X, X_target = np.round(X), np.round(X_target)
        rejected += LabelShiftGoodnessOfFit(n_draws=60, random_state=None).test(X, y, X_target).rejected
    assert rejected <= binom.ppf(0.999, draws, 0.05)


def test_rejections_when_classes_look_otherwise_then_found():
    rng = np.random.default_rng(2)
    (X, y), (X_target, _) = drawn([0.7, 0.3], 400, rng), drawn([0.3, 0.7], 400, rng, spread=2.5)
    assert LabelShiftGoodnessOfFit().test(X, y, X_target).p_value == 1 / 201
    assert not LabelShiftGoodnessOfFit(decide={"p": 0.05, "effect": 0.9}).test(X, y, X_target).rejected


def test_target_when_of_fewer_rows_than_folds_then_judged():
    X, y = drawn([0.5, 0.5], 40, np.random.default_rng(0))
    assert not LabelShiftGoodnessOfFit().test(X, y, X[:1]).rejected


def test_classes_when_one_has_a_single_row_then_refused_by_name():
    X = np.arange(9.0)[:, None]
    with pytest.raises(DataError, match=r"1 class of 3 \(eel\) has one row alone"):
        LabelShiftGoodnessOfFit().test(X, np.array(["cat"] * 4 + ["dog"] * 4 + ["eel"]), X)


def test_classifier_when_without_probabilities_then_refused():
    with pytest.raises(ParameterError, match="predict_proba"):
        LabelShiftGoodnessOfFit(classifier="sklearn.svm.LinearSVC").test(np.eye(4), np.array([0, 0, 1, 1]), np.eye(4))
