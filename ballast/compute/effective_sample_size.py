"""How much a set of weights is worth."""

from __future__ import annotations

import numpy as np


def effective_sample_size(weights: np.ndarray) -> float:
    """Gives Kish's effective sample size, (sum w)^2 / sum w^2: how many unweighted rows carry as much."""
    w = np.asarray(weights, dtype=np.float64)
    top = w.max(initial=0.0)
    if not top > 0:
        return 0.0
    w = w / top  # so that the squares neither overflow nor vanish
    return float(w.sum() ** 2 / (w**2).sum())


def worth(weights: np.ndarray) -> dict[str, float]:
    """Gives what weights (n,) are worth: their effective size and its share, the largest, the share that is zero."""
    size, n = effective_sample_size(weights), len(weights)
    return {
        "rows": n,
        "effective_sample_size": size,
        "effective_share": size / n,
        "maximum_weight": float(weights.max()),
        "zero_share": float((weights == 0).mean()),
    }
