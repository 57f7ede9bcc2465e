"""The law of losses on mixtures: its fit, its least sum, the mixture it chooses, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ballast.errors import DataError, ParameterError
from ballast.methods.weights import DataMixingLaw
from ballast.methods.weights.mixture._law import Law, fit_law, least_mixture, linear_losses
from ballast.methods.weights.mixture._proxy import Domains, train_each

PLANTED = Law(
    np.array([0.5, 1.0, 0.2]),
    np.array([0.3, -0.2, 0.1]),
    np.array([[-2.0, 0.5, 0.0], [0.2, -4.0, 0.1], [-1.0, 0.0, -3.0]]),
)


def mixtures(k: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), k)


def quick(**parameters: object) -> DataMixingLaw:
    return DataMixingLaw(**{"hidden": (), "max_steps": 60, "n_repeats": 1, **parameters})


def rising_and_falling() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows of two domains, in the one of two thirds of which y falls as in the other it rises."""
    rng = np.random.default_rng(0)
    groups = np.where(np.arange(900) < 300, "a rise", "fall")
    X = rng.standard_normal((900, 2))
    return X, np.where(groups == "fall", -X[:, 0], X[:, 0]) + 0.3 * rng.standard_normal(900), groups


def test_law_when_losses_follow_one_then_its_coefficients_are_found():
    """On the simplex a shift of t can go into a, so they are held to a + mean(t) and t - mean(t)."""
    runs = mixtures(40, 0)
    found = fit_law(runs, PLANTED.losses(runs))
    np.testing.assert_allclose(found.floors, PLANTED.floors, atol=0.03)
    centred, planted = (law.slopes - law.slopes.mean(axis=1, keepdims=True) for law in (found, PLANTED))
    np.testing.assert_allclose(centred, planted, atol=0.15)
    levels, planted = (law.levels + law.slopes.mean(axis=1) for law in (found, PLANTED))
    np.testing.assert_allclose(levels, planted, atol=0.05)
    unseen = mixtures(200, 1)
    np.testing.assert_allclose(found.losses(unseen), PLANTED.losses(unseen), atol=2e-3)


def test_law_when_a_run_is_bad_then_bent_little():
    runs = mixtures(40, 0)
    losses = PLANTED.losses(runs)
    losses[7] += 1.0
    unseen = mixtures(200, 1)
    assert np.abs(fit_law(runs, losses).losses(unseen) - PLANTED.losses(unseen)).max() < 0.02


def test_law_when_losses_are_constant_then_predicts_the_constant():
    found = fit_law(mixtures(20, 0), np.full((20, 2), 0.7))
    np.testing.assert_allclose(found.losses(mixtures(5, 1)), 0.7, atol=0.01)


def test_lines_when_losses_are_linear_then_exact():
    runs, slopes = mixtures(10, 0), np.array([[1.0, 2.0, 3.0], [0.5, -0.5, 0.0]])
    np.testing.assert_allclose(linear_losses(runs, runs @ slopes.T, mixtures(4, 1)), mixtures(4, 1) @ slopes.T)


def test_least_mixture_when_each_domain_helps_itself_alone_then_its_closed_form():
    """The sum of exp(a_i - b_i r_i) is least where b_1 exp(a_1 - b_1 r_1) = b_2 exp(a_2 - b_2 r_2)."""
    a, b = np.array([0.4, 0.0]), np.array([2.0, 3.0])
    first = (a[0] - a[1] + np.log(b[0] / b[1]) + b[1]) / b.sum()
    law = Law(np.zeros(2), a, np.diag(-b))
    found = least_mixture(law, np.ones(2), 0.0, np.array([0.1, 0.9]))
    np.testing.assert_allclose(found, [first, 1 - first], atol=1e-5)
    counted = least_mixture(law, np.array([1.0, 0.0]), 0.05, np.array([0.5, 0.5]))
    np.testing.assert_allclose(counted, [0.95, 0.05], atol=1e-6)


def test_least_mixture_when_compared_with_many_then_none_is_lower():
    counts = np.array([0.2, 0.3, 0.5])
    found = least_mixture(PLANTED, counts, 0.0, np.full(3, 1 / 3))
    assert PLANTED.losses(found) @ counts <= (PLANTED.losses(mixtures(5000, 2)) @ counts).min() + 1e-9


@pytest.mark.parametrize(("objective", "shares"), [("equal", [1 / 2, 1 / 2]), ("rows", [1 / 3, 2 / 3])])
def test_mixture_when_two_domains_contradict_each_other_then_the_shares_they_count_for(objective, shares):
    """A line learns the slopes' mean under the mixture; best is the mixture that counts them as the objective does."""
    X, y, groups = rising_and_falling()
    found = quick(objective=objective, max_steps=150, learning_rate=0.05).fit(X, y, groups=groups)
    np.testing.assert_allclose(found.shares_, shares, atol=0.05)
    assert found.r2_.min() > 0.95
    other = "rows" if objective == "equal" else "equal"
    assert found.compared_["law"] < found.compared_[other] - 0.01


def test_runs_when_made_then_equal_shares_and_the_rows_own_come_first():
    X, y, groups = rising_and_falling()
    found = quick(max_steps=5, n_mixtures=7, floor=0.05).fit(X, y, groups=groups)
    assert found.mixtures_.shape == found.losses_.shape == (7, 2)
    np.testing.assert_allclose(found.mixtures_[0], 0.5)
    np.testing.assert_allclose(found.mixtures_[1], 0.05 + 0.9 * np.array([1 / 3, 2 / 3]))
    np.testing.assert_allclose(found.mixtures_.sum(axis=1), 1.0)
    assert found.mixtures_.min() >= 0.05
    assert set(found.compared_) == {"law", "best", "equal", "rows"}
    assert quick(max_steps=5).fit(X, y, groups=groups).mixtures_.shape == (32, 2)


def test_networks_when_trained_together_then_each_as_if_alone():
    X, y, groups = rising_and_falling()
    domains = Domains(X, y, groups, "here", "cpu")
    domains.hold_out(0.3, 0, "here")
    settings = {"hidden": (4,), "steps": 20, "batch_size": 64, "learning_rate": 0.01, "seed": 0}
    both = np.array([[0.9, 0.1], [0.2, 0.8]])
    alone = np.vstack([train_each(domains, mixture[None], **settings) for mixture in both])
    np.testing.assert_allclose(train_each(domains, both, **settings), alone, rtol=1e-4)
    assert np.abs(alone[0] - alone[1]).min() > 1e-3


def test_rows_when_held_out_then_never_drawn():
    X, y, groups = rising_and_falling()
    domains = Domains(X, y, groups, "here", "cpu")
    for share, expected in ((0.3, 90), (0.001, 1), (0.9999, 299)):
        domains.hold_out(share, 0, "here")
        drawn, _ = domains.draw(3000, torch.Generator().manual_seed(0))
        seen = set(drawn[:3000, 0].tolist())
        held = {row[0] for row in held_out(domains)}
        assert len(held) == expected
        assert not seen & held
        assert len(seen) <= 300 - expected


def held_out(domains: Domains) -> list[list[float]]:
    """Gives the first domain's rows held out, through the network that shows what it is given."""
    found = []

    def shows(rows: torch.Tensor) -> torch.Tensor:
        found.append(rows.tolist())
        return rows[:, 0]

    domains.held_out_losses(shows)
    return found[0]


def test_settings_when_the_domains_do_not_allow_them_then_refused():
    X, y, groups = rising_and_falling()
    three = np.where(np.arange(900) % 3 == 0, "other", groups)
    with pytest.raises(ParameterError, match=r"'floor' is 0\.4, but 3 domains .* below 0\.333"):
        quick(floor=0.4).fit(X, y, groups=three)
    with pytest.raises(
        ParameterError, match=r"'n_mixtures' is 5, but .* 3 domains has 5 coefficients; take 6 at least"
    ):
        quick(n_mixtures=5).fit(X, y, groups=three)
    with pytest.raises(DataError, match=r"groups holds 'alone' in 1 of 900 rows; every domain needs 2"):
        quick().fit(X, y, groups=np.where(np.arange(900) == 3, "alone", groups))
