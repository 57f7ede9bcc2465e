"""Positive and unlabelled rows: a classifier by the weights, against those that take unlabelled rows for negatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import log_loss

from ballast.methods.learners import LogisticRegression
from ballast.methods.weights import InverseClassFrequency, PositiveUnlabelled
from tests.claims.claim import Claim

pytestmark = pytest.mark.claim

SEEDS = 12
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def normals(rng: np.random.Generator, gap: float = 1.8) -> tuple[np.ndarray, np.ndarray]:
    """Gives 4000 rows of two normal classes, two in five of them positive, moved in two of five columns."""
    truth = rng.random(4000) < 0.4
    return rng.normal(size=(4000, 5)) + gap * truth[:, None] * (np.arange(5) < 2), truth


def near(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return normals(rng, gap=1.0)


def cancer(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X, y = (np.asarray(part) for part in load_breast_cancer(return_X_y=True))
    order = rng.permutation(len(X))
    return X[order], y[order] == 0


def digits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Gives digits, the odd ones positive."""
    X, y = (np.asarray(part) for part in load_digits(return_X_y=True))
    order = rng.permutation(len(X))
    return X[order] / 16, y[order] % 2 == 1


def run(draw: Draw, seed: int, *, selected: bool = False) -> np.ndarray:
    """Gives (3, 2): accuracy at 1/2 and log loss on true labels, plain, by inverse frequency, and by the weights.

    Three in ten of the positives in the first half are labelled, at random or, where selected, those with the greatest
    values of the first column.
    """
    rng = np.random.default_rng(seed)
    X, truth = draw(rng)
    train, test = np.arange(len(X)) < len(X) // 2, np.arange(len(X)) >= len(X) // 2
    score = X[train, 0] if selected else rng.random(train.sum())
    edge = np.quantile(score[truth[train]], 0.7)
    y = 1 * (truth[train] & (score > edge))
    balanced, ours = InverseClassFrequency().fit(y).weights_, PositiveUnlabelled().fit(X[train], y).weights_
    found = []
    for weights in (None, balanced, ours):
        p = LogisticRegression().fit(X[train], y, sample_weight=weights).predict_proba(X[test])[:, 1]
        found.append([np.mean((p > 0.5) == truth[test]), log_loss(truth[test], p)])
    return np.array(found)


def gains(claim: Claim, draw: Draw, other: int, **how: bool) -> np.ndarray:
    """Gives (2, 2): the bounds of the gain in accuracy, and of the log loss that is spared, recorded by seed.

    Beside the gain over unweighted rows it records what each of the three gives.
    """
    runs = np.array([run(draw, seed, **how) for seed in claim.seeds(SEEDS)])
    gained = (runs[:, 2] - runs[:, other]) * [1, -1]
    figures = {("over plain", "over inverse")[other]: gained}
    if other == 0:
        figures |= dict(zip(("plain", "inverse", "weighted"), runs.transpose(1, 0, 2), strict=True))
    named = {", ".join([draw.__name__, way, *how]): values for way, values in figures.items()}
    claim.record(
        **{f"{n}, {what}": v[:, i] for n, v in named.items() for i, what in enumerate(("accuracy", "log loss"))}
    )
    spread = 2 * gained.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    return np.stack([gained.mean(axis=0) - spread, gained.mean(axis=0) + spread])


@pytest.mark.parametrize("draw", [normals, near, cancer, digits])
def test_true_labels_when_trained_by_the_weights_then_predicted_better_than_with_unlabelled_rows_as_negatives(
    draw, claim
):
    accuracy, spared = gains(claim, draw, 0)[0]
    assert accuracy > 0.1
    assert spared > 0.2


@pytest.mark.parametrize("draw", [normals, cancer, digits])
def test_true_labels_when_classes_lie_apart_then_predicted_better_than_with_weights_by_inverse_frequency(draw, claim):
    bounds = gains(claim, draw, 1)
    assert bounds[0, 0] > 0
    assert bounds.mean(axis=0)[1] > 0


def test_true_labels_when_classes_lie_close_then_predicted_no_better_than_with_weights_by_inverse_frequency(claim):
    assert gains(claim, near, 1).mean(axis=0).max() < 0.005, "the share is no longer too high: tell the card"


def test_true_labels_when_positives_were_labelled_for_their_features_then_hardly_better_predicted(claim):
    accuracy, spared = gains(claim, normals, 0, selected=True)[1]
    assert accuracy < 0.02
    assert spared < 0, "selection no longer costs log loss: tell the card"
