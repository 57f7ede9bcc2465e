"""The minimax-risk classifier where samples hardly overlap: double weights, single ones, and logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_breast_cancer

from ballast.methods.learners import LogisticRegression
from ballast.methods.robust import MinimaxRiskClassifier
from ballast.methods.weights import DoubleWeighting, KernelMeanMatching

pytestmark = pytest.mark.claim

ROWS, SEEDS = 200, 24


def run(seed: int) -> dict[str, float]:
    """Gives the error on the target of each model, and the effective share of the rows."""
    rng = np.random.default_rng(seed)

    def target(n: int) -> np.ndarray:
        return rng.normal(size=(n, 2)) * [0.8, 1.0] + [1.2, 0.0]

    X, X_target, X_test = rng.normal(size=(ROWS, 2)) - [1.0, 0.0], target(ROWS), target(2000)
    y, y_test = (rng.random(len(Z)) < expit(3 * (Z[:, 1] - np.sin(1.2 * Z[:, 0]))) for Z in (X, X_test))

    def error(model: LogisticRegression | MinimaxRiskClassifier) -> float:
        return 1 - float(model.score(X_test, y_test))

    matched = KernelMeanMatching().fit(X, X_target).weights_
    found = {
        "unweighted": error(LogisticRegression().fit(X, y)),
        "logistic, matched": error(LogisticRegression().fit(X, y, matched)),
    }
    risks = {}
    for name, leniency in (("double", 25.0), ("single", 1.0)):
        weights = DoubleWeighting(leniency).fit(X, X_target).weights_
        found[f"logistic, {name}"] = error(LogisticRegression().fit(X, y, weights))
        found[f"no tolerance, {name}"] = error(MinimaxRiskClassifier(leniency, 0.0).fit(X, y, X_target, weights))
        model = MinimaxRiskClassifier(leniency).fit(X, y, X_target, weights)
        found[name], risks[name] = error(model), model.minimax_risk_
        found[f"share, {name}"] = model.effective_sample_size_ / ROWS
    return {**found, "chosen": found[min(risks, key=risks.__getitem__)]}


def test_error_when_overlap_is_little_then_less_with_double_weights_but_no_less_than_of_logistic_regression(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    found = {name: np.array([r[name] for r in runs]) for name in runs[0]}
    assert (found["share, double"] > 2 * found["share, single"]).all()
    gained = found["no tolerance, single"] - found["no tolerance, double"]
    claim.record(**found, gain=found["single"] - found["double"], **{"no tolerance, gain": gained})
    assert gained.mean() > 0.02
    assert gained.mean() > 2 * gained.std(ddof=1) / np.sqrt(SEEDS)
    assert found["single"].mean() > found["double"].mean() + 0.005
    for double in (found["double"], found["no tolerance, double"]):
        assert double.mean() < found["unweighted"].mean() - 0.05
        assert double.mean() > found["logistic, double"].mean() - 0.005, "the paper has more"


def tumours(seed: int) -> dict[str, float]:
    """Gives the error of each model on tumours that are mostly small, fitted to 140 that are mostly large."""
    X, y = (np.asarray(part) for part in load_breast_cancer(return_X_y=True))
    order = np.random.default_rng(seed).permutation(len(y))
    large = X[order, 0] > np.median(X[:, 0])
    more, fewer = round(0.7 * 140), round(0.3 * 140)
    train = np.concatenate([order[large][:more], order[~large][:fewer]])
    target = np.concatenate([order[large][more:][:fewer], order[~large][fewer:][:more]])
    Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
    models = {
        "tumours, double": MinimaxRiskClassifier().fit(Z[train], y[train], Z[target]),
        "tumours, single": MinimaxRiskClassifier(1.0).fit(Z[train], y[train], Z[target]),
        "tumours, unweighted": LogisticRegression().fit(Z[train], y[train]),
    }
    return {name: 1 - float(model.score(Z[target], y[target])) for name, model in models.items()}


def test_error_of_tumours_when_weighed_then_no_less_than_of_logistic_regression_without_weights(claim):
    runs = [tumours(seed) for seed in claim.seeds(12)]
    found = {name: np.array([r[name] for r in runs]) for name in runs[0]}
    claim.record(**found)
    assert found["tumours, double"].mean() < found["tumours, single"].mean()
    assert found["tumours, double"].mean() > found["tumours, unweighted"].mean(), "it gains here: tell the card"
