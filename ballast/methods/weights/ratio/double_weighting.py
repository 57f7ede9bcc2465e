"""Double weighting (DW-KMM): kernel mean matching that may leave out target rows no training row is like."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.optimize import root_scalar
from scipy.spatial.distance import cdist

from ballast.compute.blocks import draw_halves
from ballast.compute.kernels import nearest_neighbors
from ballast.compute.scaling import joint_scaling
from ballast.errors import OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Device, Positive, Seed

NEIGHBOR = 50
STEPS, TOLERANCE = 2000, 1e-7
LEAST_EIGENVALUE = 1e-10


class DoubleWeighting(Weigher):
    """Weighs training rows and target rows at once, so that both have one mean in the space of a Gaussian kernel.

    Use it where the target lies partly beyond the training rows: kernel mean matching then rests on a few of them,
    while this gives up some target rows for a greater effective sample size. Not where all of the target must be
    served: look at ``target_weights_`` to see which rows were given up.

    Parameters
    ----------
    leniency : float >= 1, default 25.0
        D of the paper: 1 keeps all target rows (kernel mean matching); more lets their weights fall, by (1 - 1 /
        sqrt(D)) in the root mean square, and bounds the training rows' weights more.
    max_weight : float > 0, default 1000.0
        Bound on the training rows' weights at leniency 1; B of the paper.
    bandwidth : float > 0 or None, default None
        Width of the kernel, in standard deviations of both samples together; None takes the mean distance to the 50th
        nearest row, as the authors do.
    n_landmarks : int >= 1, default 200
        Rows that the kernel is approximated on (Nystrom's method).
    random_state : int or None, default 0
        Seed of the draws.
    device : str, default "auto"
        Where to seek neighbours: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    target_weights_ : ndarray of shape (m,)
        Weight of each target row, from 0, given up, to 1.
    bandwidth_ : float
        Width of the kernel, as used.
    discrepancy_ : float
        The squared distance that is left between the weighted means.
    iterations_ : int
        Steps of the solver.

    Raises
    ------
    OverlapError
        The target lies beyond the training rows: their weights average less than 0.05 of the target's.

    Notes
    -----
    The weights minimise the squared distance between the weighted means, by accelerated projected gradient steps. The
    paper's bound on the difference of the mean weights is left out: as it stands it excludes next to nothing. Training
    rows are weighed only; there is no function of unseen rows.
    Cost: O((n + m) r) a step, some thousand steps; memory 8 (n + m) r bytes for r landmarks.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0, 1, (300, 1)), rng.normal(1.5, 1, (200, 1))
    >>> weigher = ballast.method("double_weighting").fit(X, X_target)
    >>> kept, beyond = weigher.target_weights_, X_target[:, 0] > 2
    >>> bool(kept[beyond].mean() < 0.3), bool(kept[~beyond].mean() > 0.5)
    (True, True)
    """

    name = "double_weighting"
    reference = "Segovia-Martin, Mazuelas and Liu, Double-Weighting for Covariate Shift Adaptation, ICML 2023"
    survey_ids = ("S098",)
    claim = Claim(
        "Under little overlap the effective sample size is at least twice that of kernel mean matching, and the error "
        "on the target lower.",
        "partly",
        "Two Gaussians, means -1 and 1.2, 200 rows, curved rule, 16 seeds: effective share {share:.2f} against "
        "{share_single:.2f} at leniency 1, error of logistic regression {error:.3f} and {error_single:.3f} "
        "(unweighted {error_none:.3f}). Ballast's kernel_mean_matching, whose ridge does the same, has "
        "{share_matched:.2f} and {error_matched:.3f}. The paper's classifier is minimax_risk_classifier.",
    )

    def __init__(
        self,
        leniency: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 25.0,
        max_weight: Positive = 1000.0,
        bandwidth: Positive | None = None,
        n_landmarks: Count = 200,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.leniency = leniency
        self.max_weight = max_weight
        self.bandwidth = bandwidth
        self.n_landmarks = n_landmarks
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, X_target: np.ndarray) -> DoubleWeighting:
        """Learns the weights of the training rows (n, d) and of the target's (m, d)."""
        weights, self.target_weights_ = self.weigh_both(X, X_target, self.name)
        self.weights_ = weights.astype(X.dtype)
        return self

    def weigh_both(
        self, X: np.ndarray, X_target: np.ndarray, owner: str, given: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives the training rows' weights (n,) and the target's (m,), on one scale.

        Where the training rows' are given, on any scale, only that scale and the target's weights are sought.
        """
        source, target = self._embed(X, X_target)
        if given is None:
            weights, target_weights = self._solve(source, target)
        else:  # their weighted mean is one row, whose weight is the scale
            scale, target_weights = self._solve(given[None, :] @ source, target)
            weights = scale * given
        overlap = weights.mean() / target_weights.mean()
        if overlap < self.minimum_mean_ratio:
            raise OverlapError(
                f"{owner}: the target's {len(X_target)} rows lie beyond the {len(X)} training rows, whose weights "
                f"average {overlap:.3g} times the target's (1 where they overlap). Collect training rows like the "
                "target's, or drop the features that tell the two apart completely"
            )
        return weights, target_weights

    def _embed(self, X: np.ndarray, X_target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives both samples' rows in the space of the kernel, each divided by the number of its sample's rows."""
        rng = np.random.default_rng(self.random_state)
        mean, scale = joint_scaling(X, X_target)
        source, target = (((rows - mean) / scale).astype(np.float64) for rows in (X, X_target))
        halves = draw_halves(source, target, 10 * self.n_landmarks, rng)
        drawn = np.unique(np.concatenate([rows[at] for rows, at in zip((source, target), halves, strict=True)]), axis=0)
        neighbor = min(NEIGHBOR, len(drawn) - 1)
        near = nearest_neighbors(drawn, drawn, neighbor, exclude_self=True, choice=self.device)[0] if neighbor else None
        self.bandwidth_ = float(self.bandwidth or (near[:, -1].mean() if near is not None else 1.0))
        landmarks = drawn[np.sort(rng.choice(len(drawn), min(self.n_landmarks, len(drawn)), replace=False))]

        def kernel(rows: np.ndarray) -> np.ndarray:
            return np.exp(cdist(rows, landmarks, "sqeuclidean") * (-0.5 / self.bandwidth_**2))

        values, vectors = np.linalg.eigh(kernel(landmarks))
        kept = values > LEAST_EIGENVALUE * values[-1]
        root = vectors[:, kept] / np.sqrt(values[kept])
        return kernel(source) @ root / len(X), kernel(target) @ root / len(X_target)

    def _solve(self, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives the weights of both samples' rows from their features, each divided by its number of rows."""
        largest = self.max_weight / np.sqrt(self.leniency)
        reach = (1 - 1 / np.sqrt(self.leniency)) * np.sqrt(len(target))
        step = 1 / (np.linalg.norm(source, 2) ** 2 + np.linalg.norm(target, 2) ** 2)
        b, a = np.ones(len(source)), np.ones(len(target))
        ahead_b, ahead_a, momentum = b, a, 1.0
        before = np.inf
        for self.iterations_ in range(1, STEPS + 1):
            gap = ahead_b @ source - ahead_a @ target
            new_b = np.clip(ahead_b - step * (source @ gap), 0.0, largest)
            new_a = _near_one(ahead_a + step * (target @ gap), reach)
            grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            speed = (momentum - 1) / grown
            ahead_b, ahead_a = new_b + speed * (new_b - b), new_a + speed * (new_a - a)
            b, a, momentum = new_b, new_a, grown
            if self.iterations_ % 20 == 0:
                left = float(((b @ source - a @ target) ** 2).sum())
                if left >= (1 - TOLERANCE) * before:
                    break
                before = left
        self.discrepancy_ = float(((b @ source - a @ target) ** 2).sum())
        return b, a


def _near_one(values: np.ndarray, reach: float) -> np.ndarray:
    """Gives the nearest values from 0 to 1 whose distance from 1 is at most ``reach``."""
    below = 1 - values

    def beyond(shrink: float) -> float:
        return float(np.linalg.norm((below / (1 + shrink)).clip(0.0, 1.0))) - reach

    if beyond(0.0) <= 0:
        return values.clip(0.0, 1.0)
    if reach == 0:
        return np.ones(len(values))
    largest = float(np.linalg.norm(np.maximum(below, 0.0))) / reach
    shrink = root_scalar(beyond, bracket=(0.0, largest)).root
    return 1 - (below / (1 + shrink)).clip(0.0, 1.0)
