"""Rows drawn by weight stand for the target, and systematic draws are steadier than independent ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from ballast.methods.learners import RidgeRegression
from ballast.methods.sampling import ImportanceResampling

pytestmark = pytest.mark.claim
X, Y = load_diabetes(return_X_y=True)
WEIGHT = np.exp(1.0 * X[:, 2] / X[:, 2].std() - 0.5 * X[:, 0] / X[:, 0].std())  # a heavier, younger target
N_DRAWS = 400


@cache
def means(scheme: str, seeds: range) -> np.ndarray:
    """Gives (draws, columns) means of the drawn rows' features and target."""
    found = []
    for seed in seeds:
        sampler = ImportanceResampling(scheme=scheme, random_state=seed)
        X_new, y_new = sampler.fit_resample(X, Y, sample_weight=WEIGHT)
        found.append([*X_new.mean(axis=0), y_new.mean()])
    return np.array(found)


@pytest.mark.parametrize("scheme", ["systematic", "multinomial"])
def test_importance_resampling_when_drawn_then_plain_means_are_the_weighted_ones(scheme, claim):
    drawn = means(scheme, claim.seeds(N_DRAWS))
    claim.record(**{f"{scheme}_outcome": drawn[:, -1]})
    truth = np.average(np.column_stack([X, Y]), axis=0, weights=WEIGHT)
    error = (drawn.mean(axis=0) - truth) / (drawn.std(axis=0) / np.sqrt(N_DRAWS))
    assert np.abs(error).max() < 4
    off = np.abs(np.column_stack([X, Y]).mean(axis=0) - truth) / drawn.std(axis=0)
    assert off.max() > 10  # the rows as given are nowhere near


def test_importance_resampling_when_systematic_then_its_variance_is_a_fraction_of_independent_draws(claim):
    seeds = claim.seeds(N_DRAWS)
    ratio = means("systematic", seeds).var(axis=0) / means("multinomial", seeds).var(axis=0)
    claim.record(largest_ratio_of_variances=ratio.max(), least_ratio_of_variances=ratio.min())
    assert ratio.max() < 0.5


def test_importance_resampling_when_a_model_is_fitted_then_it_approaches_the_weighted_fit(claim):
    weighted = RidgeRegression().fit(X, Y, sample_weight=WEIGHT).predict(X)
    plain = RidgeRegression().fit(X, Y).predict(X)
    distances = {}
    for scheme in ("systematic", "multinomial"):
        drawn = [ImportanceResampling(scheme=scheme, random_state=s) for s in claim.seeds(40)]
        fits = [RidgeRegression().fit(*d.fit_resample(X, Y, sample_weight=WEIGHT)).predict(X) for d in drawn]
        distances[scheme] = np.array([np.mean((f - weighted) ** 2) for f in fits])
    claim.record(**distances, unweighted=np.mean((plain - weighted) ** 2))
    assert distances["systematic"].mean() < 0.8 * distances["multinomial"].mean()
    assert distances["systematic"].mean() < 0.8 * np.mean((plain - weighted) ** 2)
