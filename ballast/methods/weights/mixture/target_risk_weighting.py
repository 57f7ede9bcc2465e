"""A target's few rows and others from elsewhere, weighed by what serves the target's held-out rows best."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.base import clone

from ballast.errors import DataError, ParameterError, nearest
from ballast.methods.common.classes import class_positions
from ballast.methods.common.cross_fit import deal_folds
from ballast.methods.common.tasks import check_classes
from ballast.methods.common.weighting import fit_with_weights
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Seed, Share
from ballast.methods.learners.proxy import held_out_losses, proxy_learner
from ballast.words import listed


class TargetRiskWeighting(Weigher):
    """Weighs the target's own rows against all others by the share of the risk that serves held-out target rows best.

    Use it where few labelled rows of the target stand beside many from other sources: pooled as they are, some of the
    others help and many harm. Not where the target has no labelled rows (a density ratio), nor to tell the other
    sources apart: they are one here. With fewer than some fifty target rows the choice is noisy; look at ``risks_``.

    Parameters
    ----------
    target_group : str, int or None, default None
        The value of ``groups`` that is the target; None takes the one with the fewest rows.
    alphas : tuple of float in (0, 1], default (0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
        Shares of the risk that the target's rows may get. Their share of the rows, which pools all rows as they are, is
        always tried too; 1 leaves the others out.
    learner : learner, str or None, default None
        What the weights are for: any scikit-learn-compatible learner that takes weights, or the name or import path of
        its class. None takes logistic regression, and ridge regression for a float ``y`` of more than 20 values.
    n_folds : int >= 2, default 5
        Folds of the target's rows; each is predicted by a learner that has seen all rows of the others.
    random_state : int or None, default 0
        Seed of the folds.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    alpha_ : float
        The share chosen.
    alphas_ : ndarray of shape (A,)
        The shares tried, rising.
    risks_ : ndarray of shape (A,)
        The mean loss of the target's held-out rows at each: the negative log of the label's probability (0 or 1 for a
        classifier without ``predict_proba``), or the squared error.
    classes_ : ndarray of shape (G,)
        The groups.
    class_weights_ : ndarray of shape (G,)
        The weight of each group's rows.
    target_group_ : str or int
        The target's group, as used.

    Raises
    ------
    DataError
        One group alone, fewer than two target rows, or one class; on ``weigh``, a group that was not there in ``fit``.
    ParameterError
        A target group that no row has; a learner that takes no weights.

    Notes
    -----
    Of n rows n_t are the target's: they weigh alpha n / n_t, the others (1 - alpha) n / (n - n_t), so that the mean is
    1 and a penalty keeps its scale. Cost: (A + 1) ``n_folds`` fits of the learner on nearly all rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, groups = rng.normal(size=(300, 1)), np.repeat(["a", "own"], [240, 60])
    >>> y = X[:, 0] * np.where(groups == "own", 1, -1)  # a misleads
    >>> weigher = ballast.method("target_risk_weighting", target_group="own")
    >>> weigher.fit(X, y, groups).class_weights_
    array([0., 5.])
    """

    name = "target_risk_weighting"
    reference = "De Silva, Ramesh, Priebe, Chaudhari and Vogelstein, The Value of Out-of-Distribution Data, ICML 2023"
    survey_ids = ("S060",)
    quick = {"alphas": (0.5, 0.8, 1.0), "n_folds": 3}
    claim = Claim(
        "A few rows from elsewhere lower the error on the target, many raise it above that of the target's rows alone; "
        "weighing the risks keeps the gain and enlarges it.",
        "reproduced",
        "50 upright digits and digits turned by 22 degrees, logistic regression, 20 seeds: error {alone:.3f} alone, "
        "with 25 turned ones {few:.3f} ({few_change:+.3f} +- {few_change.spread:.3f}), with 800 {many:.3f} "
        "({many_change:+.3f} +- {many_change.spread:.3f}), with 800 weighed {weighed:.3f} ({weighed_change:+.3f} +- "
        "{weighed_change.spread:.3f}; below those not weighed on {below_many:.0%} of the seeds). Turned by 40 "
        "degrees, 10 seeds, 25 harm already ({far_few:+.3f} +- {far_few.spread:.3f}), and 800 weighed hardly matter "
        "({far_weighed:+.3f} +- {far_weighed.spread:.3f}). Two Gaussians by the formula: {gaussians_alone:.3f}, "
        "{gaussians_few:.3f} with 5, {gaussians_pooled:.3f} with 200, weighed {gaussians_weighed:.3f}.",
    )

    def __init__(
        self,
        target_group: str | int | None = None,
        alphas: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.5, 0.65, 0.8, 0.9, 0.95, 1.0),
        learner: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        random_state: Seed = 0,
    ) -> None:
        self.target_group = target_group
        self.alphas = alphas
        self.learner = learner
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, dependence: np.ndarray | None = None
    ) -> TargetRiskWeighting:
        """Learns the groups' weights from rows (n, d), their labels or targets (n,) and groups (n,).

        The target's rows of one unit of ``dependence`` (n,) are held out together.
        """
        self.target_group_ = self._target(groups)
        own = groups == self.target_group_
        learner, classifies = proxy_learner(self.learner, y, self.name, weighted=True)
        self.alphas_ = np.unique([*self.alphas, own.mean()])
        losses = np.empty((int(own.sum()), len(self.alphas_)))
        folds = np.full(len(X), -1)  # of the others, which are never held out
        folds[own] = self._folds(X[own], None if dependence is None else dependence[own])
        for fold in range(folds.max() + 1):
            kept, held = folds != fold, folds == fold
            if classifies:
                check_classes(y[kept], f"{self.name}, without one fold of the target's rows")
            for j, alpha in enumerate(self.alphas_):
                model = fit_with_weights(clone(learner), X[kept], y[kept], risk_weights(own[kept], alpha))
                losses[folds[own] == fold, j] = held_out_losses(model, X[held], y[held], classifies)
        self.risks_ = losses.mean(axis=0)
        self.alpha_ = float(self.alphas_[self.risks_.argmin()])
        self.classes_, positions = np.unique(groups, return_inverse=True)
        weights = np.empty(len(self.classes_))
        weights[positions] = risk_weights(own, self.alpha_)
        self.class_weights_ = weights.astype(X.dtype)
        self.weights_ = self.class_weights_[positions]
        return self

    def weigh(self, groups: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows of the groups (k,)."""
        return self.class_weights_[class_positions(groups, self.classes_, self.name, "groups")]

    def _target(self, groups: np.ndarray) -> Any:
        names, counts = np.unique(groups, return_counts=True)
        if len(names) < 2:
            raise DataError(
                f"{self.name}: groups has only one value ({str(names[0])!r}, {len(groups)} rows); there is nothing to "
                "weigh the target's rows against, so check the groups' column"
            )
        if self.target_group is None:
            return names[counts.argmin()]
        found = np.flatnonzero(names == self.target_group)
        if not len(found):
            known = [str(name) for name in names]
            raise ParameterError(
                f"{self.name}: parameter 'target_group' must be a value of groups, got {self.target_group!r}"
                f"{nearest(str(self.target_group), known)} (the groups of the {len(groups)} rows: "
                f"{listed(known, 20)})"
            )
        return names[found[0]]

    def _folds(self, X: np.ndarray, dependence: np.ndarray | None) -> np.ndarray:
        if len(X) < 2:
            raise DataError(
                f"{self.name}: groups has {len(X)} row of the target ({str(self.target_group_)!r}); at least 2 are "
                "needed to hold one out, so label more of them or name another 'target_group'"
            )
        rng = np.random.default_rng(self.random_state)
        return deal_folds(X, min(self.n_folds, len(X)), rng, dependence, self.name)


def risk_weights(own: np.ndarray, alpha: float) -> np.ndarray:
    """Gives (n,) weights, mean 1, that make the rows of ``own`` (n,) a share ``alpha`` of the risk."""
    share = own.mean()
    return np.where(own, alpha / share, (1 - alpha) / (1 - share))
