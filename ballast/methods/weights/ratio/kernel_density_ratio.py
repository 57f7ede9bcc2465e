"""The ratio of two density estimates: by kernels, or by a Gaussian fitted to each sample."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ballast.compute.blocks import Contents, copy_keys, draw_rows, row_blocks
from ballast.compute.devices import device
from ballast.compute.kernels import squared_distances
from ballast.compute.scaling import joint_scaling
from ballast.errors import DataError
from ballast.methods.common.cross_fit import units_of_samples
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Device, Positive, Seed
from ballast.words import plural

WIDER = 1.5
"""Best of 1, 1.5 and 2 for Gaussian shifts in 1 to 5 columns."""
MANY_COLUMNS = 0.22
"""Bandwidth at least, times the root of the columns: in 50 and 100 a few kernels would else be all of a density."""


class KernelDensityRatio(Weigher):
    """Weighs by the target's estimated density over the training rows' estimated density.

    Use it with up to five columns, or, with ``density: gaussian``, where both samples are near to normal. Not with
    more columns: errors of two densities do not cancel, and the ratio's is far above that of estimators that fit the
    ratio itself (``kliep``, ``relative_least_squares``).

    Parameters
    ----------
    density : {"kernel", "gaussian"}, default "kernel"
        "kernel" sums Gaussian kernels at rows of each sample; "gaussian" plugs in each sample's mean and covariance,
        the latter shrunk as Ledoit and Wolf do.
    bandwidth : float > 0 or None, default None
        Width of the kernels, in standard deviations of the samples; None takes 1.5 times Scott's rule for kernels at
        the rows of k units, 1.5 k^(-1 / (d + 4)): a ratio is smoother than its densities, and needs wider kernels; 0.22
        sqrt(d) at least.
    max_ratio : float > 0 or None, default None
        Ratios above are cut to it; None takes the square root of n, or of the units where these are declared.
    max_kernels : int >= 2, default 2000
        Rows of either sample, drawn, at which kernels stand. Bounds the cost.
    random_state : int or None, default 0
        Seed of the draw.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    ratio_ : ndarray of shape (n,)
        The estimated ratio at the training rows, clipped.
    bandwidth_ : tuple of float
        Widths of the training rows' and of the target's kernels, in standard deviations; not set for "gaussian".
    cap_ : float
        The largest ratio allowed.

    Raises
    ------
    DataError
        Fewer than two rows in either sample, or units of the training rows.
    OverlapError
        The target lies where there are no training rows.

    Notes
    -----
    The densities at a training row leave out the row's own kernel and those at copies of it or rows of its unit, in
    either sample. Columns are standardised over both samples; those that are constant over both do not count.
    Cost: O(n k d) for k kernels, memory one block of distances; "gaussian" O((n + m) d^2).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0.0, 1, (400, 2)), rng.normal(0.8, 1, (300, 2))
    >>> weigher = ballast.method("kernel_density_ratio", density="gaussian")
    >>> ratio = weigher.fit(X, X_target).ratio_
    >>> truth = np.exp(0.8 * X.sum(axis=1) - 0.64)  # of the two densities
    >>> bool(np.corrcoef(np.log(ratio), np.log(truth))[0, 1] > 0.95)
    True
    """

    name = "kernel_density_ratio"
    reference = (
        "Shimodaira, Improving Predictive Inference under Covariate Shift by Weighting the Log-Likelihood Function, "
        "Journal of Statistical Planning and Inference 2000; Scott, Multivariate Density Estimation, Wiley 1992"
    )
    claim = Claim(
        "The ratio of two density estimates falls behind an estimate of the ratio itself as the columns grow.",
        "reproduced",
        "500 rows, Gaussian mean moved by 1, 20 seeds: squared error, in units of uniform weights', and that of "
        "relative_least_squares at alpha 0: {densities_1:.2f} and {direct_1:.2f} (1 column), {densities_10:.2f} and "
        "{direct_10:.2f} (10), {densities_20:.2f} and {direct_20:.2f} (20).",
    )

    def __init__(
        self,
        density: Literal["kernel", "gaussian"] = "kernel",
        bandwidth: Positive | None = None,
        max_ratio: Positive | None = None,
        max_kernels: Annotated[int, Field(ge=2)] = 2000,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.density = density
        self.bandwidth = bandwidth
        self.max_ratio = max_ratio
        self.max_kernels = max_kernels
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> KernelDensityRatio:
        """Learns the ratio of the target (m, d) to the source (n, d), and the source's weights.

        ``dependence`` (n,) and ``dependence_target`` (m,) name the unit of each row.
        """
        if min(len(X), len(X_target)) < 2:
            raise DataError(
                f"{self.name}: X has {plural(len(X), 'row')} and X_target {len(X_target)}; at least 2 of each are "
                "needed to estimate a density"
            )
        self._mean, self._scale = joint_scaling(X, X_target)
        varying = (X[0] != X).any(axis=0) | (X_target != X[0]).any(axis=0)
        self._varying = varying if varying.any() else np.ones_like(varying)
        n_units = len(X) if dependence is None else len(np.unique(dependence))
        self.cap_ = float(self.max_ratio or n_units**0.5)
        rng = np.random.default_rng(self.random_state)
        own: np.ndarray | None = None
        centers: list[np.ndarray] = []
        if self.density == "gaussian":
            self._parts = tuple(_Gaussian(self._standardised(rows)) for rows in (X, X_target))
        else:
            drawn, drawn_target = (draw_rows(rows, self.max_kernels, rng) for rows in (X, X_target))
            keys, keys_target = copy_keys(X, X_target)
            source, target = Contents.of(drawn, keys), Contents.of(drawn_target, keys_target)
            own, own_target = units_of_samples(X, X_target, dependence, dependence_target, self.name)
            centers = [own[source.positions], own_target[target.positions]]
            self._parts = tuple(
                _Kernels(
                    self._standardised(rows[part.positions]), part.counts, self.bandwidth, self.device,
                    len(np.unique(units)),
                )
                for rows, part, units in ((X, source, centers[0]), (X_target, target, centers[1]))
            )  # fmt: skip
            self.bandwidth_ = tuple(part.bandwidth for part in self._parts)
        self.ratio_ = self._ratio(X, own, *centers)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._ratio(X)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_scale" in state and "_varying" not in state:  # as version 0.1 stored it
            state |= {"_varying": np.ones(len(state["_scale"]), dtype=bool), "cap_": state["_cap"]}
        super().__setstate__(state)

    def _standardised(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._mean) / self._scale)[:, self._varying].astype(np.float64)

    def _ratio(self, X: np.ndarray, own: np.ndarray | None = None, *centers: np.ndarray) -> np.ndarray:
        """Gives (n,) ratios without the kernels of a row's ``own`` (n,) unit; ``centers`` are the kernels' units."""
        rows = self._standardised(X)
        given = [() if own is None else (own, units) for units in centers] or [(), ()]
        densities = [part.log_density(rows, *units) for part, units in zip(self._parts, given, strict=True)]
        difference = densities[1] - densities[0]
        return np.exp(np.minimum(difference, np.log(self.cap_))).astype(X.dtype)


class _Gaussian:
    """A normal distribution fitted to rows."""

    stored_name = "gaussian_density"

    def __init__(self, rows: np.ndarray) -> None:
        from sklearn.covariance import ledoit_wolf

        self._mean = rows.mean(axis=0)
        covariance = ledoit_wolf(rows)[0]
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 1e-9)
        self._root = vectors / np.sqrt(values)
        self._log_scale = 0.5 * float(np.log(values).sum())

    def log_density(self, rows: np.ndarray) -> np.ndarray:
        """Gives (n,) log densities, less a constant of the dimension."""
        return -0.5 * (((rows - self._mean) @ self._root) ** 2).sum(axis=1) - self._log_scale


class _Kernels:
    """Gaussian kernels at rows, each as often as it is counted, one bandwidth for all."""

    stored_name = "kernel_density"

    def __init__(
        self, rows: np.ndarray, counts: np.ndarray, bandwidth: float | None, choice: str, n_units: int
    ) -> None:
        d = rows.shape[1]
        mean = np.average(rows, axis=0, weights=counts)
        spread = float(np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=counts).mean())) or 1.0
        self.bandwidth = float(bandwidth or max(WIDER * n_units ** (-1 / (d + 4)), MANY_COLUMNS * d**0.5)) * spread
        self._rows, self._counts, self._choice = rows, counts, choice

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({"_counts": np.ones(len(state["_rows"])), **state})  # those of version 0.1 have none

    def log_density(
        self, rows: np.ndarray, own: np.ndarray | None = None, units: np.ndarray | None = None
    ) -> np.ndarray:
        """Gives (n,) log densities, less a constant of the dimension.

        Without the kernels of a row's ``own`` (n,) unit, ``units`` (k,) being the kernels'.
        """
        import torch

        where = device(self._choice)
        centers, counts = (torch.from_numpy(a.astype(np.float32)).to(where) for a in (self._rows, self._counts))
        found = np.empty(len(rows))
        for block in row_blocks(len(rows), 8 * len(centers), where=where):
            x = torch.from_numpy(rows[block].astype(np.float32)).to(where)
            exponents = squared_distances(x, centers).mul_(-0.5 / self.bandwidth**2)
            exponents += counts.log()
            counted = counts.sum().repeat(len(exponents))
            if own is not None and units is not None:
                same = torch.from_numpy(own[block]).to(where)[:, None] == torch.from_numpy(units).to(where)
                exponents.masked_fill_(same, -torch.inf)
                counted = (counted - (same * counts).sum(dim=1)).clamp_(min=1)
            found[block] = (torch.logsumexp(exponents, dim=1) - counted.log()).cpu().numpy()
        return found - rows.shape[1] * np.log(self.bandwidth)
