"""Inverse intensities: the weights, folds by group, cutting, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.weights import InverseIntensity


def sample(n: int = 4000, gamma: float = 1.0, seed: int = 0):
    """Gives rows, whether each was observed, and the probability that it was."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    intensity = expit(gamma * X[:, 0])
    return X, rng.random(n) < intensity, intensity


def test_weights_when_observed_by_a_logistic_rule_then_near_the_inverse_probabilities_and_0_for_the_others():
    X, seen, intensity = sample()
    found = InverseIntensity().fit(X, observed=seen)
    truth = np.where(seen, 1 / intensity, 0)
    truth /= truth.mean()
    error = np.mean((found.weights_ - truth) ** 2) / np.var(truth)
    assert error < 0.02
    flipped = np.where(seen, intensity, 0)
    assert np.mean((flipped / flipped.mean() - truth) ** 2) / np.var(truth) > 0.1, "the inverse must fail"
    assert not found.weights_[~seen].any()
    assert abs(np.average(X[:, 0], weights=found.weights_) - X[:, 0].mean()) < 0.1 < X[seen, 0].mean()
    np.testing.assert_allclose(found.intensities_, intensity, atol=0.12)


def test_weigh_when_rows_are_the_same_then_the_weights_that_they_have_when_observed():
    X, seen, _ = sample()
    found = InverseIntensity().fit(X, observed=seen)
    np.testing.assert_allclose(found.weigh(X)[seen], found.weights_[seen], rtol=0.3)


def test_means_when_the_default_classifier_then_those_of_all_rows_as_the_known_probabilities_would_have():
    stratum = np.repeat([0.0, 1.0], [300, 200])  # observed 30 of 300 and 150 of 200: a saturated model says so exactly
    seen = np.concatenate([np.arange(300) < 30, np.arange(200) < 150])
    found = InverseIntensity().fit(stratum[:, None], observed=seen)
    np.testing.assert_allclose(found.intensities_, np.where(stratum, 0.75, 0.1), atol=1e-6)
    assert np.average(stratum, weights=found.weights_) == pytest.approx(0.4, abs=1e-6)
    assert len(InverseIntensity(n_folds=4).fit(stratum[:, None], observed=seen).models_) == 4


def test_folds_when_there_are_groups_then_no_group_is_in_two():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    X = np.repeat(rng.standard_normal((60, 2)), 10, axis=0)  # rows of a group are alike, so trees know them again
    seen = np.repeat(rng.random(60) < 0.5, 10)
    trees = HistGradientBoostingClassifier(max_iter=40, min_samples_leaf=5)
    apart = InverseIntensity(trees).fit(X, observed=seen, groups=groups).intensities_
    mixed = InverseIntensity(trees).fit(X + 1e-6 * rng.random(X.shape), observed=seen).intensities_  # no copies
    assert np.mean((mixed > 0.5) == seen) > 0.95
    assert np.mean((apart > 0.5) == seen) < 0.75


def test_weights_when_few_rows_carry_them_then_cut_at_the_quantiles():
    X, seen, _ = sample(gamma=5.0)
    kept, cut = (InverseIntensity(clip_below=share, tail=0.05).fit(X, observed=seen) for share in (0.0, 1.0))
    inverse = 1 / kept.intensities_[seen]
    assert cut.range_ == pytest.approx(tuple(np.quantile(inverse, [0.05, 0.95])))
    assert kept.range_ == (inverse.min(), inverse.max())
    assert effective_sample_size(cut.weights_) > 2 * effective_sample_size(kept.weights_)


@pytest.mark.parametrize("flags", [[True, False], [1, 0], [1.0, 0.0]], ids=["bool", "int", "float"])
def test_observed_when_given_as_numbers_then_the_same(flags):
    X, seen, _ = sample(200)
    given = np.where(seen, *flags)
    np.testing.assert_array_equal(
        InverseIntensity().fit(X, observed=given).weights_, InverseIntensity().fit(X, observed=seen).weights_
    )


def test_observed_when_neither_true_nor_false_then_refused():
    with pytest.raises(DataError, match=r"inverse_intensity: observed must hold true and false .* 2 of 4 .* 'yes'"):
        InverseIntensity().fit(np.arange(4.0)[:, None], observed=np.array(["yes", "yes", 1, 0], dtype=object))


def test_rows_when_all_are_observed_or_of_one_group_then_refused_with_the_remedy():
    X, seen, _ = sample(20)
    with pytest.raises(DataError, match=r"observed holds 20 true values in 20 rows.*train without"):
        InverseIntensity().fit(X, observed=np.ones(20, dtype=bool))
    with pytest.raises(DataError, match=r"groups has only one value \('p', 20 rows\)"):
        InverseIntensity().fit(X, observed=seen, groups=np.full(20, "p"))
    with pytest.raises(DataError, match="outside one fold of groups do not hold all 2 values"):
        InverseIntensity(n_folds=5).fit(X, observed=np.arange(20) < 10, groups=np.arange(20) // 10)


def test_rows_when_most_can_hardly_be_observed_then_refused():
    X, _, _ = sample(4000)
    seen = np.arange(4000) < 3
    with pytest.raises(OverlapError, match=r"of 4000 rows are observed with a probability of at most floor=0.1"):
        InverseIntensity(floor=0.1).fit(X, observed=seen)
