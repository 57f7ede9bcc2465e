"""Logit adjustment on long tails: the balanced error, against the plain model and weights by inverse frequency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from ballast.methods.learners import LogisticRegression, LogitAdjustment, TorchMLP
from ballast.methods.weights import InverseClassFrequency

pytestmark = pytest.mark.claim

Task = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
WAYS = ("plain", "weighted", "adjusted")


def digits(rng: np.random.Generator) -> Task:
    """Gives noisy digits, 120 rows of one down to 1 of another, and as many of each to test on."""
    X, y = (np.asarray(part) for part in load_digits(return_X_y=True))
    X = X / 16 + rng.normal(0, 0.4, X.shape)
    order = rng.permutation(len(X))
    sizes = np.round(120 * 0.01 ** (rng.permutation(10) / 9)).astype(int).clip(1)
    by_class = [order[y[order] == k] for k in range(10)]
    train = np.concatenate([rows[:size] for rows, size in zip(by_class, sizes, strict=True)])
    test = np.concatenate([rows[120:] for rows in by_class])
    return X[train], y[train], X[test], y[test]


def normals(rng: np.random.Generator) -> Task:
    """Gives eight normal classes in ten columns, the largest a hundred times the smallest."""
    centres, shares = 0.85 * rng.normal(size=(8, 10)), 0.01 ** (np.arange(8) / 7)

    def draw(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat(np.arange(8), sizes)
        return centres[y] + rng.normal(size=(len(y), 10)), y

    return *draw((2000 * shares / shares.sum()).astype(int)), *draw(np.full(8, 300))


def run(task: Callable[[np.random.Generator], Task], make: Callable[[], Any], seed: int) -> list[float]:
    """Gives the balanced error plain, weighted by inverse frequency, and adjusted."""
    X, y, X_test, y_test = task(np.random.default_rng(seed))
    weights = InverseClassFrequency().fit(y).weights_
    models = make().fit(X, y), make().fit(X, y, sample_weight=weights), LogitAdjustment(make()).fit(X, y)
    missed = [model.predict(X_test) != y_test for model in models]
    return [float(np.mean([m[y_test == k].mean() for k in np.unique(y_test)])) for m in missed]


def network() -> TorchMLP:
    return TorchMLP(max_epochs=30, patience=None, learning_rate=3e-3, device="cpu")


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(50, min_samples_leaf=10, random_state=0)


def gains(errors: np.ndarray, other: int) -> tuple[float, float]:
    """Gives the bounds of the change of the error from the plain (0) or the weighted (1) model to the adjusted."""
    gained = errors[:, 2] - errors[:, other]
    spread = 2 * gained.std(ddof=1) / np.sqrt(len(errors))
    return gained.mean() - spread, gained.mean() + spread


@pytest.mark.parametrize(
    ("task", "make", "seeds", "over_weighted"),
    [(digits, LogisticRegression, 15, 0.0), (normals, network, 8, 0.01)],
    ids=["digits", "normals"],
)
def test_error_when_adjusted_then_below_the_plain_model_and_no_higher_than_weighted(
    task, make, seeds, over_weighted, claim
):
    errors = np.array([run(task, make, seed) for seed in claim.seeds(seeds)])
    figures = {way: errors[:, j] for j, way in enumerate(WAYS)} | {"over_weighted": errors[:, 2] - errors[:, 1]}
    claim.record(**{f"{task.__name__}_{name}": values for name, values in figures.items()})
    assert gains(errors, 0)[1] < -0.05
    assert gains(errors, 1)[1] < over_weighted


def test_error_when_a_forest_smooths_rare_classes_away_then_below_the_plain_one_but_above_the_weighted(claim):
    errors = np.array([run(normals, forest, seed) for seed in claim.seeds(8)])
    claim.record(**{f"forest_{way}": errors[:, j] for j, way in enumerate(WAYS)})
    assert gains(errors, 0)[1] < -0.05
    assert gains(errors, 1)[0] > 0, "the forest's probabilities now keep up with weights: tell the card"
