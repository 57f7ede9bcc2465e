"""BBSE: class shares read off a biased classifier, and a learner repaired by them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from ballast.methods.weights import BlackBoxShift, InverseClassFrequency

pytestmark = pytest.mark.claim

CENTERS = np.array([[0, 0], [1.2, 0], [0, 1.2]])


def draw(rng: np.random.Generator, shares: list[float], n: int) -> tuple[np.ndarray, np.ndarray]:
    y = rng.choice(3, n, p=shares)
    return CENTERS[y] + rng.standard_normal((n, 2)), y


def run(seed: int, soft: bool) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    X, y = draw(rng, [0.5, 0.3, 0.2], 1000)
    X_target, y_target = draw(rng, [0.1, 0.2, 0.7], 1000)
    probs = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
    model = LogisticRegression().fit(X, y)
    probs_target = model.predict_proba(X_target)
    fitted = BlackBoxShift(soft=soft).fit(probs, y, probs_target)
    truth = np.bincount(y_target, minlength=3) / len(y_target)
    shares = {
        "estimated": fitted.priors_,
        "counted": np.bincount(probs_target.argmax(axis=1), minlength=3) / len(y_target),
        "averaged": probs_target.mean(axis=0),
    }

    def accuracy(weights: np.ndarray | None) -> float:
        return float(LogisticRegression().fit(X, y, sample_weight=weights).score(X_target, y_target))

    return {name: float(np.abs(s - truth).sum()) for name, s in shares.items()} | {
        "plain": accuracy(None),
        "balanced": accuracy(InverseClassFrequency().fit(y).weights_),
        "weighted": accuracy(fitted.weights_),
    }


@pytest.mark.parametrize("soft", [True, False], ids=["soft", "hard"])
def test_shares_when_labels_shift_then_nearer_than_counts_and_the_learner_better_than_plain_and_balanced(soft, claim):
    found = [run(seed, soft) for seed in claim.seeds(15)]
    assert all(f["estimated"] < 0.6 * min(f["counted"], f["averaged"]) for f in found)
    assert all(f["weighted"] > f["plain"] + 0.15 for f in found)
    assert all(f["weighted"] > f["balanced"] + 0.05 for f in found)
    claim.record(**{f"{name}, {'soft' if soft else 'hard'}": [f[name] for f in found] for name in found[0]})


def test_shares_when_the_features_of_a_class_move_too_then_wrong(claim):
    off = []
    for seed in claim.seeds(5):
        rng = np.random.default_rng(seed)
        X, y = draw(rng, [0.5, 0.3, 0.2], 2000)
        X_target, _ = draw(rng, [0.5, 0.3, 0.2], 2000)
        X_target += [1.0, 0.0]  # covariate shift, with the class shares unchanged
        probs = cross_val_predict(LogisticRegression(), X, y, method="predict_proba")
        shares = BlackBoxShift().fit(probs, y, LogisticRegression().fit(X, y).predict_proba(X_target)).priors_
        off.append(np.abs(shares - [0.5, 0.3, 0.2]).sum())
    claim.record(off_where_features_move=off)
    assert min(off) > 0.5, "the limit that the card states"
