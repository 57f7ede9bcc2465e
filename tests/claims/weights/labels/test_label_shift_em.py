"""EM for label shift on noisy digits with an overconfident classifier: calibration pays."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from ballast.methods.weights import BlackBoxShift, LabelShiftEM

pytestmark = pytest.mark.claim

SEEDS = 40


def run(seed: int) -> dict[str, float]:
    """Gives the mean squared error of the class weights, of each method and of none."""
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    X = X / 16 + rng.normal(0, 0.35, X.shape)
    order = rng.permutation(len(X))
    fit, held, rest = order[:800], order[800:1200], order[1200:]
    shares = rng.dirichlet(np.ones(10))
    chosen = rng.choice(rest, 500, p=(shares / np.bincount(y[rest], minlength=10))[y[rest]])
    model = GaussianNB().fit(X[fit], y[fit])
    probs, probs_target = model.predict_proba(X[held]), model.predict_proba(X[chosen])
    truth = (np.bincount(y[chosen], minlength=10) / 500) / (np.bincount(y[held], minlength=10) / 400)
    methods = {
        "calibrated": LabelShiftEM(),
        "temperature": LabelShiftEM(calibration="temperature"),
        "raw": LabelShiftEM(calibration="none"),
        "confusion": BlackBoxShift(max_condition=1e6),
    }
    found = {name: m.fit(probs, y[held], probs_target).ratio_per_class_ for name, m in methods.items()}
    return {name: float(np.mean((w - truth) ** 2)) for name, w in {**found, "none": np.ones(10)}.items()}


def test_class_weights_when_the_classifier_is_overconfident_then_calibration_lowers_their_error(claim):
    errors = [run(seed) for seed in claim.seeds(SEEDS)]

    def gain(other: str) -> np.ndarray:
        return np.array([np.log10(e[other] / e["calibrated"]) for e in errors])

    gains = {f"gain_over_{other}": gain(other) for other in errors[0] if other != "calibrated"}
    claim.record(**{name: [e[name] for e in errors] for name in errors[0]}, **gains)
    for other, least in (("none", 0.8), ("raw", 0.05), ("temperature", 0.05)):
        gained = gain(other)
        spread = 2 * gained.std(ddof=1) / np.sqrt(SEEDS)
        assert gained.mean() - spread > 0, (other, gained.mean(), spread)
        assert gained.mean() > least, (other, gained.mean(), spread)
