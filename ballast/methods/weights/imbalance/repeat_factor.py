"""Repeat factors: rare classes up to a threshold count more, the others stay as they are."""

from __future__ import annotations

import logging

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Share
from ballast.methods.weights._by_class import ByClass

log = logging.getLogger(__name__)


class RepeatFactor(ByClass):
    """Weighs a class of share f by max(1, sqrt(threshold / f)): rare ones more, frequent ones unchanged.

    Use it on long tails where the frequent classes must not suffer. Not for the best recall of all classes alike:
    ``inverse_class_frequency`` gives more of it, and costs the frequent ones more.

    Parameters
    ----------
    threshold : float in (0, 1] or None, default None
        Share of the rows below which a class is rare; None takes 1 / K for K classes. The paper's 0.001 changes nothing
        in a table of a thousand rows.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    classes_ : ndarray of shape (K,)
        The classes.
    class_weights_ : ndarray of shape (K,)
        Weight of a row of each class.
    threshold_ : float
        As used.

    Raises
    ------
    DataError
        One class alone; on ``weigh``, a label that was not there in ``fit``.

    Notes
    -----
    Where rows have weights (a step's ``weights:``) these are counted, and ``weights_`` is the product of both; to
    multiply them afterwards would give other totals.
    The weights are the expected repetitions of the paper's sampler, which were found to be equal to it. A warning is
    logged where no class is below the threshold.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), in which new classes may appear.
    Cost: one hash of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> y = np.repeat(["often", "rare", "rarest"], [880, 100, 20])
    >>> weigher = ballast.method("repeat_factor", threshold=0.2).fit(y)
    >>> (weigher.class_weights_ / weigher.class_weights_[0]).round(2)
    array([1.  , 1.41, 3.16])
    """

    name = "repeat_factor"
    reference = "Gupta, Dollar and Girshick, LVIS: A Dataset for Large Vocabulary Instance Segmentation, CVPR 2019"
    survey_ids = ("S053",)
    claim = Claim(
        "Repeat factors raise the recall of rare classes with at most a point's loss on frequent ones; the inverse "
        "frequency gains more and costs more.",
        "reproduced",
        "Noisy digits, 120 rows down to 1 a class, logistic regression, 15 seeds: recall of rare classes {rare:+.3f} "
        "+- {rare.spread:.3f}, of frequent ones {frequent:+.3f} +- {frequent.spread:.3f}; inverse frequency "
        "{rare_inverse:+.3f} and {frequent_inverse:+.3f} +- {frequent_inverse.spread:.3f}.",
    )

    def __init__(self, threshold: Share | None = None) -> None:
        self.threshold = threshold

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of classes with (K,) rows."""
        self.threshold_ = self.threshold or 1 / len(counts)
        shares = counts / counts.sum()
        if shares.min() >= self.threshold_:
            log.warning(
                "%s: no class is rarer than threshold (%.3g; the rarest has a share of %.3g of %d rows), so that all "
                "rows weigh the same; raise threshold",
                self.name,
                self.threshold_,
                shares.min(),
                counts.sum(),
            )
        return np.maximum(1.0, np.sqrt(self.threshold_ / shares))
