"""Accuracy without labels against average confidence, difference of confidences and source accuracy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from ballast.methods.evaluation import AverageThresholdedConfidence

pytestmark = pytest.mark.claim

ESTIMATES = ("estimated_accuracy", "average_confidence", "difference_of_confidences", "source_accuracy")


def errors(model, score: str, source, target) -> np.ndarray:
    """Absolute error of each estimate on one target; ``source`` holds rows the model was not fitted on."""
    (X, y), (X_target, y_target) = source, target
    truth = (model.predict(X_target) == y_target).mean()
    method = AverageThresholdedConfidence(score=score, n_bootstrap=1, random_state=0)
    report = method.assess(model.predict_proba(X), y, model.predict_proba(X_target), classes=model.classes_)
    return np.array([abs(report.value(name) - truth) for name in ESTIMATES])


def network(X, y, seed: int) -> MLPClassifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((64,), max_iter=80, random_state=seed).fit(X, y)


def gain(found: np.ndarray, rival: int) -> tuple[float, float]:
    """Mean over seeds of how much nearer the estimate is than a rival, and the lower end of its 95 % interval."""
    difference = found[:, rival] - found[:, 0]
    mean, spread = difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
    return mean, mean - 2 * spread


def novel_subclusters(seed: int, score: str) -> np.ndarray:
    """Four classes of eight subclusters each in 20 dimensions, trained on five of them, judged on others."""
    rng = np.random.default_rng(seed)
    centres = 0.5 * rng.normal(size=(4, 1, 20)) + 0.7 * rng.normal(size=(4, 8, 20))

    def draw(subclusters):
        rows = [(centres[k, s] + rng.normal(size=(60, 20)), np.full(60, k)) for k in range(4) for s in subclusters]
        return np.concatenate([x for x, _ in rows]), np.concatenate([y for _, y in rows])

    model, held_out = network(*draw(range(5)), seed), draw(range(5))
    targets = ([5], [6], [7], [5, 6, 7], [0, 5], [1, 6], [0, 1, 2, 7])
    return np.mean([errors(model, score, held_out, draw(t)) for t in targets], axis=0)


@pytest.mark.parametrize("score", ["maximum_confidence", "negative_entropy"])
def test_estimate_when_subpopulations_are_novel_then_it_is_nearer_than_every_rival(score, claim):
    found = np.array([novel_subclusters(seed, score) for seed in claim.seeds(12)])
    gained = {f"{score}, gain over {name}": found[:, j] - found[:, 0] for j, name in enumerate(ESTIMATES) if j}
    claim.record(**{f"{score}, {name}": found[:, j] for j, name in enumerate(ESTIMATES)}, **gained)
    for rival in (1, 2, 3):
        mean, low = gain(found, rival)
        assert mean > 0.02, ESTIMATES[rival]
        assert low > 0.01, ESTIMATES[rival]


def corrupted_digits(seed: int) -> np.ndarray:
    """Digits under noise, blur, dimming, occlusion and shift, each at three strengths."""
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    train, held_out, field = np.split(order, [700, 1200])
    model = network(X[train] / 16, y[train], seed)
    clean = X[field].reshape(-1, 8, 8) / 16

    def targets():
        for level in (1, 2, 3):
            yield np.clip(clean + 0.15 * level * rng.normal(size=clean.shape), 0, 1)
            yield (1 - 0.2 * level) * clean + 0.1 * level * (np.roll(clean, 1, axis=1) + np.roll(clean, 1, axis=2))
            yield clean * (1 - 0.25 * level)
            yield np.where((np.arange(8) < level)[:, None], 0, clean)
            yield clean + 0.15 * level

    source = (X[held_out] / 16, y[held_out])
    found = [errors(model, "maximum_confidence", source, (t.reshape(-1, 64), y[field])) for t in targets()]
    return np.mean(found, axis=0)


def test_estimate_when_digits_are_corrupted_then_it_beats_source_accuracy_but_not_the_confidences(claim):
    found = np.array([corrupted_digits(seed) for seed in claim.seeds(8)])
    claim.record(**{f"digits, {name}": found[:, j] for j, name in enumerate(ESTIMATES)})
    mean, low = gain(found, 3)
    assert mean > 0.012
    assert low > 0.006
    for rival in (1, 2):
        assert -0.012 < gain(found, rival)[0] < 0.005, ESTIMATES[rival]


def calibrated(seed: int) -> np.ndarray:
    """A logistic model of logistic data: calibrated wherever the features go."""
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=8)

    def draw(n, shift):
        X = rng.normal(size=(n, 8)) + shift
        return X, (rng.random(n) < 1 / (1 + np.exp(-X @ coefficients))).astype(int)

    model = LogisticRegression().fit(*draw(4000, 0.0))
    held_out = draw(2000, 0.0)
    directions = rng.normal(size=(6, 8)) / 2
    return np.mean([errors(model, "maximum_confidence", held_out, draw(2000, d)) for d in directions], axis=0)


def test_estimate_when_the_model_is_calibrated_under_covariate_shift_then_both_confidences_are_nearer(claim):
    found = np.array([calibrated(seed) for seed in claim.seeds(12)])
    claim.record(**{f"calibrated, {name}": found[:, j] for j, name in enumerate(ESTIMATES)})
    for rival in (1, 2):
        mean, _ = gain(found, rival)
        assert mean < 0, ESTIMATES[rival]
