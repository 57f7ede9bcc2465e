"""The test of pure label shift: its report, its level by exact count, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from ballast.errors import DataError
from ballast.methods.shift import LabelShiftGoodnessOfFit
from ballast.methods.weights import LabelShiftEM


def predicted(shares: list[float], n: int, rng: np.random.Generator, spread: float = 1.0):
    """Gives the probabilities that a calibrated model gives rows of classes at 0, 2, 4, ..., and their labels."""
    y = rng.choice(len(shares), n, p=shares)
    x = 2 * y + spread * rng.normal(size=n)
    density = np.exp(-((x[:, None] - 2 * np.arange(len(shares))) ** 2) / 2)
    return density / density.sum(axis=1, keepdims=True), y


def test_report_has_a_row_a_class_with_its_shares():
    rng = np.random.default_rng(0)
    probs, y = predicted([0.6, 0.2, 0.2], 2000, rng)
    target, _ = predicted([0.2, 0.2, 0.6], 2000, rng)
    names = np.array(["cat", "dog", "eel"])
    report = LabelShiftGoodnessOfFit(n_draws=20).test(probs, names[y], target, classes=names)
    assert list(report.table["feature"]) == ["cat", "dog", "eel", "(all)"]
    shares = LabelShiftEM().fit(probs, names[y], target, classes=names).priors_
    for row, before, share in zip(report.table["effect"], np.bincount(y) / len(y), shares, strict=False):
        assert f"({before:.1%} -> {share:.1%})" in row
    assert report.statistic == report.table["statistic"].iloc[:-1].max() < 0.06


@pytest.mark.parametrize("rounded", [False, True], ids=["all different", "tied"])
def test_rejections_when_shares_alone_shift_then_as_many_as_the_level_allows(rounded: bool):
    rng = np.random.default_rng(1)
    rejected, draws = 0, 100
    for _ in range(draws):
        (probs, y), (target, _) = predicted([0.7, 0.3], 60, rng), predicted([0.3, 0.7], 40, rng)
        if rounded:
            probs, target = (np.round(p, 1) for p in (probs, target))
        rejected += LabelShiftGoodnessOfFit(n_draws=60, random_state=None).test(probs, y, target).rejected
    assert rejected <= binom.ppf(0.999, draws, 0.05)


def test_rejections_when_classes_look_otherwise_then_found():
    rng = np.random.default_rng(2)
    (probs, y), (target, _) = predicted([0.7, 0.3], 400, rng), predicted([0.3, 0.7], 400, rng, spread=2.5)
    assert LabelShiftGoodnessOfFit().test(probs, y, target).p_value == 1 / 201
    assert not LabelShiftGoodnessOfFit(decide={"p": 0.05, "effect": 0.9}).test(probs, y, target).rejected


def test_classes_when_one_has_no_rows_then_refused():
    probs, y = predicted([0.5, 0.5], 20, np.random.default_rng(0))
    with pytest.raises(DataError, match="class"):
        LabelShiftGoodnessOfFit().test(probs, np.zeros_like(y), probs, classes=np.array([0, 1]))
