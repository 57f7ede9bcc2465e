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
    beta : float in [0, 1), default 0.999
        Share of a class's volume that a new row has been drawn from before; 0.9 to 0.9999 in the paper.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    classes_ : ndarray of shape (K,)
        The classes.
    class_weights_ : ndarray of shape (K,)
        Weight of a row of each class.

    Raises
    ------
    DataError
        One class alone; on ``weigh``, a label that was not there in ``fit``.

    Notes
    -----
    Where rows have weights (a step's ``weights:``) these are counted, and ``weights_`` is the product of both; to
    multiply them afterwards would give other totals.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), in which new classes may appear.
    Cost: one hash of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> y = np.repeat(["often", "rare"], [900, 100])
    >>> for beta in (0.0, 0.99, 0.9999):  # from even to the inverse frequency
    ...     weigher = ballast.method("effective_number", beta=beta).fit(y)
    ...     print(weigher.class_weights_.round(1))
    [1. 1.]
    [0.9 1.5]
    [0.6 4.9]
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
