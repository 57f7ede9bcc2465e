"""SMOTE on rare digits, in ROC space: against class weights and under-sampling, for a tree and for stronger models."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from ballast.methods.learners import LogisticRegression
from ballast.methods.sampling import SMOTE
from tests.claims.claim import Claim

pytestmark = pytest.mark.claim
SEEDS = range(200, 240)
SHARE = 0.3
"""The share of common rows that under-sampling keeps, with and without SMOTE."""


def model(kind: str, seed: int):
    if kind == "tree":
        return DecisionTreeClassifier(min_samples_leaf=2, random_state=seed)
    return LogisticRegression() if kind == "logistic" else RandomForestClassifier(30, random_state=seed)


@cache
def one_draw(seed: int, kind: str) -> dict[str, float]:
    """Gives the AUROC of one digit, of which 30 rows are known among about 1,000, under each correction."""
    X, digit = load_digits(return_X_y=True)
    y = (digit == seed % 10).astype(int)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    test, train = order[:700], order[700:]
    rare, common = train[y[train] == 1][:30], train[y[train] == 0]
    train = np.concatenate([rare, common])
    fewer = np.concatenate([rare, rng.choice(common, round(SHARE * len(common)), replace=False)])
    even = np.concatenate([rare, rng.choice(common, len(rare), replace=False)])

    def auroc(X_train: np.ndarray, y_train: np.ndarray, weight: np.ndarray | None = None) -> float:
        fitted = model(kind, seed).fit(X_train, y_train, sample_weight=weight)
        return float(roc_auc_score(y[test], fitted.predict_proba(X[test])[:, 1]))

    both = SMOTE(undersampling=SHARE, random_state=seed).fit_resample(X[train], y[train])
    return {
        "plain": auroc(X[train], y[train]),
        "class weights": auroc(X[train], y[train], np.where(y[train] == 1, len(common) / len(rare), 1.0)),
        "under-sampling": auroc(X[fewer], y[fewer]),
        "even under-sampling": auroc(X[even], y[even]),
        "smote": auroc(*both),
    }


def gain(claim: Claim, kind: str, over: str, seeds: range = SEEDS) -> tuple[float, float]:
    """Gives the 95 % interval of what SMOTE with under-sampling gains in AUROC, recorded by seed."""
    own = np.array([one_draw(s, kind)["smote"] for s in claim.seeds(seeds)])
    differences = own - [one_draw(s, kind)[over] for s in claim.seeds(seeds)]
    claim.record(**{f"{kind}, over {over}": differences, kind: own})
    low, high = ttest_1samp(differences, 0).confidence_interval(0.95)
    return float(low), float(high)


@pytest.mark.parametrize("over", ["plain", "class weights", "under-sampling"])
def test_smote_when_the_model_is_a_tree_then_it_beats_weights_and_the_same_under_sampling(over, claim):
    assert gain(claim, "tree", over)[0] > 0


def test_smote_when_under_sampling_is_taken_to_even_classes_then_a_tree_does_as_well_without_it(claim):
    low, high = gain(claim, "tree", "even under-sampling")
    assert -0.02 < low < 0.02
    assert high < 0.05


@pytest.mark.parametrize("kind", ["logistic", "forest"])
def test_smote_when_the_model_is_stronger_then_class_weights_do_as_well(kind, claim):
    low, high = gain(claim, kind, "class weights", SEEDS[:10])
    assert -0.01 < low < high < 0.01
