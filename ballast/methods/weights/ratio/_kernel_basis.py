"""The Gaussian kernel basis that the kernel density-ratio estimators share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ballast.compute.blocks import row_blocks
from ballast.compute.devices import device
from ballast.compute.kernels import gaussian_kernel, median_distance
from ballast.compute.scaling import joint_scaling
from ballast.errors import OverlapError

if TYPE_CHECKING:
    import torch

LEAST_ROWS, LARGEST_RATIO = 5, 20
"""The target is disjoint when its typical row is like fewer than 5 training rows, at a ratio beyond 20."""
CACHE_BYTES = 4 * 2**20
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

    stored_name = "kernel_basis"

    mean: np.ndarray
    scale: np.ndarray
    centers: np.ndarray
    choice: str

    @classmethod
    def at(cls, rows: np.ndarray, X: np.ndarray, X_target: np.ndarray, choice: str) -> KernelBasis:
        """Gives the kernels centred at some rows of the target."""
        mean, scale = joint_scaling(X, X_target)
        return cls(mean, scale, _standardised(rows, mean, scale), choice)

    def standardised(self, X: np.ndarray) -> np.ndarray:
        return _standardised(X, self.mean, self.scale)

    def blocks(self, X: np.ndarray, bandwidth: float) -> Iterator[tuple[slice, torch.Tensor]]:
        """Gives the rows' kernel values (b, c) float32 on the device, block by block."""
        import torch

        where = device(self.choice)
        centers, mean, scale = (torch.from_numpy(a).to(where) for a in (self.centers, self.mean, self.scale))
        for rows in row_blocks(len(X), 4 * (len(centers) + X.shape[1]), CACHE_BYTES, where):
            x = torch.from_numpy(np.ascontiguousarray(X[rows])).to(where)
            yield rows, gaussian_kernel(((x - mean) / scale).float(), centers, bandwidth)

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
        rows: np.ndarray,
        coefficients: np.ndarray,
        bandwidth: float,
        n: int,
        owner: str,
    ) -> None:
        """Raises OverlapError where most of the target, of which some rows are given, lies beyond n training rows.

        A ratio r at a row of the target says that n / r training rows are like it. The mean ratio over the training
        rows cannot tell: a wide kernel, or its normalisation, keeps that near 1 however far the target is.
        """
        median = float(np.median(self.evaluate(rows, coefficients, bandwidth)))
        if median > max(n / LEAST_ROWS, LARGEST_RATIO):
            raise OverlapError(
                f"{owner}: the target does not overlap the {n} training rows: half of its rows have an estimated "
                f"density ratio above {median:.3g} to them, an effective sample size of about {n / median:.1f}. "
                "Collect training rows like the target's, or drop the features that tell the two apart completely"
            )

    def bandwidths(self, rows: np.ndarray, rng: np.random.Generator) -> list[float]:
        """Gives the bandwidths to compare, from some rows of the target."""
        median = median_distance(self.standardised(some(rows, MEDIAN_ROWS, rng)))
        return [factor * median for factor in BANDWIDTH_FACTORS]

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """Gives (k, c) squared distances of a few rows from the centres, in double precision."""
        from scipy.spatial.distance import cdist

        return cdist(self.standardised(rows).astype(np.float64), self.centers.astype(np.float64), "sqeuclidean")


def _standardised(X: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return ((X - mean) / scale).astype(np.float32, copy=False)


def some(rows: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives k of the rows, or all, in their order; for rows that `draw_rows` drew, whose order is their contents'."""
    return rows[some_of(len(rows), k, rng)]


def some_of(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives the positions, ascending, of k of n rows, or of all."""
    return np.arange(n) if k >= n else np.sort(rng.choice(n, size=k, replace=False))
