"""Density ratios by counting neighbours: how many target rows lie as near as the nearest training rows do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from ballast.compute.blocks import Contents, copy_keys, draw_rows, row_blocks
from ballast.compute.devices import device
from ballast.compute.kernels import squared_distances
from ballast.compute.scaling import joint_scaling
from ballast.errors import DataError
from ballast.methods.common.cross_fit import units_of_samples
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Device, Seed

if TYPE_CHECKING:
    import torch

ROUNDING = 1e-5
"""Relative slack of squared distances, so that a row at the rim counts whichever way they were rounded."""


class NearestNeighborRatio(Weigher):
    """Weighs each row by how many target rows lie within the distance of its nearest training rows.

    Use it with up to some ten columns, where the ratio may have any shape: it assumes nothing but closeness. Not with
    more columns that all matter, where all rows are about equally far (``density_ratio_classifier``).

    Parameters
    ----------
    n_neighbors : int >= 1, default 20
        Training rows, of copies one, whose reach is taken; more are smoother. 20 was best of 5 to 40 for Gaussian
        shifts in 1 to 10 columns, of 500 to 4000 rows. Where units are declared, so many times as many as a unit has
        rows.
    max_reference : int >= 2, default 5000
        Rows of either sample, drawn, among which neighbours are sought. Bounds the cost.
    random_state : int or None, default 0
        Seed of the draw.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    ratio_ : ndarray of shape (n,)
        The estimated ratio at the training rows.

    Raises
    ------
    DataError
        A training set of one row.
    OverlapError
        No target rows near the training rows.

    Notes
    -----
    Of m reference rows of the target t lie in the ball, of n of the training rows s: the ratio is (t / m) / (s / n). A
    row is not its own neighbour, nor are copies of it or rows of its unit in either sample. Columns are standardised
    over both samples first. A weight may be 0. Cost: O(n r d) for r reference rows; memory one block of distances.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.random((500, 1)), rng.uniform(0.4, 0.6, (300, 1))
    >>> weigher = ballast.method("nearest_neighbor_ratio").fit(X, X_target)
    >>> weigher.weigh([[0.2], [0.5], [0.8]]).round(0)
    array([0., 5., 0.])
    """

    name = "nearest_neighbor_ratio"
    reference = (
        "Kremer, Gieseke, Steenstrup Pedersen and Igel, Nearest Neighbor Density Ratio Estimation for Large-Scale "
        "Applications in Astronomy, Astronomy and Computing 2015; Loog, Nearest Neighbor-Based Importance Weighting, "
        "MLSP 2012"
    )
    claim = Claim(
        "Counts within a ball are nearer to the ratio than counts of the target rows that are nearest to each row.",
        "reproduced",
        "500 rows, Gaussian mean moved by 1, 20 seeds: squared error, in units of uniform weights', {balls_1:.2f} "
        "against {nearest_1:.2f} (1 column), {balls_5:.2f} against {nearest_5:.2f} (5), {balls_10:.2f} against "
        "{nearest_10:.2f} (10), {balls_20:.2f} against {nearest_20:.2f} (20); better on every seed.",
    )

    def __init__(
        self,
        n_neighbors: Count = 20,
        max_reference: Annotated[int, Field(ge=2)] = 5000,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.n_neighbors = n_neighbors
        self.max_reference = max_reference
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> NearestNeighborRatio:
        """Learns the ratio of the target (m, d) to the source (n, d), and the source's weights.

        ``dependence`` (n,) and ``dependence_target`` (m,) name the unit of each row.
        """
        if len(X) < 2:
            raise DataError(f"{self.name}: X has 1 row; at least 2 are needed for one to have a neighbour")
        rng = np.random.default_rng(self.random_state)
        self._mean, self._scale = joint_scaling(X, X_target)
        drawn, drawn_target = (draw_rows(rows, self.max_reference, rng) for rows in (X, X_target))
        keys, keys_target = copy_keys(X, X_target)
        source, target = Contents.of(drawn, keys), Contents.of(drawn_target, keys_target)
        self._source, self._target = (
            self._standardised(X[source.positions]),
            self._standardised(X_target[target.positions]),
        )
        self._counts, self._counts_target = source.counts, target.counts
        own, own_target = units_of_samples(X, X_target, dependence, dependence_target, self.name)
        of = own[source.positions]
        self._k = min(round(self.n_neighbors * len(of) / len(np.unique(of))), max(1, len(of) - 1))
        self.ratio_ = self._ratio(X, own, of, own_target[target.positions])
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_source" in state and "_counts" not in state:  # those stored by version 0.1 counted every row once
            state |= {"_counts": np.ones(len(state["_source"])), "_counts_target": np.ones(len(state["_target"]))}
        if "_source" in state and "_k" not in state:
            state["_k"] = min(state["n_neighbors"], max(1, len(state["_source"]) - 1))
        super().__setstate__(state)

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._ratio(X)

    def _standardised(self, X: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((X - self._mean) / self._scale, dtype=np.float32)

    def _ratio(self, X: np.ndarray, own: np.ndarray | None = None, *references: np.ndarray) -> np.ndarray:
        """Gives (n,) ratios without rows of a row's ``own`` (n,) unit; ``references`` are the reference rows' units."""
        import torch

        where = device(self.device)
        parts = [torch.from_numpy(rows).to(where) for rows in (self._source, self._target)]
        counts = [torch.from_numpy(c).to(where) for c in (self._counts, self._counts_target)]
        units = [torch.from_numpy(u).to(where) for u in references]
        ratio = np.empty(len(X), dtype=X.dtype)
        for rows in row_blocks(len(X), 8 * sum(map(len, parts)), where=where):
            x = torch.from_numpy(self._standardised(X[rows])).to(where)
            distances = [squared_distances(x, part) for part in parts]
            left = [c.sum().double().repeat(len(x)) for c in counts]
            if own is not None:
                itself = torch.from_numpy(own[rows]).to(where)[:, None]
                left = [_leave_out(d, itself == u, c) for d, u, c in zip(distances, units, counts, strict=True)]
            reach = torch.topk(distances[0], self._k, dim=1, largest=False).values[:, -1:]
            reach = reach * (1 + ROUNDING) + ROUNDING * X.shape[1]
            near, near_target = (
                ((d <= reach) * c).sum(dim=1) / n for d, c, n in zip(distances, counts, left, strict=True)
            )
            ratio[rows] = (near_target / near).cpu().numpy()
        return ratio


def _leave_out(distances: torch.Tensor, same: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Moves reference rows of each row's own unit out of reach; gives the number of those that are left to each."""
    distances.masked_fill_(same, float("inf"))
    return (counts.sum() - (same * counts).sum(dim=1)).double().clamp_(min=1)
