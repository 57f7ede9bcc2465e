"""RLLS: known shares, the optimum of its problem, and where it moves nothing."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from ballast.errors import DataError
from ballast.methods.weights import RegularizedLabelShift
from ballast.methods.weights.labels.regularized_label_shift import least_move


def problem(shares: list[float], n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives probs and labels of balanced rows, and probs of rows of the shares given."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])

    def draw(y: np.ndarray) -> np.ndarray:
        return centres[y] + rng.normal(size=(len(y), 2))

    y, y_target = np.arange(n) % 3, rng.choice(3, n, p=shares)
    model = LogisticRegression().fit(draw(y), y)
    return model.predict_proba(draw(y)), y, model.predict_proba(draw(y_target))


@pytest.mark.parametrize("soft", [True, False])
def test_weights_when_the_shares_are_known_then_near_their_ratio_and_not_its_inverse(soft):
    shares = np.array([0.1, 0.2, 0.7])
    probs, y, probs_target = problem(list(shares))
    found = RegularizedLabelShift(soft=soft).fit(probs, y, probs_target)
    truth = 3 * shares
    assert np.abs(found.ratio_per_class_ - truth).max() < 0.2
    assert np.abs(1 / found.ratio_per_class_ - truth).max() > 1
    np.testing.assert_allclose(found.priors_, shares, atol=0.05)
    np.testing.assert_allclose(found.weigh(y), found.weights_)


def test_least_move_when_held_against_a_general_solver_then_the_least():
    rng = np.random.default_rng(0)
    for _ in range(4):
        joint = rng.dirichlet(np.full(5, 0.3), 5).T / 5
        wanted = rng.dirichlet(np.ones(5))

        def loss(theta: np.ndarray, joint: np.ndarray = joint, wanted: np.ndarray = wanted) -> float:
            return float(np.linalg.norm(joint @ (1 + theta) - wanted) + 0.02 * np.linalg.norm(theta))

        bounds = [(-1.0, None)] * 5
        starts = rng.uniform(-1, 1, (6, 5))
        best = min(minimize(loss, s, bounds=bounds, method="SLSQP", options={"ftol": 1e-14}).fun for s in starts)
        found = least_move(joint, wanted, 0.02)
        assert (found >= -1).all()
        assert loss(found) <= best + 1e-6


def test_weights_when_nothing_has_moved_then_all_one_and_a_warning_says_so(caplog):
    probs, y, probs_target = problem([1 / 3, 1 / 3, 1 / 3], n=300)
    with caplog.at_level(logging.WARNING):
        found = RegularizedLabelShift(alpha=1.0).fit(probs, y, probs_target)
    np.testing.assert_array_equal(found.weights_, 1.0)
    assert "lower alpha" in caplog.text


def test_gamma_when_a_half_then_half_the_move():
    probs, y, probs_target = problem([0.1, 0.2, 0.7])
    whole = RegularizedLabelShift().fit(probs, y, probs_target).ratio_per_class_
    half = RegularizedLabelShift(gamma=0.5).fit(probs, y, probs_target).ratio_per_class_
    np.testing.assert_allclose(half - 1, (whole - 1) / 2)


def test_predictions_when_the_same_for_every_row_then_still_weights():
    probs = np.full((40, 2), 0.5)
    found = RegularizedLabelShift().fit(probs, np.arange(40) % 2, probs)
    np.testing.assert_allclose(found.weights_, 1.0)


def test_labels_when_of_one_class_then_refused():
    with pytest.raises(DataError, match="y has only one value"):
        RegularizedLabelShift().fit(np.full((4, 1), 1.0), np.zeros(4), np.full((4, 1), 1.0))
