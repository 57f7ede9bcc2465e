"""The law c + exp(a + t . r) of a domain's loss on a mixture r: its fit, its predictions, its least sum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

HUBER = 0.01
"""Residual of a loss beyond which it counts linearly in the fit, so that one bad run does not bend the law."""
SLOPE = 15.0
"""Bound on |t|: on the simplex a and t are known up to a constant alone, and the bounds settle it."""
LEVEL = (-12.0, 6.0)
"""Bounds on a, where the domain's losses range over 1."""
BELOW = (0.05, 0.3, 1.0)
"""Where c starts: below the least loss, in units of the losses' range."""


class Law(NamedTuple):
    """The coefficients c (G,), a (G,) and t (G, G), a row a domain's loss."""

    stored_name = "mixing_law"

    floors: np.ndarray
    levels: np.ndarray
    slopes: np.ndarray

    def losses(self, mixtures: np.ndarray) -> np.ndarray:
        """Gives (S, G) the losses of the domains on (S, G) mixtures."""
        return self.floors + np.exp(self.levels + mixtures @ self.slopes.T)


def fit_law(mixtures: np.ndarray, losses: np.ndarray) -> Law:
    """Fits the law to (S, G) losses on (S, G) mixtures, domain by domain. Cost: O(S G) a step of L-BFGS-B."""
    found = [_fit_one(mixtures, column) for column in losses.T]
    return Law(*(np.array(part) for part in zip(*found, strict=True)))


def _fit_one(mixtures: np.ndarray, losses: np.ndarray) -> tuple[float, float, np.ndarray]:
    low, width = losses.min(), np.ptp(losses) or 1.0
    scaled, huber = (losses - low) / width, HUBER / width
    design = np.column_stack([np.ones(len(mixtures)), mixtures])

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        curve = np.exp(design @ at[1:])
        residual = at[0] + curve - scaled
        clipped = residual.clip(-huber, huber)
        slope = clipped / len(residual)
        return float(slope @ (residual - clipped / 2)), np.concatenate([[slope.sum()], design.T @ (slope * curve)])

    bounds = [(None, None), LEVEL, *[(-SLOPE, SLOPE)] * mixtures.shape[1]]
    fits = []
    for below in BELOW:
        line = np.linalg.lstsq(design, np.log(scaled + below), rcond=None)[0]
        start = np.concatenate([[-below], line[:1].clip(*LEVEL), line[1:].clip(-SLOPE, SLOPE)])
        fits.append(
            minimize(
                objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10, "maxiter": 300}
            )
        )
    best = min(fits, key=lambda fit: fit.fun).x
    return low + width * best[0], best[1] + np.log(width), best[2:]


def linear_losses(mixtures: np.ndarray, losses: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Gives (k, G) losses at (k, G) mixtures by least squares lines through the losses on others."""
    return at @ np.linalg.lstsq(mixtures, losses, rcond=None)[0]


def least_mixture(law: Law, counts: np.ndarray, floor: float, start: np.ndarray) -> np.ndarray:
    """Gives (G,) the shares, each ``floor`` at least, of the least sum of predicted losses times (G,) counts.

    The sum is convex in the shares, so a step that finds none lower has found the least.
    """

    def objective(shares: np.ndarray) -> tuple[float, np.ndarray]:
        curves = counts * np.exp(law.levels + law.slopes @ shares)
        return float(curves.sum()), curves @ law.slopes

    found = minimize(
        objective,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(floor, 1.0)] * len(start),
        constraints={"type": "eq", "fun": lambda r: r.sum() - 1.0, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    ).x.clip(floor, 1.0)
    moved = found / found.sum()
    return moved if objective(moved)[0] <= objective(start)[0] else start
