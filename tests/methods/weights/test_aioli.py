"""Aioli: the interactions that explain the losses' falls, the step of the shares, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError, ParameterError
from ballast.methods.weights import Aioli
from ballast.methods.weights.mixture.aioli import interactions, stepped, trial_mixtures

PLANTED = np.array([[0.25, 0.15, 0.0], [0.1, 0.2, 0.05], [0.05, 0.0, 0.2]])


def own_rules(n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows of three domains, each with a rule on a column of its own, so that none teaches of another."""
    rng = np.random.default_rng(0)
    groups = np.arange(n) % 3
    X = rng.standard_normal((n, 3)) * np.eye(3)[groups]
    return X, 2 * X[np.arange(n), groups] + 0.1 * rng.standard_normal(n), np.array(["a", "b", "c"])[groups]


def test_trials_when_made_then_one_domain_has_the_share_and_the_others_the_rest():
    np.testing.assert_allclose(trial_mixtures(3, 0.6), [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])


@pytest.mark.parametrize("share", [0.4, 0.75])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
def test_interactions_when_losses_fall_by_a_planted_matrix_then_it_is_found(share, scale):
    trials = trial_mixtures(3, share)
    falls = np.array([[PLANTED[i] @ mixture for mixture in trials] for i in range(3)])
    np.testing.assert_allclose(interactions(scale * falls, trials), PLANTED, atol=1e-12)


def test_interactions_when_some_are_negative_then_all_are_moved_to_start_at_zero():
    trials, harmful = trial_mixtures(3, 0.75), PLANTED - np.eye(3)[::-1]
    moved = harmful - harmful.min()
    np.testing.assert_allclose(interactions(harmful @ trials.T, trials), moved / moved.sum(), atol=1e-12)


@pytest.mark.parametrize("fall", [0.0, -0.3])
def test_interactions_when_all_are_alike_and_none_lowers_a_loss_then_equal(fall):
    np.testing.assert_allclose(interactions(np.full((2, 2), fall), np.eye(2)), 0.25)


def test_shares_when_stepped_then_multiplied_by_the_exponential_of_the_columns_sums():
    shares = np.array([0.5, 0.3, 0.2])
    expected = shares * np.exp(0.5 * np.array([0.4, 0.35, 0.25]))
    np.testing.assert_allclose(stepped(shares, PLANTED, 0.5), expected / expected.sum())
    assert np.isfinite(stepped(shares, PLANTED, 1e6)).all()


def test_shares_when_learned_then_the_mean_over_rounds_of_steps_from_equal_ones():
    X, y, groups = own_rules()
    found = Aioli(n_rounds=3, max_steps=4).fit(X, y, groups=groups)
    assert found.history_.shape == (3, 3)
    np.testing.assert_allclose(found.shares_, found.history_.mean(axis=0))
    one = Aioli(n_rounds=1, max_steps=4, step_size=2.0).fit(X, y, groups=groups)
    np.testing.assert_allclose(one.shares_, stepped(np.full(3, 1 / 3), one.interactions_, 2.0))
    assert set(one.compared_) == {"aioli", "equal", "rows"}


def test_settings_when_the_domains_do_not_allow_them_then_refused():
    X, y, groups = own_rules()
    with pytest.raises(ParameterError, match=r"aioli: parameter 'probe_share' is 0\.25, .* 3 domains; .* above 0\.333"):
        Aioli(probe_share=0.25).fit(X, y, groups=groups)
    with pytest.raises(DataError, match=r"groups holds 'alone' in 1 of 600 rows; every domain needs 2"):
        Aioli().fit(X, y, groups=np.where(np.arange(600) == 3, "alone", groups))
