"""Multiplies several tables of weights, row by row."""

from __future__ import annotations

import numpy as np

from ballast.errors import OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class MultiplyWeights(Weigher):
    """Multiplies several tables of weights, row by row.

    Use it where reasons to weigh are independent of each other: covariate shift, label shift given the features,
    fairness. Not for two estimates of the same ratio, which would count it twice; compare those instead. Nor for two
    tables that both start from design weights, which it would square.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    factors_ : list of str
        The names of the tables multiplied.

    Raises
    ------
    OverlapError
        Every row has a weight of 0 in some table.

    Notes
    -----
    Computed in logarithms, so that many factors neither overflow nor vanish. Cost: O(n) a table.

    Examples
    --------
    >>> import ballast
    >>> tables = {"shift": [1, 3, 1, 3], "classes": [0.5, 0.5, 1.5, 1.5]}
    >>> ballast.method("multiply_weights").fit(tables).weights_
    array([0.25, 0.75, 0.75, 2.25])
    """

    name = "multiply_weights"
    reference = (
        "Robins, Hernan and Brumback, Marginal Structural Models and Causal Inference in Epidemiology, Epidemiology "
        "2000"
    )
    claim = Claim("Weights for independent reasons multiply.", "by definition", BY_FORMULA)

    def fit(self, sample_weights: dict[str, np.ndarray]) -> MultiplyWeights:
        """Multiplies the tables, by name, each (n,)."""
        self.factors_ = list(sample_weights)
        with np.errstate(divide="ignore"):
            logs = [np.log(mean_one(weights, f"{self.name}: {name}")) for name, weights in sample_weights.items()]
        log = np.sum(logs, axis=0)
        top = log.max()
        if not np.isfinite(top):
            raise OverlapError(
                f"{self.name}: every one of the {len(log)} rows has a weight of 0 in some table of "
                f"{', '.join(self.factors_)}; these weights contradict each other"
            )
        self.weights_ = np.exp(log - top).astype(np.result_type(*sample_weights.values()))
        return self
