"""The one rule by which a fitted classifier's class scores become logits, and whether probabilities are theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax

SMALLEST_PROBABILITY = 1e-12
"""Probabilities are clipped to this before their logarithm; a class that the model never saw gets it too."""


def logits_of(model: Any, X: np.ndarray, classes: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Gives (n, K) logits of rows for the sorted ``classes`` (K,), those of ``model.classes_`` among them.

    They are the model's ``decision_function`` where that has a column for each of its classes, and the logarithm of
    its probabilities ``probs`` (n, K) where not, as with two classes or with one-versus-one votes. A class that the
    model has not seen gets a logit that stands for ``SMALLEST_PROBABILITY``.
    """
    seen = np.searchsorted(classes, model.classes_)
    raw = np.asarray(model.decision_function(X)) if hasattr(model, "decision_function") else None
    if raw is None or raw.ndim != 2 or raw.shape[1] != len(seen):
        return np.log(np.clip(probs, SMALLEST_PROBABILITY, None))
    if len(seen) == len(classes):
        return raw
    logits = np.repeat(logsumexp(raw, axis=1, keepdims=True), len(classes), axis=1) + np.log(SMALLEST_PROBABILITY)
    logits[:, seen] = raw
    return logits


def is_softmax(probs: np.ndarray, logits: np.ndarray) -> bool:
    """Says whether probabilities are those of the logits, as a vote's or a calibrated model's are not."""
    return probs.shape == logits.shape and np.allclose(softmax(logits, axis=1), probs, atol=1e-3)
