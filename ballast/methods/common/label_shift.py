"""The class shares under which a model's predictions are likeliest: its calibration, and the EM algorithm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from ballast.compute.blocks import row_blocks

_LEAST_PROBABILITY = 1e-12
_RELAXATION = 1.9
_CACHE_BYTES = 2**19


class Calibration(NamedTuple):
    """What makes probabilities fit the labels: the logits' ``factor``, and a ``bias`` (K,) added to them."""

    factor: float
    bias: np.ndarray

    def of(self, probs: np.ndarray) -> np.ndarray:
        """Gives the calibrated probabilities (n, K), in double precision."""
        return softmax(self.factor * _logits(probs) + self.bias, axis=1)


def fit_calibration(probs: np.ndarray, positions: np.ndarray, *, biased: bool = True) -> Calibration:
    """Gives the calibration that makes the labels at `positions` (n,) likeliest under `probs` (n, K).

    Not ``biased`` it scales the logits alone.
    """
    logits = _logits(probs)
    n, n_classes = logits.shape
    labels = np.zeros_like(logits)
    labels[np.arange(n), positions] = 1.0

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        factor = np.exp(values[0])
        bias = np.append(values[1:], 0.0) if biased else 0.0
        log_probs = log_softmax(factor * logits + bias, axis=1)
        left = np.exp(log_probs) - labels
        slope = [(left * logits).sum() * factor / n, *(left.sum(axis=0)[:-1] / n if biased else [])]
        return -float((labels * log_probs).sum()) / n, np.array(slope)

    found = minimize(loss, np.zeros(n_classes if biased else 1), jac=True, method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), np.append(found[1:], 0.0) if biased else np.zeros(n_classes))


def mean_shares(probs: np.ndarray) -> np.ndarray:
    """Gives the mean of probabilities (n, K) by class, none of them zero."""
    return np.maximum(probs.mean(axis=0, dtype=np.float64), _LEAST_PROBABILITY)


def likeliest_shares(
    target: np.ndarray, source: np.ndarray, max_steps: int = 1000, tolerance: float = 1e-9
) -> tuple[np.ndarray, int]:
    """Gives the class shares (K,) under which probabilities (m, K) are likeliest, and the steps that it took.

    ``source`` (K,) are the shares that the model was fitted with. EM's step multiplies each share by the slope of the
    mean log-likelihood in it; its power above 1 and below 2 still climbs, in half the steps. A step is two products of
    the probabilities with a vector, block by block, so that the second finds the block in the cache.
    """
    shares, steps = source, 0
    while steps < max_steps:
        steps += 1
        slope = np.zeros(len(source))
        for rows in row_blocks(len(target), target.itemsize * len(source), _CACHE_BYTES):
            slope += (1 / np.maximum(target[rows] @ (shares / source), _LEAST_PROBABILITY)) @ target[rows]
        before, shares = shares, shares * (slope / (source * len(target))) ** _RELAXATION
        shares /= shares.sum()
        if np.abs(shares - before).max() < tolerance:
            break
    return shares, steps


def _logits(probs: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probs, _LEAST_PROBABILITY, dtype=np.float64))
