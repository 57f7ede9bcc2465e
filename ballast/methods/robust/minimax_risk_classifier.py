"""The classifier of least worst-case log loss on a target, from the training rows' weighted means."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.compute.scaling import joint_scaling
from ballast.methods.common.tasks import check_classes
from ballast.methods.frame.base import Claim, Learner
from ballast.methods.frame.parameters import Count, Device, NonNegative, Positive, Seed
from ballast.methods.weights.ratio.double_weighting import DoubleWeighting

RIDGE = 1e-3
"""Squared penalty that bounds the coefficients where no labels of the target can have the means asked for."""
STEPS = 2000


class MinimaxRiskClassifier(ClassifierMixin, Learner):
    """Classifies with the linear rule of least log loss on the target, whatever its labels, given weighted means.

    Use it with ``weights:`` of ``double_weighting``, or without weights, where it weighs both samples itself, if the
    target lies partly beyond the training rows and a cautious rule is wanted: a feature counts only as far as its
    weighted mean by class is known. Not as the first choice: ``logistic_regression`` with the same weights had no more
    error. Not where probabilities must be calibrated: they are the more cautious the fewer rows carry the weight.

    Parameters
    ----------
    leniency : float >= 1, default 25.0
        As of ``double_weighting``, and so are ``bandwidth``, ``n_landmarks`` and ``random_state``. Where a step gives
        its weights, give them here as there.
    tolerance : float >= 0, default 1.0
        How far a mean may be from the target's, in standard errors. More is more cautious.
    bandwidth : float > 0 or None, default None
        Width of the kernel, as of ``double_weighting``.
    n_landmarks : int >= 1, default 200
        Rows that the kernel is approximated on.
    random_state : int or None, default 0
        Seed of the draws.
    device : str, default "auto"
        Where to seek neighbours: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The sorted labels.
    coef_ : ndarray of shape (K, d)
        Coefficients of features less ``center_`` over ``scale_``.
    intercept_ : ndarray of shape (K,)
        Their intercepts.
    weights_ : ndarray of shape (n,)
        Weight of each training row, on one scale with the target's.
    target_weights_ : ndarray of shape (m,)
        Weight of each target row, from 0, given up, to 1.
    minimax_risk_ : float
        The log loss on the weighted target that no labels within the tolerances exceed, the paper's measure to choose
        ``leniency`` by; below 0 where no labels are within them.
    effective_sample_size_ : float
        Of the training rows' weights.

    Raises
    ------
    DataError
        ``y`` has one class.
    OverlapError
        The target lies beyond the training rows.

    Notes
    -----
    With weights b of the training rows, a of the target's and classes' features phi(x, y), which are 1 and the
    standardised columns for y and 0 for other classes, the coefficients mu minimise
    -sum tau mu + mean_j log sum_y exp(a_j phi(x_j, y) mu) + sum lambda |mu|, where tau is the mean of b phi, and lambda
    its standard error times ``tolerance``. Weights that are given come without those of the target: these are then the
    ones that bring the target's mean nearest to the training rows', in the space of ``double_weighting``'s kernel.
    Where the tolerances of all classes together are less than the distance of the two means, they are raised evenly to
    it; the authors' code seeks the least ones by a linear program, of a variable a target row and class. A small
    squared penalty is added too. ``leniency`` is given, where the paper takes that of the least ``minimax_risk_``.
    Without ``sample_weight`` both samples are weighed, so that weights of 1 are another model.
    Cost: as ``double_weighting``, and O(m d K) a step, some dozens to hundreds of steps; memory 8 (n + m) (r + d + K)
    bytes for r landmarks.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0, 1, (300, 2)), rng.normal(1, 1, (200, 2))
    >>> y, y_target = X[:, 1] > X[:, 0], X_target[:, 1] > X_target[:, 0]
    >>> learner = ballast.method("minimax_risk_classifier").fit(X, y, X_target)
    >>> bool((learner.predict(X_target) == y_target).mean() > 0.9)
    True
    >>> bool(0 < learner.minimax_risk_ < 0.69)  # log 2 knows nothing
    True
    """

    name = "minimax_risk_classifier"
    reference = "Segovia-Martin, Mazuelas and Liu, Double-Weighting for Covariate Shift Adaptation, ICML 2023"
    survey_ids = ("S098",)
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "weightless_rows_change_nothing": "rows that double weights give up still tell scale, kernel and tolerances",
        "weights_equal_repetition": "tolerances are standard errors, which tell a weight from a row given twice",
    }
    claim = Claim(
        "Under little overlap the error on the target is lower with double weights than with kernel mean matching's.",
        "partly",
        "Two Gaussians, means -1 and 1.2, 200 rows, curved rule, 24 seeds: effective share {share, double:.2f} "
        "against {share, single:.2f} at leniency 1, error {double:.3f} against {single:.3f} (less by {gain:.3f} +- "
        "{gain.spread:.3f}); without tolerance, as the authors' code mostly has it, {no tolerance, double:.3f} "
        "against {no tolerance, single:.3f} ({no tolerance, gain:.3f} +- {no tolerance, gain.spread:.3f}). Logistic "
        "regression has {logistic, double:.3f} with the same weights, {logistic, matched:.3f} with "
        "kernel_mean_matching's and {unweighted:.3f} without. Choosing of the two leniencies by the least minimax "
        "risk: {chosen:.3f}. Tumours of 0.7 and 0.3 large ones, 140 rows, 12 seeds: {tumours, double:.3f} against "
        "{tumours, single:.3f}; unweighted logistic regression {tumours, unweighted:.3f}.",
    )

    def __init__(
        self,
        leniency: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 25.0,
        tolerance: NonNegative = 1.0,
        bandwidth: Positive | None = None,
        n_landmarks: Count = 200,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.leniency = leniency
        self.tolerance = tolerance
        self.bandwidth = bandwidth
        self.n_landmarks = n_landmarks
        self.random_state = random_state
        self.device = device

    @property
    def keeps_weightless(self) -> bool:
        """Rows that double weights give up count among those that the columns' scale and the tolerances come from."""
        return True

    def fit(
        self, X: np.ndarray, y: np.ndarray, X_target: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> MinimaxRiskClassifier:
        """Fits (n, d) features to (n,) labels of any sortable type, for the target's rows (m, d)."""
        self.classes_, codes = check_classes(y, self.name)
        weigher = DoubleWeighting(
            self.leniency,
            bandwidth=self.bandwidth,
            n_landmarks=self.n_landmarks,
            random_state=self.random_state,
            device=self.device,
        )
        given = None if sample_weight is None else sample_weight.astype(np.float64) / sample_weight.mean()
        self.weights_, self.target_weights_ = weigher.weigh_both(X, X_target, self.name, given)
        self.effective_sample_size_ = effective_sample_size(self.weights_)
        center, scale = joint_scaling(X, X_target)
        self.center_, self.scale_ = center.astype(np.float64), scale.astype(np.float64)
        rows, target = self._features(X), self._features(X_target)
        weighted = self.weights_[:, None] * np.eye(len(self.classes_))[codes]
        means = weighted.T @ rows / len(X)
        variances = np.maximum((weighted**2).T @ rows**2 / len(X) - means**2, 0.0)
        tolerances = self.tolerance * np.sqrt(variances / len(X))
        apart = np.abs(self.target_weights_ @ target / len(X_target) - means.sum(axis=0))
        tolerances += np.maximum(apart - tolerances.sum(axis=0), 0.0) / len(means)
        self.minimax_risk_, found = _least_risk(means, tolerances, target, self.target_weights_)
        self.intercept_, self.coef_ = found[:, 0], found[:, 1:]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives the (n,) most probable labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) probabilities, columns in the order of ``classes_``, as of target rows of weight 1."""
        return softmax(self._scores(X), axis=1).astype(X.dtype)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) logits whose softmax is ``predict_proba``."""
        return log_softmax(self._scores(X), axis=1).astype(X.dtype)

    def _scores(self, X: np.ndarray) -> np.ndarray:
        return self._features(X) @ np.column_stack([self.intercept_, self.coef_]).T

    def _features(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, d + 1): 1 and the standardised columns."""
        return np.column_stack([np.ones(len(X)), (X - self.center_) / self.scale_])


def _least_risk(
    means: np.ndarray, tolerances: np.ndarray, target: np.ndarray, target_weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """Gives the least worst-case log loss and the coefficients (K, k) of it, from the means of k features by class."""

    def risk(parts: np.ndarray) -> tuple[float, np.ndarray]:
        above, below = parts.reshape(2, *means.shape)  # both >= 0, so that the absolute value is smooth
        found = above - below
        scores = target_weights[:, None] * (target @ found.T)
        logs = log_softmax(scores, axis=1)
        shares = np.exp(logs) * target_weights[:, None]
        slope = shares.T @ target / len(target) - means + RIDGE * found
        value = (scores - logs)[:, 0].mean() - (means * found).sum() + RIDGE / 2 * (found**2).sum()
        value += (tolerances * (above + below)).sum()
        return float(value), np.concatenate([(tolerances + slope).ravel(), (tolerances - slope).ravel()])

    size = 2 * means.size
    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 1e-13, "gtol": 1e-8}
    least: Any = minimize(risk, np.zeros(size), jac=True, method="L-BFGS-B", bounds=[(0, None)] * size, options=options)
    above, below = least.x.reshape(2, *means.shape)
    return float(least.fun), above - below
