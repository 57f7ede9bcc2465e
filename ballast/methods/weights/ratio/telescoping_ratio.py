"""Telescoping density ratios: far-apart samples joined by bridges, each of which a classifier can tell apart."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ballast.compute.blocks import draw_rows
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.compute.scaling import joint_scaling
from ballast.errors import DataError
from ballast.methods.common.cross_fit import deal_samples
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Positive, Seed
from ballast.words import plural

log = logging.getLogger(__name__)

EASY = 0.9
"""Area under the curve from which a classifier tells two samples apart too well for its odds to be trusted."""
TRIED = (1, 8, 16, 32)
PAIRS = 5000
FULL_COLUMNS = 30
"""Columns up to which products of columns are features; beyond, squares alone."""
HELD_OUT_OF = 4
"""Folds of the rows of which one is held out."""
Pairs = list[np.ndarray]
"""(k, d) rows of the source and of the target, standardised."""
POOR_SHARE = 0.05


class TelescopingRatio(Weigher):
    """Estimates the log density ratio of samples far apart, as a sum over mixtures in between (telescoping).

    Use it for the log ratio itself, the divergence, and the size of a drift, where one classifier tells the samples
    apart almost always and its odds mean nothing. Not to rescue importance weighting: where samples do not overlap the
    weights rest on a few rows, however well they are known. Not with discrete columns, which mixing takes off their
    values.

    Parameters
    ----------
    n_bridges : int >= 1 or None, default None
        Steps between the samples. None takes 1 where a classifier's area under the curve stays below 0.9, and else
        doubles from 8 until it does on every bridge, 32 at most.
    inverse_penalty : float > 0, default 0.1
        C of the logistic regressions; 0.1 was best of 0.01 to 100 for 20 columns and 1000 rows.
    random_state : int or None, default 0
        Seed of the pairs and of the rows held out.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    log_ratio_ : ndarray of shape (n,)
        Log of the target's density over the source's, at the training rows.
    divergence_ : float
        KL(target, source) in nats, the mean log ratio of the target's rows.
    n_bridges_ : int
        Steps, as used.
    areas_ : ndarray of shape (n_bridges,)
        The area under each bridge's curve, on rows held out.

    Raises
    ------
    DataError
        Fewer than ten rows in either sample.

    Notes
    -----
    Waymarks mix pairs of rows, cos(a) x + sin(a) x_target for even steps of the angle a, on columns standardised over
    both samples; even steps of the sine, as in the paper, leave a last bridge that is too long. Each bridge is a
    logistic regression on the columns, their squares and, up to 30 columns, products. A warning is logged where the
    effective sample size is below a twentieth of the rows. At most 5000 pairs are drawn.
    Cost: ``n_bridges`` logistic regressions on 10,000 rows; memory those rows' features.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0, 1, (1000, 1)), rng.normal(4, 1, (1000, 1))
    >>> weigher = ballast.method("telescoping_ratio").fit(X, X_target)
    >>> bool(6 < weigher.divergence_ < 10)  # 8 nats in truth
    True
    """

    name = "telescoping_ratio"
    reference = "Rhodes, Xu and Gutmann, Telescoping Density-Ratio Estimation, NeurIPS 2020"
    survey_ids = ("B-telescoping-ratio",)
    claim = Claim(
        "Far apart, the telescoped log ratio has far less squared error at the target's rows than the best single "
        "classifier; near, nothing is gained.",
        "partly",
        "Gaussians in 20 columns, 1000 rows, 8 seeds, against the best of five penalties: {nats_2:.0f} nats apart "
        "{error_2:.1f} and {best_2:.1f}, divergence off by {off_2:+.1f} and {best_off_2:+.1f}; {nats_6:.0f} nats apart "
        "{error_6:.1f} and {best_6:.1f}, {off_6:+.1f} and {best_off_6:+.1f}; {nats_near:.1f} nats apart the same, as "
        "one classifier. At the source's rows both are far off where the covariances differ much.",
    )

    def __init__(self, n_bridges: Count | None = None, inverse_penalty: Positive = 0.1, random_state: Seed = 0) -> None:
        self.n_bridges = n_bridges
        self.inverse_penalty = inverse_penalty
        self.random_state = random_state

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> TelescopingRatio:
        """Learns the log ratio of the target (m, d) to the source (n, d), and the source's weights.

        Rows of one unit, of ``dependence`` (n,) and ``dependence_target`` (m,), are held out together.
        """
        if min(len(X), len(X_target)) < 10:
            raise DataError(
                f"{self.name}: X has {plural(len(X), 'row')} and X_target {len(X_target)}; at least 10 of each are "
                "needed to fit a classifier and hold rows out"
            )
        self._mean, self._scale = joint_scaling(X, X_target)
        rng = np.random.default_rng(self.random_state)
        n_pairs = max(min(PAIRS, len(X)), min(PAIRS, len(X_target)))
        own, theirs = (draw_rows(rows, PAIRS, rng) for rows in (X, X_target))
        source, target = X[own], X_target[theirs]
        pairs = self._paired(source, target, n_pairs, rng)
        units = [None if d is None else d[rows] for d, rows in ((dependence, own), (dependence_target, theirs))]
        folds = deal_samples(source, target, HELD_OUT_OF, rng, self.name, *units)
        judged = self._apart(source, target, folds, n_pairs, rng)
        tried = [self.n_bridges] if self.n_bridges else TRIED
        for self.n_bridges_ in tried:
            self._bridges, self.areas_ = self._fit(pairs, judged, self.n_bridges_)
            if self.areas_.max() < EASY:
                break
        self.log_ratio_ = self.log_ratio(X)
        self.divergence_ = float(self.log_ratio(X_target).mean())
        self._top = float(self.log_ratio_.max())
        self.weights_ = np.exp(self.log_ratio_ - self._top).astype(X.dtype)
        size = effective_sample_size(self.weights_)
        if size < POOR_SHARE * len(X):
            log.warning(
                "%s: the samples are %.3g nats apart, and the weights rest on an effective sample size of %.1f of %d "
                "rows: read log_ratio_ and divergence_, and do not train on these weights",
                self.name,
                self.divergence_,
                size,
                len(X),
            )
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return np.exp(self.log_ratio(X) - self._top).astype(X.dtype)

    def log_ratio(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) the log density ratio at rows (k, d)."""
        rows = self._standardised(X)
        return np.sum([bridge.decision_function(rows) for bridge in self._bridges], axis=0)

    def _standardised(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._mean) / self._scale).astype(np.float64)

    def _paired(self, source: np.ndarray, target: np.ndarray, k: int, rng: np.random.Generator) -> Pairs:
        """Gives k pairs of rows of both samples at random; those of the smaller are in several."""
        return [
            self._standardised(rows[rng.permutation(np.resize(np.arange(len(rows)), k))]) for rows in (source, target)
        ]

    def _apart(
        self,
        source: np.ndarray,
        target: np.ndarray,
        folds: tuple[np.ndarray, np.ndarray],
        n_pairs: int,
        rng: np.random.Generator,
    ) -> list[Pairs]:
        """Gives pairs to fit on, and pairs to judge by, a quarter, of rows of a fold that none of the first are of."""
        sizes = np.minimum(*(np.bincount(part, minlength=HELD_OUT_OF) for part in folds))
        if not sizes.any():
            raise DataError(
                f"{self.name}: dependence: no fold of whole units holds rows of both samples, so that none can be held "
                "out; give finer units"
            )
        held = [part == sizes.argmax() for part in folds]
        k = n_pairs // HELD_OUT_OF
        return [
            self._paired(source[~held[0]], target[~held[1]], n_pairs - k, rng),
            self._paired(source[held[0]], target[held[1]], k, rng),
        ]

    def _fit(self, pairs: Pairs, judged: list[Pairs], n_bridges: int) -> tuple[list[Any], np.ndarray]:
        """Gives each bridge's classifier, and the area under its curve on pairs held out."""
        bridges, areas = [], []
        angles = np.linspace(0, np.pi / 2, n_bridges + 1)
        for angle, beyond in pairwise(angles):
            (kept, is_far), (held, held_is_far) = (_ends(part, angle, beyond) for part in judged)
            judge = self._classifier(kept.shape[1]).fit(kept, is_far)
            areas.append(roc_auc_score(held_is_far, judge.decision_function(held)))
            bridges.append(self._classifier(kept.shape[1]).fit(*_ends(pairs, angle, beyond)))
        return bridges, np.array(areas)

    def _classifier(self, columns: int) -> Any:
        if columns <= FULL_COLUMNS:
            features: Any = PolynomialFeatures(2, include_bias=False)
        else:
            from sklearn.preprocessing import FunctionTransformer

            features = FunctionTransformer(_with_squares)
        return make_pipeline(features, StandardScaler(), LogisticRegression(C=self.inverse_penalty, max_iter=1000))


def _ends(pairs: Pairs, angle: float, beyond: float) -> tuple[np.ndarray, np.ndarray]:
    """Gives the mixtures (2k, d) of k pairs at both ends of a bridge, and which are at the far one."""
    source, target = pairs
    near, far = (np.cos(a) * source + np.sin(a) * target for a in (angle, beyond))
    return np.concatenate([near, far]), np.repeat([0, 1], [len(near), len(far)])


def _with_squares(rows: np.ndarray) -> np.ndarray:
    return np.hstack([rows, rows**2])
