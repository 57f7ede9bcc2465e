"""What Aioli measures, and its shares against equal ones and the rows' own."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import Aioli
from tests.claims.worlds.bigram_domains import bigram_domains, losses_on

pytestmark = pytest.mark.claim

SEEDS = 5


def run(seed: int, step_size: float = 0.2) -> np.ndarray:
    """Gives the mean test loss: on the rows' shares, equal ones, Aioli's."""
    train, test = bigram_domains(np.random.default_rng(seed), (2400, 800, 400))
    found = Aioli(step_size=step_size, hidden=(), random_state=seed).fit(train[0], train[1], groups=train[2])
    shares = np.bincount(train[2]) / len(train[2])
    mixtures = [shares, np.full(3, 1 / 3), found.shares_]
    return np.array([losses_on((m / shares)[train[2]], train, test).mean() for m in mixtures])


def alike_and_other(seed: int, step_size: float = 0.2) -> Aioli:
    """Learns on two domains of one chain, which are the rows of one dealt out, and a third of another."""
    (X, y, groups), _ = bigram_domains(np.random.default_rng(seed), (2000, 1000))
    dealt = np.where(groups == 1, "other", np.where(np.arange(len(y)) % 2 == 0, "alike", "alike too"))
    return Aioli(step_size=step_size, hidden=(), random_state=seed).fit(X, y, groups=dealt)


def test_interactions_when_two_domains_are_alike_then_each_teaches_the_other_as_itself_and_more_than_the_third(claim):
    found = np.array([alike_and_other(seed).interactions_ for seed in claim.seeds(SEEDS, quick=1)])
    itself, twin = (found[:, [0, 1], columns].mean(axis=1) for columns in ([0, 1], [1, 0]))
    other = found[:, [0, 1], 2].mean(axis=1)
    claim.record(itself=itself, twin=twin, other=other)
    assert (twin > other + 0.02).all()
    assert np.abs((twin - itself).mean()) < 0.01
    assert (found[:, 2, 2] > found[:, 2, :2].max(axis=1) + 0.05).all()


def test_mean_loss_when_trained_on_aiolis_shares_then_lower_than_on_the_rows_shares_and_as_on_equal_ones(claim):
    rows, equal, aioli = np.array([run(seed) for seed in claim.seeds(SEEDS, quick=1)]).T
    assert (aioli < rows).all()
    claim.record(loss=aioli, loss_rows_shares=rows, loss_equal=equal, gain_over_equal=equal - aioli)
    assert (rows - aioli).mean() > 0.02
    assert np.abs((equal - aioli).mean()) < 0.003


def test_mean_loss_when_steps_are_great_then_higher_than_on_equal_shares(claim):
    _, equal, aioli = np.array([run(seed, step_size=5.0) for seed in claim.seeds(SEEDS, quick=1)]).T
    claim.record(loss_great_steps=aioli, loss_equal=equal, lost_by_great_steps=aioli - equal)
    assert (equal - aioli).mean() < -0.002
