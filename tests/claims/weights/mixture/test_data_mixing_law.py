"""The law of losses on mixtures against lines, its mixture against the rows' own shares and against equal ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ballast.methods.weights import DataMixingLaw
from tests.claims.worlds.bigram_domains import bigram_domains, losses_on

pytestmark = pytest.mark.claim

SEEDS = 5


def run(seed: int) -> list[float]:
    """Gives R2 of the law and of lines, then the mean test loss: unweighted, equal shares, best run, law."""
    train, test = bigram_domains(np.random.default_rng(seed), (2400, 800, 400))
    law = DataMixingLaw(hidden=(), random_state=seed).fit(train[0], train[1], groups=train[2])
    shares = np.bincount(train[2]) / len(train[2])
    mixtures = [shares, np.full(3, 1 / 3), law.best_mixture_, law.shares_]
    losses = [losses_on((m / shares)[train[2]], train, test).mean() for m in mixtures]
    return [law.r2_.mean(), law.linear_r2_.mean(), *losses]


@cache
def runs(seeds: range) -> np.ndarray:
    return np.array([run(seed) for seed in seeds])


def test_losses_of_unseen_mixtures_when_predicted_then_nearer_by_the_law_than_by_lines(claim):
    law, lines = runs(claim.seeds(SEEDS, quick=1))[:, :2].T
    claim.record(r2=law, r2_of_lines=lines)
    assert (law > lines + 0.02).all()
    assert law.mean() > 0.9


def test_mean_loss_when_trained_on_the_laws_mixture_then_lower_than_on_the_rows_shares(claim):
    found = runs(claim.seeds(SEEDS, quick=1))
    gain = found[:, 2] - found[:, 5]
    assert (gain > 0).all()
    claim.record(loss=found[:, 5], loss_rows_shares=found[:, 2])
    assert gain.mean() > 0.02


def test_mean_loss_when_trained_on_equal_shares_then_as_low_as_on_the_laws_mixture(claim):
    """Where every domain's loss counts alike, equal shares are the validation's own: no run is needed for them."""
    found = runs(claim.seeds(SEEDS, quick=1))
    gain = found[:, 3] - found[:, 5]
    claim.record(gain_over_equal=gain)
    assert gain.mean() < 0.002
