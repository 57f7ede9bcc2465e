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
    soft : True takes mean probabilities, which use more of the model; False counts predicted labels, as in the paper.
    max_condition : condition number of the confusion matrix beyond which the estimate is refused: errors of the
        measured shares grow by up to that factor.

    Attributes
    ----------
    priors_ : (K,) the estimated class shares of the target. ratio_per_class_ : (K,) these over the source's shares.
    ratio_ : (n,) the ratio of each training row's class. classes_ : (K,). confusion_ : (K, K), column k the mean
    prediction for rows of class k. condition_ : its condition number.

    Notes
    -----
    ``probs`` must be out of sample for the training rows, or the confusion looks better than it is in the target.
    Estimated shares below zero are set to zero, and the rest scaled to sum to one.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), of training rows, the target's or both.
    Cost: n K operations and one K x K system.

    Raises
    ------
    DataError : one class alone, a class without rows, a width of ``probs`` that differs from the number of classes,
    or a confusion matrix that is too ill-conditioned.

    Examples
    --------
    >>> import numpy as np
    >>> from ballast.methods.weights import BlackBoxShift
    >>> y, y_target = np.repeat([0, 1], [80, 20]), np.repeat([0, 1], [20, 80])
    >>> probs, probs_target = (np.where(labels[:, None] == [0, 1], 0.9, 0.1) for labels in (y, y_target))
    >>> weigher = BlackBoxShift().fit(probs, y, probs_target)
    >>> weigher.priors_.round(2)
    array([0.2, 0.8])
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
