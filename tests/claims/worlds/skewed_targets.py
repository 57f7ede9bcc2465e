"""A target with a long tail that a network can learn almost without error."""

from __future__ import annotations

from typing import Any

import numpy as np


def skewed(seed: int) -> tuple[np.ndarray, np.ndarray, slice]:
    """Gives (6000, 8) features, the targets, of which a few are far above the others, and the rows to train on."""
    rng = np.random.default_rng(seed)
    X, direction = rng.normal(size=(6000, 8)), rng.normal(size=8)
    y = np.log1p(np.exp(0.9 * (X @ direction) / np.linalg.norm(direction) + 0.4 * X[:, 0] * X[:, 1]))
    return X, y + 0.05 * rng.normal(size=6000), slice(0, 1500)


def on_rare(model: Any, X: np.ndarray, y: np.ndarray, train: slice) -> np.ndarray:
    """Gives the mean absolute error and the correlation on the largest 3 % of the targets, of the other rows."""
    found, y, rare = model.predict(X[train.stop :]), y[train.stop :], y[train.stop :] > np.quantile(y, 0.97)
    return np.array([np.abs(found - y)[rare].mean(), np.corrcoef(found[rare], y[rare])[0, 1]])
