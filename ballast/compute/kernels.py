"""Distances, Gaussian kernels and nearest neighbours as matrix products in torch, on CPU and CUDA alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.compute.blocks import row_blocks
from ballast.compute.devices import device

if TYPE_CHECKING:
    import torch


def squared_distances(x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Gives (n, k) squared Euclidean distances between the rows of x (n, d) and of c (k, d) by one GEMM.

    Centre the data first: the error is a rounding of the squared norms, not of the distances.
    """
    d2 = (c * c).sum(dim=1).addmm(x, c.T, alpha=-2.0)
    return d2.add_((x * x).sum(dim=1, keepdim=True)).clamp_(min=0.0)


def gaussian_kernel(x: torch.Tensor, c: torch.Tensor, bandwidth: float) -> torch.Tensor:
    """Gives (n, k) values exp(-||x - c||^2 / (2 bandwidth^2)), in [0, 1].

    The norms ride along as two more columns of one GEMM, so that the result is passed over only once more, by exp.
    """
    import torch

    x, c = x / bandwidth, c / bandwidth
    left = torch.cat([x, (x * x).sum(dim=1, keepdim=True), torch.ones_like(x[:, :1])], dim=1)
    right = torch.cat([c, torch.full_like(c[:, :1], -0.5), (c * c).sum(dim=1, keepdim=True).mul_(-0.5)], dim=1)
    return (left @ right.T).clamp_(max=0.0).exp_()  # far from the centre rounding would else overflow exp


def median_distance(X: np.ndarray) -> float:
    """Gives the median distance between standardised rows that differ; 1.0 where they are all equal.

    No less than a thousandth of a standard deviation: where a few huge values press all other rows together, float32
    cannot tell those apart.

    Takes every pair: pass a drawn subsample, of 1000 rows say.
    """
    from scipy.spatial.distance import pdist

    distances = pdist(X)
    distances = distances[distances > 0]
    return max(float(np.median(distances)), 1e-3) if len(distances) else 1.0


def nearest_neighbors(
    queries: np.ndarray, reference: np.ndarray, k: int, *, exclude_self: bool = False, choice: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Gives (n, k) distances, ascending, and (n, k) positions of the k nearest rows of `reference` to each query.

    With `exclude_self` row i of the queries is row i of the reference and does not count as its own neighbour.
    Distances are in the dtype of `queries`. Time O(n m d), memory one block of distances; n x m is never held.
    """
    import torch

    where = device(choice)
    centre = np.median(reference, axis=0)  # the mean may lie far from all rows but one, and float32 would lose these
    ref = torch.from_numpy(np.ascontiguousarray(reference - centre, dtype=queries.dtype)).to(where)
    distances = np.empty((len(queries), k), dtype=queries.dtype)
    positions = np.empty((len(queries), k), dtype=np.int64)
    for rows in row_blocks(len(queries), 4 * queries.dtype.itemsize * len(ref), budget=2**26, where=where):
        x = torch.from_numpy(np.ascontiguousarray(queries[rows] - centre, dtype=queries.dtype)).to(where)
        d2 = squared_distances(x, ref)
        if exclude_self:
            own = torch.arange(len(x), device=where)
            d2[own, own + rows.start] = torch.inf
        found = torch.topk(d2, k, dim=1, largest=False).indices
        # Distances of the few found are taken afresh, by differences: GEMM would leave rounding where they are near 0.
        exact = (x[:, None, :] - ref[found]).square_().sum(dim=2).sqrt_()
        exact, order = exact.sort(dim=1, stable=True)
        distances[rows] = exact.cpu().numpy()
        positions[rows] = found.gather(1, order).cpu().numpy()
    return distances, positions
