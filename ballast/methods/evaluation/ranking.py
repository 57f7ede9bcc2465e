"""The area under the ROC curve with each row's influence, and the log loss with the rows that it cannot tell of."""

from __future__ import annotations

import numpy as np

LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
"""What a probability of 0 counts as in the log loss, 36 for the row in place of infinity."""


def auroc(codes: np.ndarray, probs: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Gives the mean one-against-rest AUROC, and each row's influence on it per unit of its weight."""
    influence = np.zeros(len(codes))
    values = []
    n_classes = probs.shape[1]
    for k in range(1 if n_classes == 2 else 0, n_classes):  # the first of two classes is the second turned round
        positive = codes == k
        w_positive, w_negative = np.where(positive, weight, 0.0), np.where(positive, 0.0, weight)
        p, q = w_positive.sum(), w_negative.sum()
        if not (p > 0 and q > 0):
            continue
        _, place = np.unique(probs[:, k], return_inverse=True)
        positives, negatives = np.bincount(place, w_positive), np.bincount(place, w_negative)
        beaten = ((np.cumsum(negatives) - negatives / 2) / q)[place]  # share of the negatives below, ties half
        beating = 1 - ((np.cumsum(positives) - positives / 2) / p)[place]
        value = float((w_positive * beaten).sum() / p)
        influence += np.where(positive, (beaten - value) / p, (beating - value) / q)
        values.append(value)
    if not values:
        return float("nan"), influence
    return float(np.mean(values)), influence / len(values)


def log_losses(of_label: np.ndarray) -> np.ndarray:
    """Gives (n,) minus the logarithm of the probability that each row's label was given."""
    return -np.log(np.clip(of_label.astype(np.float64), LEAST_PROBABILITY, 1.0))
