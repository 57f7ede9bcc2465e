"""Matching two samples' means in the space of a Gaussian kernel: the quadratic programme, solved in its dual."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ballast.compute.blocks import draw_halves, row_blocks
from ballast.compute.devices import device
from ballast.compute.kernels import gaussian_kernel, median_distance
from ballast.compute.scaling import joint_scaling
from ballast.methods.weights.ratio._kernel_basis import some

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

MEDIAN_ROWS = 1000
"""Rows whose pairs give the bandwidth."""
LEAST_EIGENVALUE = 1e-10
"""Directions of the landmarks' kernel below this share of its largest eigenvalue are dropped."""
STEPS, TOLERANCE, ARMIJO = 100, 1e-10, 1e-4
EXACT, SINGULAR = 1e-12, 1e-13
"""Penalty on the multipliers of what is matched exactly; damping of a step, relative to the largest curvature."""


class MeanMatching:
    """Weights (n,) of mean 1, between 0 and ``largest``, that bring the rows' kernel mean near to the target's.

    They minimise half the squared distance of the means plus ridge / 2 times the weights' variance, by semismooth
    Newton steps on the dual, which has an unknown a direction of the landmarks' kernel, one for the mean weight and,
    with ``exact_means``, one a column whose mean is matched exactly. Rows pass in blocks, once a step.

    Attributes
    ----------
    bandwidth : of the kernel. before, after : squared distance of the means, without weights and with them.
    steps : Newton steps. left : largest difference of a mean that was to be matched exactly, in standard deviations.
    """

    stored_name = "mean_matching"

    def __init__(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        *,
        bandwidth: float | None,
        largest: float,
        ridge: float,
        n_landmarks: int,
        exact_means: bool,
        random_state: int | None,
        choice: str,
    ) -> None:
        import torch

        self._largest, self._ridge, self._exact, self._choice = largest, ridge, exact_means, choice
        rng = np.random.default_rng(random_state)
        self._mean, self._scale = joint_scaling(X, X_target)
        drawn = self._draw(X, X_target, n_landmarks, rng)
        self.bandwidth = float(bandwidth or median_distance(some(drawn, MEDIAN_ROWS, rng)))
        self._landmarks = drawn
        landmarks = self._on_device(drawn)
        values, vectors = torch.linalg.eigh(gaussian_kernel(landmarks, landmarks, self.bandwidth))
        kept = values > LEAST_EIGENVALUE * values[-1]
        features = self._features(X.shape[1])
        to = torch.block_diag(vectors[:, kept] * values[kept].rsqrt(), torch.eye(features - len(drawn)).to(landmarks))
        wanted = self._sum(X_target) @ to / len(X_target)
        plain = self._sum(X) @ to / len(X)
        self._rank = int(kept.sum())
        self.before = float(((plain - wanted)[: self._rank] ** 2).sum())
        theta, weighted = self._solve(X, to, wanted)
        gap = weighted - wanted
        self.after = float((gap[: self._rank] ** 2).sum())
        self.left = float(gap[self._rank : -1].abs().max()) if exact_means else 0.0
        self.coefficients = (to @ theta).cpu().numpy()

    def weights(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of any rows (k, d)."""
        import torch

        theta = torch.from_numpy(self.coefficients).to(device(self._choice))
        weights = np.empty(len(X), dtype=X.dtype)
        for rows, features in self._blocks(X):
            weights[rows] = (1 - features @ theta / self._ridge).clamp_(0.0, self._largest).cpu().numpy()
        return weights

    def _draw(self, X: np.ndarray, X_target: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
        """Gives (r, d) standardised rows, half of each sample, float64."""
        drawn = draw_halves(X, X_target, k, rng)
        parts = [rows[at] for rows, at in zip((X, X_target), drawn, strict=True)]
        return np.unique((np.concatenate(parts) - self._mean) / self._scale, axis=0).astype(np.float64)

    def _on_device(self, rows: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64)).to(device(self._choice))

    def _features(self, d: int) -> int:
        return len(self._landmarks) + (d if self._exact else 0) + 1

    def _blocks(self, X: np.ndarray) -> Iterator[tuple[slice, torch.Tensor]]:
        """Gives the rows' (b, k) kernel values with the landmarks, then their columns if these count, then 1."""
        import torch

        landmarks, mean, scale = map(self._on_device, (self._landmarks, self._mean, self._scale))
        for rows in row_blocks(len(X), 16 * len(landmarks), where=landmarks.device):
            x = (self._on_device(X[rows]) - mean) / scale
            parts = (
                [gaussian_kernel(x, landmarks, self.bandwidth), x]
                if self._exact
                else [gaussian_kernel(x, landmarks, self.bandwidth)]
            )
            yield rows, torch.cat([*parts, torch.ones_like(x[:, :1])], dim=1)

    def _sum(self, X: np.ndarray) -> torch.Tensor:
        return sum(features.sum(dim=0) for _, features in self._blocks(X))  # type: ignore[return-value]

    def _solve(self, X: np.ndarray, to: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gives the dual's solution, and the weighted mean of the rows' features."""
        import torch

        theta = torch.zeros_like(wanted)
        penalty = torch.full_like(wanted, EXACT)
        penalty[: self._rank] = 1.0
        loss, mean, curvature = self._dual(X, to, theta)
        for step in range(STEPS):
            self.steps = step
            gradient = penalty * theta + wanted - mean
            if float(gradient.abs().max()) < TOLERANCE:
                break
            damping = SINGULAR * curvature.diagonal().max()  # for columns that repeat others
            direction = -torch.linalg.solve(torch.diag(penalty + damping) + curvature, gradient)
            length, slope = 1.0, float(gradient @ direction)
            while length > 1e-10:
                tried = theta + length * direction
                value, mean_tried, curvature_tried = self._dual(X, to, tried)
                value = value + wanted @ tried + (penalty * tried * tried).sum() / 2
                if value <= loss + ARMIJO * length * slope + 1e-15:
                    break
                length /= 2
            else:
                break
            theta, loss, mean, curvature = tried, value, mean_tried, curvature_tried
        else:
            log.warning("mean matching stopped after %d steps; raise ridge (%g)", STEPS, self._ridge)
        return theta, mean

    def _dual(
        self, X: np.ndarray, to: torch.Tensor, theta: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gives the rows' part of the dual, the weighted mean of their features, and its slope."""
        multipliers = to @ theta
        value, mean, curvature = theta.new_zeros(()), theta.new_zeros(len(to)), theta.new_zeros(len(to), len(to))
        for _, features in self._blocks(X):
            scores = features @ multipliers
            free = 1 - scores / self._ridge
            weights = free.clamp(0.0, self._largest)
            value -= (self._ridge / 2 * (weights - 1) ** 2 + weights * scores).sum()
            mean += weights @ features
            inner = features[(free > 0) & (free < self._largest)]
            curvature += inner.T @ inner
        n = len(X)
        return value / n, mean @ to / n, to.T @ curvature @ to / (n * self._ridge)
