"""Two Gaussian samples whose density ratio is known: what claims about estimators of the ratio are held against."""

from __future__ import annotations

import numpy as np


def moved(d: int, seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives source and target rows, the target's mean moved by 1 along the diagonal, and the ratio at the source's."""
    rng = np.random.default_rng(seed)
    step = np.ones(d) / np.sqrt(d)
    X = rng.standard_normal((n, d))
    return X, rng.standard_normal((n, d)) + step, np.exp(X @ step - 0.5)


def squared_error(weights: np.ndarray, ratio: np.ndarray) -> float:
    """Gives the mean squared error of weights, in units of that of uniform ones."""
    wanted = ratio / ratio.mean()
    return float(np.mean((weights / weights.mean() - wanted) ** 2) / np.var(wanted))
