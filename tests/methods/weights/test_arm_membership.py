"""Weights of all rows for one arm: the analytic ratio, an A/A test, the rate, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ballast.errors import DataError
from ballast.methods.weights import ArmMembership


def experiment(n: int = 6000, gap: float = 1.0, rate: float = 0.3, seed: int = 0):
    """Gives rows of N(gap, 1) in the new arm and of N(0, 1) in the old one, and each row's arm."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < rate
    return rng.normal(gap * treated)[:, None], np.where(treated, "a new", "old"), treated


@pytest.mark.parametrize(("arm", "mean"), [("treated", 1.0), ("control", 0.0)])
def test_weights_when_the_arms_are_normal_then_near_the_density_ratio_of_the_arm_to_all_rows(arm, mean):
    X, treatment, treated = experiment()
    own = treated if arm == "treated" else ~treated
    mixture = 0.3 * norm.pdf(X[:, 0], 1.0) + 0.7 * norm.pdf(X[:, 0], 0.0)
    ratio = norm.pdf(X[:, 0], mean) / mixture
    found = ArmMembership(arm, treated="a new").fit(X, treatment)
    error = np.mean((found.ratio_ - ratio) ** 2) / np.var(ratio)
    assert error < 0.02
    inverse = 1 / ratio / np.mean(1 / ratio)
    assert np.mean((inverse - ratio) ** 2) / np.var(ratio) > 1, "the inverse must fail"
    assert np.average(X[:, 0], weights=found.weights_) == pytest.approx(X[own].mean(), abs=0.02)
    assert found.ratio_.max() <= 1 / own.mean()
    np.testing.assert_allclose(found.weigh(X), found.weights_, rtol=0.1)


def test_ratio_when_the_default_classifier_then_of_mean_1_and_of_the_arms_means():
    X, treatment, treated = experiment(200)
    for arm, own in (("treated", treated), ("control", ~treated)):
        found = ArmMembership(arm, treated="a new").fit(X, treatment)
        assert found.ratio_.mean() == pytest.approx(1, abs=1e-6)
        assert np.average(X[:, 0], weights=found.weights_) == pytest.approx(X[own].mean(), abs=1e-6)
    assert len(ArmMembership(n_folds=3, treated="a new").fit(X, treatment).models_) == 3


def test_weights_when_both_arms_are_the_same_then_about_1():
    X, treatment, _ = experiment(gap=0.0)
    assert np.abs(ArmMembership(treated="a new").fit(X, treatment).ratio_ - 1).max() < 0.2


def test_ratio_when_the_assignment_rate_is_given_then_over_it():
    X, treatment, treated = experiment(400)
    found, given = (
        ArmMembership(treated="a new").fit(X, treatment),
        ArmMembership(assignment_rate=0.5, treated="a new").fit(X, treatment),
    )
    np.testing.assert_allclose(given.ratio_ * 0.5, found.ratio_ * treated.mean())
    np.testing.assert_allclose(given.weights_, found.weights_)


def test_arms_when_not_two_with_two_rows_each_then_refused():
    X = np.arange(6.0)[:, None]
    with pytest.raises(DataError, match=r"arm_membership: treatment has 3 values in 6 rows"):
        ArmMembership().fit(X, np.array([0, 1, 2, 0, 1, 2]))
    with pytest.raises(DataError, match="treatment has 6 rows, 1 of them of its rarer value"):
        ArmMembership().fit(X, np.array([0, 0, 0, 0, 0, 1]))
    with pytest.raises(DataError, match="arm_membership: treatment holds 'a', 'b', and nothing says which"):
        ArmMembership().fit(X, np.repeat(["a", "b"], 3))
