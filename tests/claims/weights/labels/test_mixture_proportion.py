"""The share of a component where the rest of the mixture looks like it, with and without a bound on the posterior."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from ballast.methods.weights import MixtureProportion

pytestmark = pytest.mark.claim

ROWS, EDGE = 1000, 1.5
CUBIC = make_pipeline(PolynomialFeatures(3), LogisticRegression(C=100, max_iter=2000))


def run(seed: int, share: float) -> tuple[float, float]:
    """Gives the absolute error of the share without and with the bound."""
    rng = np.random.default_rng(seed)

    def mixture(n: int) -> tuple[np.ndarray, np.ndarray]:
        of_component = rng.random(n) < share
        wide = rng.random(n) < 0.8
        rest = np.where(wide, 3 + 2 * rng.normal(size=n), 4 + rng.normal(size=n))
        return np.where(of_component, rng.normal(size=n), rest)[:, None], of_component

    X, _ = mixture(ROWS)
    labelled, label = mixture(4000)
    there = labelled[:, 0] < EDGE
    posterior = clone(CUBIC).fit(labelled[there], label[there])
    bound = np.where(X[:, 0] < EDGE, posterior.predict_proba(X)[:, 1], 1.0)
    found = MixtureProportion(CUBIC).fit(X, rng.normal(size=(ROWS, 1)), probs=np.column_stack([1 - bound, bound]))
    return abs(found.irreducible_share_ - share), abs(found.share_ - share)


@pytest.mark.parametrize(("share", "factor"), [(0.1, 8), (0.25, 4), (0.5, 2)])
def test_share_when_bounded_then_of_a_fraction_of_the_error(share, factor, claim):
    plain, bounded = np.array([run(seed, share) for seed in claim.seeds(10)]).T
    claim.record(**{f"plain, {share:.0%}": plain, f"bounded, {share:.0%}": bounded})
    assert bounded.mean() < plain.mean() / factor
    assert (bounded < plain).sum() >= 8


def test_share_when_most_of_the_mixture_then_the_bound_gains_nothing(claim):
    plain, bounded = np.array([run(seed, 0.75) for seed in claim.seeds(10)]).T
    claim.record(**{"plain, 75%": plain, "bounded, 75%": bounded})
    assert bounded.mean() > 0.7 * plain.mean()
