"""Weights that give every class the same total."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.weights._by_class import ByClass


class InverseClassFrequency(ByClass):
    """Weighs every row by n / (K n_k), so that each of the K classes has the same total weight.

    Use it where errors on rare classes cost as much as on frequent ones. It sees no target data: where the target's
    class shares are to be matched use ``black_box_shift``. A model fitted with it predicts probabilities for
    balanced classes, not for the data at hand.

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
    >>> weigher = ballast.method("inverse_class_frequency").fit(y)
    >>> weigher.class_weights_.round(2)
    array([0.56, 5.  ])
    >>> [int(weigher.weights_[y == c].sum().round()) for c in weigher.classes_]
    [500, 500]
    """

    name = "inverse_class_frequency"
    reference = "King and Zeng, Logistic Regression in Rare Events Data, Political Analysis 2001"
    claim = Claim(
        "Every class carries the same total weight, whatever its share of the rows.",
        "by definition",
        "One class in twenty: logistic regression's balanced accuracy rises by {balanced_gain:.2f}, more than 0.1 on "
        "each of 15 seeds, and its accuracy falls by {lost:.2f}, on all.",
    )

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of classes with (K,) rows."""
        return 1 / counts
