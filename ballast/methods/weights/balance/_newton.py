"""Newton's method with halved steps, for the smooth convex problems that balancing weights solve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEPS, ARMIJO, SHORTEST = 200, 1e-4, 1e-10

Problem = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""Gives the value, the (k,) gradient and the (k, k) Hessian at a point."""


@dataclass(frozen=True)
class Minimum:
    """Where Newton's method stopped.

    Attributes
    ----------
    x : (k,) the point. gradient : (k,) there. steps : taken. converged : no component of the gradient is beyond the
    tolerance.
    """

    x: np.ndarray
    gradient: np.ndarray
    steps: int
    converged: bool


def minimize_convex(problem: Problem, start: np.ndarray, tolerance: float) -> Minimum:
    """Minimises from ``start`` until no component of the gradient is beyond ``tolerance``, or no step helps."""
    x = start
    value, gradient, hessian = problem(x)
    for step in range(STEPS):
        if np.abs(gradient).max() <= tolerance:
            return Minimum(x, gradient, step, converged=True)
        direction = -np.linalg.lstsq(hessian, gradient, rcond=1e-10)[0]
        length = 1.0
        while length > SHORTEST:
            tried, new_gradient, new_hessian = problem(x + length * direction)
            if tried <= value + ARMIJO * length * (gradient @ direction):
                break
            length /= 2
        else:
            return Minimum(x, gradient, step, converged=False)
        x = x + length * direction
        value, gradient, hessian = tried, new_gradient, new_hessian
    return Minimum(x, gradient, STEPS, converged=False)
