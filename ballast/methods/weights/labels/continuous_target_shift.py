"""Weights under a shift of a continuous target, from a regularised integral equation (ReTaSA)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter1d
from sklearn.base import clone

from ballast.errors import DataError
from ballast.methods.common.cross_fit import check_regressor, deal_folds
from ballast.methods.common.folds import warn_of_near_copies
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Positive, Seed
from ballast.methods.frame.vocabulary import finite
from ballast.words import plural

GRID = 200
RULE_OF_THUMB = 1.06
LEAST_MASS = 1e-12


class ContinuousTargetShift(Weigher):
    """Weighs rows by the ratio of the target's density of the outcome to the source's, from unlabelled target rows.

    Use it in regression where the outcome's distribution has shifted while rows with a given outcome look the same
    (target shift): the counterpart of label shift for numbers. Not under covariate shift, where it may do harm.

    Parameters
    ----------
    alpha : float > 0, default 0.1
        Penalty of the integral equation, 0.05 to 0.2; rules that choose it from the data were found to choose badly,
        and 1e-4 gives weights no better than none.
    regressor : regressor, str or None, default None
        Any scikit-learn regressor, or the import path of its class; None takes ridge regression on standardised
        columns. Its prediction is what is seen of the rows, cross-fitted for the training rows.
    n_folds : int >= 2, default 5
        Folds of the cross-fitting.
    random_state : int or None, default 0
        Seed of the folds.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    share_clipped_ : float
        Share of the rows whose ratio came out below 0, and is 0.
    residual_ : float
        Root mean square of what the equation leaves, in units of the ratio of the predictions' densities.

    Raises
    ------
    DataError
        An outcome that is not a number or has only one value, or fewer than ten rows in either sample.

    Notes
    -----
    With eta the ratio of the predictions' densities less 1, and C_x, C_y kernel regressions on prediction and outcome,
    the ratio less 1 solves (alpha I + C_y C_x) rho = C_y eta, on a grid of 200 points. Beyond the training rows'
    outcomes the ratio is that of the outermost. Cost: that of the regressor, and O(n).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> y, y_target = rng.normal(0, 1, 500), rng.normal(1, 1, 500)
    >>> X, X_target = (rng.normal(v, 0.3)[:, None] for v in (y, y_target))
    >>> weigher = ballast.method("continuous_target_shift").fit(X, y, X_target)
    >>> bool(0.7 < np.average(y, weights=weigher.weights_) < 1.1)  # 0 to 1
    True
    """

    name = "continuous_target_shift"
    reference = (
        "Kim, Zhang, Xie et al., ReTaSA: A Nonparametric Functional Estimation Approach for Addressing Continuous "
        "Target Shift, ICLR 2024"
    )
    survey_ids = ("S228",)
    labels_are = "numbers"
    claim = Claim(
        "Under target shift the weights are near the true ratio, and a weighted regression predicts the target far "
        "better than an unweighted one, or one with covariate-shift weights.",
        "reproduced",
        "Outcome from Beta(2, 5) to Beta(4, 3), 500 rows, 12 seeds: squared error of the weights {weights:.1f}, of "
        "uniform ones {uniform:.1f}; of ridge regression {found:.3f} (true weights {true:.3f}), unweighted "
        "{none:.3f}, kernel mean matching {covariates:.3f}. Diabetes tilted by its outcome: {diabetes:.2f}, "
        "unweighted {diabetes_none:.2f}, true weights {diabetes_true:.2f}, better on 20 of 20 seeds.",
    )

    def __init__(
        self,
        alpha: Positive = 0.1,
        regressor: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        random_state: Seed = 0,
    ) -> None:
        self.alpha = alpha
        self.regressor = regressor
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, X_target: np.ndarray, dependence: np.ndarray | None = None
    ) -> ContinuousTargetShift:
        """Learns the ratio from the training rows (n, d), their outcomes (n,) and the target's rows (m, d).

        The rows of one unit of ``dependence`` (n,) are held out together.
        """
        values = finite(y, f"{self.name}: y", 1)
        if not values.max() > values.min() or min(len(X), len(X_target)) < 10:
            raise DataError(
                f"{self.name}: y has {plural(len(np.unique(values)), 'value')} in {len(values)} rows, and X_target "
                f"{len(X_target)} rows; at least 2 values and 10 rows of each sample are needed"
            )
        seen, seen_target = self._predictions(X, values, X_target, dependence)
        grid_x = _Grid(np.concatenate([seen, seen_target]))
        grid_y = _Grid(values)
        width_x, width_y = grid_x.bandwidth(seen), grid_y.bandwidth(values)
        own, theirs = (
            grid_x.smooth(grid_x.counts(part), grid_x.bandwidth(part)) / len(part) for part in (seen, seen_target)
        )
        eta = theirs / np.maximum(own, LEAST_MASS) - 1
        joint = grid_x.joint(seen, grid_y, values)
        mean_of_y = _rows(grid_x.smooth(joint, width_x))  # (x, y): E[rho(y) | x]
        mean_of_x = _rows(grid_y.smooth(joint.T, width_y))  # (y, x): E[eta(x) | y]
        held = np.minimum(own, 1).astype(bool)
        eta = np.where(held, eta, 0.0)
        rho = np.linalg.solve(self.alpha * np.eye(GRID) + mean_of_x @ mean_of_y, mean_of_x @ eta)
        self._points, self._rho = grid_y.points, rho
        mass = joint.sum(axis=1)
        self.residual_ = float(np.sqrt(np.average((mean_of_y @ rho - eta) ** 2, weights=mass)))
        raw = 1 + np.interp(values, self._points, rho)
        self.share_clipped_ = float(np.mean(raw < 0))
        self.weights_ = np.maximum(raw, 0.0).astype(X.dtype)
        return self

    def weigh(self, y: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows with the outcomes (k,)."""
        raw = 1 + np.interp(finite(y, f"{self.name}: y", 1), self._points, self._rho)
        return np.maximum(raw, 0.0).astype(self.weights_.dtype)

    def _predictions(
        self, X: np.ndarray, y: np.ndarray, X_target: np.ndarray, dependence: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives the training rows' predictions by models not fitted on them, and the target's mean prediction."""
        regressor = self._regressor()
        rng = np.random.default_rng(self.random_state)
        if dependence is None:
            warn_of_near_copies(X, self.name, "folds part them")
        folds = deal_folds(X, min(self.n_folds, len(X)), rng, dependence, self.name)
        seen, seen_target = np.empty(len(X)), np.zeros(len(X_target))
        for fold in range(folds.max() + 1):
            model: Any = clone(regressor)
            model.fit(X[folds != fold], y[folds != fold])
            seen[folds == fold] = model.predict(X[folds == fold])
            seen_target += model.predict(X_target) / (folds.max() + 1)
        return seen, seen_target

    def _regressor(self) -> Any:
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if self.regressor is None:
            return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 7)))
        return check_regressor(self.regressor, self.name)


class _Grid:
    """Equally spaced points over values, between which rows are shared out."""

    def __init__(self, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        self.points = np.linspace(low, max(high, low + 1e-9 * max(1.0, abs(low))), GRID)
        self.step = float(self.points[1] - self.points[0])

    def bandwidth(self, values: np.ndarray) -> float:
        """Gives the rule of thumb's bandwidth, at least a step."""
        return max(RULE_OF_THUMB * float(values.std()) * len(values) ** -0.2, self.step)

    def parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives the point to the left of each value, and the share of it that the next point gets."""
        place = (values - self.points[0]) / self.step
        left = np.clip(place.astype(np.int64), 0, GRID - 2)
        return left, place - left

    def counts(self, values: np.ndarray) -> np.ndarray:
        left, part = self.parts(values)
        return np.bincount(left, 1 - part, GRID) + np.bincount(left + 1, part, GRID)

    def joint(self, values: np.ndarray, other: _Grid, others: np.ndarray) -> np.ndarray:
        """Gives (GRID, GRID) counts of pairs of values."""
        left, part = self.parts(values)
        across, share = other.parts(others)
        total = np.zeros(GRID * GRID)
        for i, own in ((0, 1 - part), (1, part)):
            for j, theirs in ((0, 1 - share), (1, share)):
                total += np.bincount((left + i) * GRID + across + j, own * theirs, GRID * GRID)
        return total.reshape(GRID, GRID)

    def smooth(self, counts: np.ndarray, bandwidth: float) -> np.ndarray:
        """Gives the counts smoothed by a Gaussian along the first axis."""
        return gaussian_filter1d(counts, bandwidth / self.step, axis=0, mode="constant", truncate=8.0)


def _rows(matrix: np.ndarray) -> np.ndarray:
    """Gives the rows scaled to sum 1, those without mass as they are."""
    totals = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > LEAST_MASS)
