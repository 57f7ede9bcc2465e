"""RLLS against inverting the confusion matrix: a weak classifier and few labelled rows, and the opposite."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.weights import BlackBoxShift, RegularizedLabelShift

pytestmark = pytest.mark.claim

SEEDS, CLASSES, COLUMNS = 20, 10, 10


def run(seed: int, *, apart: float, n: int) -> tuple[float, float]:
    """Gives how much lower the log10 of the weights' squared error is than BBSE's, and how much higher the accuracy."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, apart, (CLASSES, COLUMNS))

    def draw(y: np.ndarray) -> np.ndarray:
        return centres[y] + rng.normal(size=(len(y), COLUMNS))

    fit, held = np.arange(200) % CLASSES, np.arange(n) % CLASSES
    target = rng.choice(CLASSES, 300, p=rng.dirichlet(np.ones(CLASSES)))
    model = LogisticRegression(max_iter=1000).fit(draw(fit), fit)
    probs, probs_target = model.predict_proba(draw(held)), model.predict_proba(draw(target))
    truth = np.bincount(target, minlength=CLASSES) / 300 * CLASSES
    found = [
        method.fit(probs, held, probs_target).ratio_per_class_
        for method in (RegularizedLabelShift(), BlackBoxShift(max_condition=np.finfo(float).max))
    ]
    errors = [np.log10(np.mean((ratio - truth) ** 2)) for ratio in found]
    accuracies = [float(np.mean((probs_target * ratio).argmax(axis=1) == target)) for ratio in found]
    return errors[1] - errors[0], accuracies[0] - accuracies[1]


def test_class_weights_when_the_classifier_is_weak_then_of_less_error_than_the_inverted_confusions(claim):
    gained, accuracy = np.array([run(seed, apart=0.3, n=100) for seed in claim.seeds(SEEDS)]).T
    claim.record(gain=gained, accuracy_gain=accuracy)
    spread = 2 * gained.std(ddof=1) / np.sqrt(SEEDS)
    assert gained.mean() - spread > 0.1, (gained.mean(), spread)
    assert accuracy.mean() > 0.02, accuracy.mean()


def test_class_weights_when_the_classifier_is_good_then_alike(claim):
    gained, _ = np.array([run(seed, apart=0.7, n=1000) for seed in claim.seeds(SEEDS)]).T
    claim.record(good_gain=gained)
    assert abs(gained.mean()) < 0.1, gained.mean()
