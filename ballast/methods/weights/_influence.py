"""How weights move with the rows that they were fitted to: what stacked estimating equations need of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ballast.methods.frame.calls import checked_call

CERTAIN = 1e-10
"""The part of the largest variance of a direction up to which the fit counts as certain in it."""

checked = partial(checked_call, fitting=False, learning=False)
"""Lets a call of a fitted method have its arguments checked as those of its role are."""


@dataclass(frozen=True)
class FitInfluence:
    """The error of a fit in k uncorrelated directions of standard error 1, and what it does to the weights.

    Attributes
    ----------
    gradient : (n, k) how much each row's weight changes for a standard error of the fit in each direction.
    influence, influence_target : (n, k) and (m, k) what each row adds to the error of the fit, in standard errors: the
    squares of both together sum up to 1 in each direction.
    """

    gradient: np.ndarray
    influence: np.ndarray
    influence_target: np.ndarray

    @classmethod
    def of(cls, gradient: np.ndarray, influence: np.ndarray, influence_target: np.ndarray) -> FitInfluence:
        """Gives them in uncorrelated directions, from those in any; what the rows do not tell the fit is left out."""
        covariance = influence.T @ influence + influence_target.T @ influence_target
        variances, axes = np.linalg.eigh(covariance)
        kept = variances > CERTAIN * max(float(variances.max(initial=0.0)), np.finfo(np.float64).tiny)
        axes, errors = axes[:, kept], np.sqrt(variances[kept])
        return cls(gradient @ axes * errors, influence @ axes / errors, influence_target @ axes / errors)

    @classmethod
    def of_scores(
        cls, gradient: np.ndarray, hessian: np.ndarray, scores: np.ndarray, scores_target: np.ndarray | None = None
    ) -> FitInfluence:
        """Gives them from estimating equations: (n, p) and (m, p) scores, whose sum is 0, and its (p, p) derivative.

        ``gradient`` (n, p) is the weights' by the coefficients that the equations are solved for.
        """
        bread = -np.linalg.pinv(hessian, rcond=1e-10, hermitian=True)
        others = np.zeros((0, len(hessian))) if scores_target is None else scores_target
        return cls.of(gradient, scores @ bread, others @ bread)


def with_intercept(X: np.ndarray) -> np.ndarray:
    """Gives (n, d + 1) a one and the standardised columns of X, in double precision."""
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    scale = centred.std(axis=0)
    return np.column_stack([np.ones(len(X)), centred / np.where(scale > 0, scale, 1.0)])
