"""Six kinds of handwritten digits known to a network, four foreign: what the claims on novelty scores share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import ttest_1samp
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from ballast.methods.learners import TorchMLP

SEEDS = range(100, 112)


@dataclass(frozen=True)
class Draw:
    """A network fitted on 600 known digits, and the rows it is judged on: unseen known ones, then foreign ones."""

    network: TorchMLP
    X: np.ndarray
    y: np.ndarray
    judged: np.ndarray
    truth: np.ndarray
    foreign: np.ndarray

    def auroc(self, scores: np.ndarray) -> float:
        """Gives the area under the ROC curve of foreign against known rows."""
        return float(roc_auc_score(self.foreign, scores))

    def false_positives(self, scores: np.ndarray) -> float:
        """Gives the share of foreign rows taken for known at the threshold that keeps 95 % of the known."""
        return float((scores[self.foreign] <= np.quantile(scores[~self.foreign], 0.95)).mean())


@cache
def draw(seed: int, noise: float = 0.0) -> Draw:
    """Gives a draw with a share ``noise`` of the training labels replaced by a random known one."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    rng = np.random.default_rng(seed)
    known = rng.choice(10, 6, replace=False)
    is_known = np.isin(y, known)
    rows = rng.permutation(np.flatnonzero(is_known))
    train, judged = rows[:600], np.concatenate([rows[600:], np.flatnonzero(~is_known)])
    label = np.where(rng.random(600) < noise, rng.choice(known, 600), y[train])
    network = TorchMLP(hidden=(128, 64), max_epochs=60, patience=None, random_state=seed).fit(X[train], label)
    return Draw(network, X[train], label, X[judged], y[judged], ~is_known[judged])


def interval(differences: list[float]) -> tuple[float, float]:
    """Gives the 95 % t-interval of the mean of paired differences."""
    low, high = ttest_1samp(differences, 0).confidence_interval(0.95)
    return float(low), float(high)
