"""Black box shift estimation (BBSE): class weights under label shift."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Positive
from ballast.methods.weights.labels._by_confusion import ByConfusion


class BlackBoxShift(ByConfusion):
    """Weighs classes to the target's class shares, which it reads off a model's predictions on unlabelled rows.

    Use it under label shift: class shares differ, but a class looks the same in source and target. Any model will
    do that tells the classes apart on average, calibrated or not. Not under covariate shift, where it may do harm.

    Parameters
    ----------
    soft : bool, default True
        True takes mean probabilities, which use more of the model; False counts predicted labels, as in the paper.
    max_condition : float > 0, default 100.0
        Condition number of the confusion matrix beyond which the estimate is refused: errors of the measured shares
        grow by up to that factor.

    Attributes
    ----------
    priors_ : ndarray of shape (K,)
        The estimated class shares of the target.
    ratio_per_class_ : ndarray of shape (K,)
        The estimated shares over the source's.
    ratio_ : ndarray of shape (n,)
        The ratio of each training row's class.
    classes_ : ndarray of shape (K,)
        The classes, one a column of ``probs``.
    confusion_ : ndarray of shape (K, K)
        Column k the mean prediction for rows of class k.
    condition_ : float
        Condition number of the confusions.

    Raises
    ------
    DataError
        One class alone, a class without rows, a width of ``probs`` that differs from the number of classes, or a
        confusion matrix that is too ill-conditioned.

    Notes
    -----
    ``probs`` must be out of sample for the training rows, or the confusion looks better than it is in the target.
    Estimated shares below zero are set to zero, and the rest scaled to sum to one.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), of training rows, the target's or both.
    Cost: n K operations and one K x K system.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> def model(share, n):  # right in four of five rows, of either class
    ...     y = (rng.random(n) < share).astype(int)
    ...     p = np.where(rng.random(n) < 0.8, y, 1 - y) * 0.8 + 0.1
    ...     return np.c_[1 - p, p], y
    >>> probs, y = model(0.2, 4000)
    >>> probs_target, _ = model(0.7, 4000)
    >>> weigher = ballast.method("black_box_shift").fit(probs, y, probs_target)
    >>> weigher.priors_.round(1)
    array([0.3, 0.7])
    """

    name = "black_box_shift"
    reference = "Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors, ICML 2018"
    claim = Claim(
        "Under label shift it recovers the target's class shares from a biased classifier, and weighting by them "
        "raises accuracy.",
        "reproduced",
        "3 classes, shares 0.5/0.3/0.2 to 0.1/0.2/0.7, 1000 rows each, 15 seeds: summed error of the shares "
        "{estimated, soft:.2f}, of counted predictions {counted, soft:.2f}; accuracy {weighted, soft:.3f}, unweighted "
        "{plain, soft:.3f}, balanced classes {balanced, soft:.3f}; better on every seed. Where the features of a "
        "class move too, the shares are off by {off_where_features_move:.2f} in all.",
    )

    def __init__(self, soft: bool = True, max_condition: Positive = 100.0) -> None:
        self.soft = soft
        self.max_condition = max_condition

    def class_ratio(self, confusion: np.ndarray, counts: np.ndarray, wanted: np.ndarray, n: int, m: int) -> np.ndarray:
        """Gives (K,) ratios by inverting the confusion matrix."""
        self.confusion_ = confusion / counts
        self.condition_ = float(np.linalg.cond(self.confusion_))
        if not self.condition_ <= self.max_condition:
            raise DataError(
                f"{self.name}: the model's predictions do not tell the classes apart well enough: the confusion "
                f"matrix of {n} rows and {len(counts)} classes has condition number {self.condition_:.3g} "
                f"(max_condition {self.max_condition:g}); use a better model, merge classes it confuses, or raise "
                "max_condition"
            )
        shares = np.linalg.solve(self.confusion_, wanted).clip(min=0.0)
        self.priors_ = shares / shares.sum()
        return self.priors_ * n / counts
