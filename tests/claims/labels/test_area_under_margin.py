"""Area under the margin on digits with a fifth of the labels wrong: it finds them, and dropping them helps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from ballast.methods.labels import AreaUnderMargin
from ballast.methods.labels.area_under_margin import flag_by_threshold_samples
from ballast.methods.learners import TorchMLP

pytestmark = pytest.mark.claim
SEEDS = range(100, 108)
NETWORK = TorchMLP(optimizer="sgd", learning_rate=0.05, max_epochs=15, record_dynamics=True)


@cache
def one_draw(seed: int, kind: str) -> dict[str, float]:
    """Gives the ranking's quality, and the accuracy after training on all and on unflagged labels."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    train, test = order[:1200], order[1200:]
    wrong = rng.random(1200) < 0.2
    other = (y[train] + (rng.integers(1, 10, 1200) if kind == "any" else 1)) % 10
    label = np.where(wrong, other, y[train])
    recorded = clone(NETWORK).set_params(random_state=seed).fit(X[train], label)
    margins, losses = recorded.dynamics_["margins"], recorded.dynamics_["losses"]
    scorer = AreaUnderMargin(noise_rate=0.2).fit(margins)
    scores = scorer.score_samples(margins)
    flagged = scorer.flag(scores)
    by_rule = flag_by_threshold_samples(NETWORK, X[train], label, random_state=seed)

    def accuracy(rows: np.ndarray) -> float:
        network = TorchMLP(random_state=seed, learning_rate=0.01)  # stops early, as a careful user's would
        return network.fit(X[train][rows], label[rows]).score(X[test], y[test])

    return {
        "auc": float(roc_auc_score(~wrong, scores)),
        "final_loss_auc": float(roc_auc_score(wrong, losses[:, -1])),
        "mean_loss_auc": float(roc_auc_score(wrong, losses.mean(axis=1))),
        "precision": float(wrong[by_rule].mean()),
        "recall": float(by_rule[wrong].mean()),
        "all": accuracy(np.ones(1200, dtype=bool)),
        "unflagged": accuracy(~flagged),
    }


def figures(seeds: range, kind: str, name: str, minus: str | None = None) -> np.ndarray:
    return np.array([one_draw(s, kind)[name] - (one_draw(s, kind)[minus] if minus else 0) for s in seeds])


def lower_end(values: np.ndarray) -> float:
    return float(ttest_1samp(values, 0).confidence_interval(0.95).low)


def test_area_under_margin_when_labels_are_flipped_at_random_then_the_threshold_rule_finds_them(claim):
    precision, recall = (figures(claim.seeds(SEEDS), "any", name) for name in ("precision", "recall"))
    claim.record(precision=precision, recall=recall)
    assert precision.mean() > 0.75
    assert recall.mean() > 0.9


def test_area_under_margin_when_flips_follow_a_rule_then_it_ranks_better_than_the_final_loss(claim):
    gained = figures(claim.seeds(SEEDS), "next", "auc", minus="final_loss_auc")
    auc, of_final_loss = (figures(claim.seeds(SEEDS), "next", name) for name in ("auc", "final_loss_auc"))
    claim.record(gain_over_final_loss=gained, auc_next=auc, final_loss_auc_next=of_final_loss)
    assert lower_end(gained) > 0.01


@pytest.mark.parametrize("kind", ["any", "next"])
def test_area_under_margin_when_flagged_rows_are_dropped_then_retraining_gains(kind, claim):
    gained = figures(claim.seeds(SEEDS), kind, "unflagged", minus="all")
    claim.record(**{f"retrained_{kind}": gained})
    assert lower_end(gained) > 0.01


def test_area_under_margin_when_compared_with_the_mean_loss_then_the_ranking_is_the_same(claim):
    gained = figures(claim.seeds(SEEDS), "any", "auc", minus="mean_loss_auc")
    assert np.abs(gained).max() < 0.005
    auc, of_mean_loss = (figures(claim.seeds(SEEDS), "any", name) for name in ("auc", "mean_loss_auc"))
    claim.record(gain_over_mean_loss=gained, auc_any=auc, mean_loss_auc_any=of_mean_loss)
