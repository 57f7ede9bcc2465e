"""Regularised learning under label shift (RLLS): class weights that move from 1 no further than the data show."""

from __future__ import annotations

import logging

import numpy as np
from scipy.optimize import minimize_scalar, nnls

from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Level, NonNegative, Share
from ballast.methods.weights.labels._by_confusion import ByConfusion

log = logging.getLogger(__name__)

RIDGES = (-12.0, 4.0)
"""Range searched of the ridge's decimal logarithm, in units of the joint matrix's largest squared singular value."""


class RegularizedLabelShift(ByConfusion):
    """Weighs classes as ``black_box_shift`` does, but draws the weights towards 1 by the noise of the confusions.

    Use it under label shift with few labelled rows (about 10 a class) or a weak model, where inverting the confusion
    matrix amplifies noise. With many rows both agree. Not under covariate shift, where it may do harm.

    Parameters
    ----------
    soft : bool, default True
        True takes mean probabilities, False counts predicted labels. Calibrated probabilities are best.
    alpha : float >= 0, default 0.01
        Factor of the bound on the noise that the paper proves, which is far too large as it stands; 0.001 to 0.01 in
        the paper's experiments. 0 gives the least squares of non-negative weights.
    confidence : float in (0, 1), default 0.05
        Probability with which that bound may fail.
    gamma : float in (0, 1], default 1.0
        Share of the estimated move from 1 that is applied.

    Attributes
    ----------
    priors_ : ndarray of shape (K,)
        The target's class shares that the weights stand for.
    ratio_per_class_ : ndarray of shape (K,)
        The weight of each class.
    ratio_ : ndarray of shape (n,)
        Weight of each training row's class.
    classes_ : ndarray of shape (K,)
        The classes, one a column of ``probs``.
    penalty_ : float
        Factor of the norm of the move.

    Raises
    ------
    DataError
        One class alone, a class without rows, or a width of ``probs`` that is not the number of classes.

    Notes
    -----
    Minimises |C theta - b| + penalty |theta| over theta >= -1, in which C holds the joint shares of prediction and
    label, b the target's mean prediction less the training rows', and 1 + gamma theta the weights. Solved exactly:
    some ridge penalty has the same solution. Where nothing beyond the noise has moved every weight is 1, and a warning
    says so. ``probs`` must be out of sample for the training rows.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), of training rows, the target's or both.
    Cost: n K operations, and some 40 non-negative least squares in K unknowns.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> def model(share, n):  # right in eight of ten rows
    ...     y = np.arange(n) < share * n
    ...     p = np.where(rng.random(n) < 0.8, y, ~y) * 0.8 + 0.1
    ...     return np.c_[1 - p, p], y
    >>> probs, y = model(0.5, 2000)
    >>> for share in (0.5, 0.8):  # as in these rows, and another one
    ...     weigher = ballast.method("regularized_label_shift")
    ...     weigher.fit(probs, y, model(share, 2000)[0]).priors_.round(1)
    array([0.5, 0.5])
    array([0.2, 0.8])
    """

    name = "regularized_label_shift"
    reference = "Azizzadenesheli, Liu, Yang and Anandkumar, Regularized Learning for Domain Adaptation, ICLR 2019"
    survey_ids = ("B-rlls",)
    claim = Claim(
        "With few labelled rows and a weak classifier its class weights have less error than those of the inverted "
        "confusion matrix; with a good classifier both tie.",
        "reproduced",
        "Ten Gaussian classes, 100 labelled rows, target shares drawn at random, 20 seeds: log10 of the weights' "
        "squared error lower by {gain:.2f} +- {gain.spread:.2f} than black_box_shift's, accuracy higher by "
        "{accuracy_gain:.2f}; by {good_gain:.2f} +- {good_gain.spread:.2f} where the classes lie apart and 1000 rows "
        "are labelled.",
    )

    def __init__(
        self, soft: bool = True, alpha: NonNegative = 0.01, confidence: Level = 0.05, gamma: Share = 1.0
    ) -> None:
        self.soft = soft
        self.alpha = alpha
        self.confidence = confidence
        self.gamma = gamma

    def class_ratio(self, confusion: np.ndarray, counts: np.ndarray, wanted: np.ndarray, n: int, m: int) -> np.ndarray:
        """Gives (K,) ratios that move from 1 no further than the data show."""
        noise = np.log(2 * len(counts) / self.confidence) / n
        self.penalty_ = float(self.alpha * 3 * (2 * noise / 3 + np.sqrt(2 * noise)))
        moved = least_move(confusion / n, wanted, self.penalty_)
        if not moved.any():
            log.warning(
                "%s: the %d target rows' predictions differ from the %d training rows' by no more than noise, so that "
                "every class has the weight 1; lower alpha (%g) to see smaller shifts",
                self.name,
                m,
                n,
                self.alpha,
            )
        ratio = 1 + self.gamma * moved
        self.priors_ = ratio * counts / (ratio @ counts)
        return ratio


def least_move(joint: np.ndarray, wanted: np.ndarray, penalty: float) -> np.ndarray:
    """Gives the (K,) theta >= -1 that minimises |joint (1 + theta) - wanted| + penalty |theta|."""
    gap = wanted - joint.sum(axis=1)
    if np.linalg.norm(joint.T @ gap) <= penalty * np.linalg.norm(gap):
        return np.zeros(joint.shape[1])
    scale = np.linalg.norm(joint, 2)

    def move(log_ridge: float) -> np.ndarray:
        root = scale * 10 ** (log_ridge / 2)
        stacked = np.vstack([joint, root * np.eye(joint.shape[1])])
        return nnls(stacked, np.append(wanted, np.full(joint.shape[1], root)))[0] - 1

    def loss(log_ridge: float) -> float:
        theta = move(log_ridge)
        return float(np.linalg.norm(joint @ theta - gap) + penalty * np.linalg.norm(theta))

    if penalty == 0:
        return move(RIDGES[0])
    # The pairs of both norms along the ridge path bound a convex set, so the loss has one minimum on it.
    return move(minimize_scalar(loss, bounds=RIDGES, method="bounded", options={"xatol": 1e-3}).x)
