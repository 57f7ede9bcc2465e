"""Class weights by the effective number of a class's rows."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ballast.methods.frame.base import Claim
from ballast.methods.weights._by_class import ByClass


class EffectiveNumber(ByClass):
    """Weighs classes by the inverse of their effective number of rows, (1 - beta^n_k) / (1 - beta).

    Use it in place of ``inverse_class_frequency`` where rows of a frequent class repeat each other: a class of more
    than some 1 / (1 - beta) rows counts as though it had no more. Not as a free lunch: ``beta`` is a guess, 0 weighs
    all rows alike and 1 would be the inverse frequency.

    Parameters
    ----------
    beta : share of a class's volume that a new row has been drawn from before; 0.9 to 0.9999 in the paper.

    Attributes
    ----------
    weights_ : (n,), mean 1. classes_ : (K,) the classes. class_weights_ : (K,) the weight of each.

    Notes
    -----
    Where rows have weights (a step's ``weights:``) these are counted, and ``weights_`` is the product of both; to
    multiply them afterwards would give other totals.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), in which new classes may appear.
    Cost: one hash of the labels.

    Raises
    ------
    DataError : one class alone; on ``weigh``, a label that was not there in ``fit``.

    Examples
    --------
    >>> from ballast.methods.weights import EffectiveNumber
    >>> weigher = EffectiveNumber(beta=0.9).fit(["rare"] + ["often"] * 4)
    >>> weigher.weights_.round(2)
    array([2.31, 0.67, 0.67, 0.67, 0.67])
    """

    name = "effective_number"
    reference = "Cui, Jia, Lin, Song and Belongie, Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019"
    claim = Claim(
        "The weights lie between uniform ones and the inverse frequency, as beta says.",
        "by definition",
        "The tests hold the formula and both ends.",
    )

    def __init__(self, beta: Annotated[float, Field(ge=0, lt=1)] = 0.999) -> None:
        self.beta = beta

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of classes with (K,) rows."""
        return (1 - self.beta) / -np.expm1(counts * np.log(self.beta)) if self.beta > 0 else np.ones(len(counts))
