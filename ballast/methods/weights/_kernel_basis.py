"""The Gaussian kernel basis that the kernel density-ratio estimators share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ballast.compute import device, draw_rows, gaussian_kernel, joint_scaling, median_distance, row_blocks
from ballast.errors import OverlapError

if TYPE_CHECKING:
    import torch

SELECTION_ROWS = 4000
"""Rows of either sample on which bandwidths are compared: they decide between few values, so more add nothing."""
LEAST_ROWS, LARGEST_RATIO = 5, 20
"""The target is disjoint when its typical row is like fewer than 5 training rows, at a ratio beyond 20."""
CACHE_BYTES = 2 * 2**20
"""A block of kernel values is read again at once, so it should fit a core's second-level cache."""
MEDIAN_ROWS = 1000
BANDWIDTH_FACTORS = (0.2, 0.3, 0.45, 0.65, 1.0, 1.5, 2.2, 3.3, 5.0)
"""Bandwidths tried, as multiples of the median distance between 1000 of the target's rows."""


@dataclass(frozen=True)
class KernelBasis:
    """Gaussian kernels at rows of the target, on columns standardised over both samples.

    Attributes
    ----------
    mean, scale : (d,) the standardisation.
    centers : (c, d) float32, standardised.
    choice : the device to compute on.
    """

    mean: np.ndarray
    scale: np.ndarray
    centers: np.ndarray
    choice: str

    @classmethod
    def draw(
        cls, X: np.ndarray, X_target: np.ndarray, n_centers: int, choice: str, rng: np.random.Generator
    ) -> KernelBasis:
        """Takes `n_centers` rows of the target, or all there are, whatever their order."""
        mean, scale = joint_scaling(X, X_target)
        basis = cls(mean, scale, np.empty((0, X.shape[1]), dtype=np.float32), choice)
        centers = basis.standardised(X_target[draw_rows(X_target, n_centers, rng)])
        return cls(mean, scale, centers, choice)

    def standardised(self, X: np.ndarray) -> np.ndarray:
        return ((X - self.mean) / self.scale).astype(np.float32, copy=False)

    def blocks(self, X: np.ndarray, bandwidth: float) -> Iterator[tuple[slice, torch.Tensor]]:
        """Gives the rows' kernel values (b, c) float32 on the device, block by block."""
        import torch

        where = device(self.choice)
        centers = torch.from_numpy(self.centers).to(where)
        for rows in row_blocks(len(X), 4 * (len(centers) + X.shape[1]), CACHE_BYTES):
            x = torch.from_numpy(np.ascontiguousarray(self.standardised(X[rows]))).to(where)
            yield rows, gaussian_kernel(x, centers, bandwidth)

    def evaluate(self, X: np.ndarray, coefficients: np.ndarray, bandwidth: float) -> np.ndarray:
        """Gives (n,) values of the kernel expansion, none below zero, in the dtype of X."""
        import torch

        theta = torch.from_numpy(coefficients.astype(np.float32)).to(device(self.choice))
        values = np.empty(len(X), dtype=X.dtype)
        for rows, kernel in self.blocks(X, bandwidth):
            values[rows] = (kernel @ theta).clamp_(min=0.0).cpu().numpy()
        return values

    def check_overlap(
        self,
        X_target: np.ndarray,
        coefficients: np.ndarray,
        bandwidth: float,
        n: int,
        rng: np.random.Generator,
        owner: str,
    ) -> None:
        """Raises OverlapError where most of the target's rows lie beyond the n training rows.

        A ratio r at a row of the target says that n / r training rows are like it. The mean ratio over the training
        rows cannot tell: a wide kernel, or its normalisation, keeps that near 1 however far the target is.
        """
        ratio = self.evaluate(X_target[draw_rows(X_target, SELECTION_ROWS, rng)], coefficients, bandwidth)
        median = float(np.median(ratio))
        if median > max(n / LEAST_ROWS, LARGEST_RATIO):
            raise OverlapError(
                f"{owner}: the target does not overlap the {n} training rows: half of its rows have an estimated "
                f"density ratio above {median:.3g} to them, which leaves an effective sample size of about "
                f"{n / median:.1f}. Collect training rows like the target's, or drop the features that tell the two apart completely"
            )

    def bandwidths(self, X_target: np.ndarray, rng: np.random.Generator) -> list[float]:
        """Gives the bandwidths to compare."""
        median = median_distance(self.standardised(X_target[draw_rows(X_target, MEDIAN_ROWS, rng)]))
        return [factor * median for factor in BANDWIDTH_FACTORS]

    def selection_distances(self, X: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
        """Gives (k, c) squared distances of k drawn rows from the centres, in double precision."""
        from scipy.spatial.distance import cdist

        rows = self.standardised(X[draw_rows(X, k, rng)])
        return cdist(rows.astype(np.float64), self.centers.astype(np.float64), "sqeuclidean")
