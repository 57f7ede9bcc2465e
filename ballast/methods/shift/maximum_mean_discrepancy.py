"""The kernel two-sample test on all features at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ballast.compute.blocks import draw_rows, row_blocks, row_keys
from ballast.compute.devices import device
from ballast.compute.kernels import gaussian_kernel, median_distance
from ballast.compute.scaling import joint_scaling
from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Test
from ballast.methods.frame.parameters import Count, Device, Level, Positive, Seed
from ballast.methods.frame.reports import TestReport
from ballast.methods.shift._columns import Decide, Rule, overall_report
from ballast.methods.shift._units import looks_dependent, units_of
from ballast.precision import comparable
from ballast.words import plural

if TYPE_CHECKING:
    import torch

IMBALANCE = 20
"""Beyond this ratio of sizes the larger sample is thinned in the linear form: it costs 5 % of the variance at most."""
MEDIAN_ROWS = 1000
CELLS = 500
"""Cells that the smaller sample is summed to in the linear form before permuting."""


class MaximumMeanDiscrepancy(Test):
    """Tests whether two samples differ in distribution in any way, dependence between columns included.

    Use it on up to some hundred encoded columns, when the shift may lie in no column alone. Not to name the columns
    that moved (``kolmogorov_smirnov``), and with less power the more columns there are that do not move.
    Columns are standardised over both samples, without values more than 30 times as far from the median as 95 % of
    them, so that one absurd value hides nothing; the kernel is Gaussian. The statistic is the unbiased squared MMD,
    which may fall below zero; ``effect_size`` is its root, 0 for equal distributions and at most the square root of 2.

    Parameters
    ----------
    n_permutations : int >= 1, default 199
        Permutations behind the p-value, which is (1 + those at least as extreme) / (1 + n_permutations), so never 0;
        199 makes a test at 0.05 exact.
    alpha : float in (0, 1), default 0.05
        Level of the test; 0.05 by convention.
    bandwidth : float > 0 or None, default None
        Width of the kernel, in standard deviations; None takes the median distance of 1000 pooled rows (Gretton et al.,
        2012).
    exact_limit : int >= 1, default 20000
        Pooled rows up to which every pair of rows is compared. Beyond it the kernel is replaced by `n_features` random
        Fourier features, at a linear cost.
    n_features : even int >= 2, default 512
        Random Fourier features of the linear form.
    random_state : int or None, default 0
        Seed of permutations and features.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.
    decide : dict or None, default None
        What a change must reach to count, in place of `alpha` alone: {p: 0.05, effect: 0.1} asks for a p-value of at
        most 0.05 and an effect size of at least 0.1, {effect: 0.1} for the effect size alone.

    Raises
    ------
    DataError
        Fewer than two rows in either sample.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other; where the roles declare
    ``dependence`` or ``time``, units or blocks of n^(2/3) rows are, and these are permuted. Without either, ``effect``
    says where neighbouring rows are alike or rows are copies. A column that one sample holds in float precision alone
    is compared at it.

    Cost, with N = n + m: exact N^2 (d + n_permutations) by blocks of rows, memory N n_permutations. Linear form:
    N d n_features; rows of one sample are summed to equal cells, and the cells are permuted, which is a valid test
    at any size. The power of the linear form is in ``claim``.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> X_target = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 200)
    >>> report = ballast.method("maximum_mean_discrepancy").test(X, X_target)
    >>> report.rejected, report.p_value  # as small as 199 permutations allow
    (True, 0.005)
    >>> ballast.method("kolmogorov_smirnov").test(X, X_target).rejected
    False
    """

    name = "maximum_mean_discrepancy"
    reference = "Gretton et al., A Kernel Two-Sample Test, JMLR 2012"
    claim = Claim(
        "Holds its level and detects shifts that tests column by column cannot see, such as in the correlation alone.",
        "partly",
        "Level 0.05: rejects {level_20000:.1%} of 250 draws, {level_1:.1%} in its linear form. Correlation 0 to 0.6, "
        "300 rows each: found in {power:.0%} of 20 draws with 2 columns, tests by column {power_by_column:.0%}; with "
        "8 columns in {power_8:.0%}. Linear form: {power_linear:.0%} against {power_exact:.0%} for all pairs (mean "
        "moved by 0.2 in 1 of 10 columns, 1000 rows each, 25 draws).",
    )

    def __init__(
        self,
        n_permutations: Count = 199,
        alpha: Level = 0.05,
        bandwidth: Positive | None = None,
        exact_limit: Count = 20_000,
        n_features: Annotated[int, Field(ge=2, multiple_of=2)] = 512,
        random_state: Seed = 0,
        device: Device = "auto",
        decide: Decide | None = None,
    ) -> None:
        self.n_permutations = n_permutations
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.exact_limit = exact_limit
        self.n_features = n_features
        self.random_state = random_state
        self.decide: Decide | None = decide
        self.device = device

    def test(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        time: np.ndarray | None = None,
        time_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> TestReport:
        """Compares the rows of `X` (n, d) with those of `X_target` (m, d).

        ``time``, ``dependence`` and the target's say which rows are not independent, as in ``kolmogorov_smirnov``.
        """
        n, m = len(X), len(X_target)
        if min(n, m) < 2:
            raise DataError(
                f"{self.name}: X has {plural(n, 'row')} and X_target {m}; the statistic needs at least 2 of each"
            )
        units = units_of(n, m, time, time_target, dependence, dependence_target)
        if units and n + m > self.exact_limit:
            raise DataError(
                f"{self.name}: {n + m} rows are above exact_limit ({self.exact_limit}), where rows are summed to "
                "cells, which would mix the units that time or dependence declares; raise exact_limit, or thin the rows"
            )
        note = units.said if units else looks_dependent(pd.DataFrame(X), pd.DataFrame(X_target))
        X, X_target = comparable(X, X_target)
        rng = np.random.default_rng(self.random_state)
        exact = n + m <= self.exact_limit
        samples = [X, X_target] if exact else [_thinned(X, m, rng), _thinned(X_target, n, rng)]
        centre, scale = joint_scaling(*samples)
        pooled = np.concatenate(samples)
        order = np.argsort(row_keys(pooled), kind="stable")  # so that the order of the rows cannot matter
        in_source = order < len(samples[0])
        # Beyond 1e6 deviations the kernel is 0 in any case, and float32 could not square the values.
        pooled = np.clip((pooled[order] - centre) / scale, -1e6, 1e6).astype(np.float32, copy=False)
        some = rng.choice(len(pooled), min(MEDIAN_ROWS, len(pooled)), replace=False)
        bandwidth = self.bandwidth or median_distance(pooled[some])
        if exact:
            if units is None:
                dealt = _assignments(in_source, self.n_permutations, rng)
            else:
                dealt = _assignments(~units.in_target, self.n_permutations, rng)[units.of[order]]
            statistics = self._exact(pooled, dealt, bandwidth)
        else:
            statistics = self._linear(pooled, in_source, bandwidth, rng)
        observed = float(statistics[0])
        # Rounding must not split ties, so what comes within it counts as at least as extreme.
        extreme = int((~(statistics[1:] < observed - 1e-7)).sum())
        p_value = (1 + extreme) / (1 + self.n_permutations)
        effect = float(np.sqrt(max(observed, 0.0)))
        rule = Rule.of(self.alpha, self.decide)
        return overall_report(observed, p_value, rule, effect, f"maximum mean discrepancy{note}")

    def _exact(self, pooled: np.ndarray, assigned: np.ndarray, bandwidth: float) -> np.ndarray:
        """Gives the unbiased squared MMD of each assignment, all of them in one product a block of the kernel."""
        import torch

        where = device(self.device)
        x = torch.from_numpy(pooled).to(where)
        # The column of ones gives the kernel's row sums in the same product.
        z = torch.nn.functional.pad(torch.from_numpy(assigned).to(where, torch.float32), (0, 1), value=1.0)
        N, k = len(x), assigned.shape[1]
        within = torch.zeros(k, dtype=torch.float64, device=where)
        marginal, total = within.clone(), torch.zeros((), dtype=torch.float64, device=where)
        level: torch.Tensor | None = None
        for rows in row_blocks(N, 4 * N, where=where):
            width = rows.stop - rows.start
            kernel = gaussian_kernel(x[rows], x[rows.start :], bandwidth)
            # The statistic does not change when a constant is taken off every pair, and float32 keeps more of it.
            level = kernel.mean() if level is None else level
            kernel -= level
            kernel.diagonal().zero_()  # a row is not a pair with itself
            own, rest = kernel[:, :width] @ z[rows], kernel[:, width:] @ z[rows.stop :]
            both = own + 2 * rest  # pairs of different blocks stand for two, (i, j) and (j, i)
            within += (z[rows, :k] * both[:, :k]).sum(dim=0, dtype=torch.float64)
            marginal += z[rows, :k].T.double() @ (own + rest)[:, k].double() + rest[:, :k].sum(0, dtype=torch.float64)
            total += both[:, k].sum(dtype=torch.float64)
        return _unbiased(within, marginal, total, torch.from_numpy(assigned.sum(axis=0)).to(where), N).cpu().numpy()

    def _linear(
        self, pooled: np.ndarray, in_source: np.ndarray, bandwidth: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Gives the same from random Fourier features, with cells of rows in place of rows."""
        import torch

        where = device(self.device)
        frequencies = rng.standard_normal((pooled.shape[1], self.n_features // 2)) / bandwidth
        w = torch.from_numpy(frequencies.astype(np.float32)).to(where)
        size = max(1, min(in_source.sum(), (~in_source).sum()) // CELLS)
        cells = [_cells(pooled[side], w, int(size), where) for side in (in_source, ~in_source)]
        counts = [len(c) for c in cells]
        z = _assignments(np.arange(sum(counts)) < counts[0], self.n_permutations, rng)
        means = torch.cat(cells)
        grand = means.mean(dim=0)
        sums = torch.from_numpy(z).to(where, torch.float32).T @ (means - grand)  # centred, for float32's sake
        source = sums.double() / counts[0]
        target = -sums.double() / counts[1]
        squared = (source - target).square().sum(dim=1)
        for mean, count in ((source, counts[0]), (target, counts[1])):
            # Features have norm 1, so a sample's variance is one less the squared norm of its mean.
            squared -= (1 - (mean + grand.double()).square().sum(dim=1)) / (count * size - 1)
        return squared.cpu().numpy()


def _thinned(X: np.ndarray, other: int, rng: np.random.Generator) -> np.ndarray:
    return X if len(X) <= IMBALANCE * other else X[draw_rows(X, IMBALANCE * other, rng)]


def _assignments(in_source: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (N, 1 + n_permutations) membership of the source: as observed, then permuted."""
    permuted = rng.permuted(np.tile(in_source, (n_permutations, 1)), axis=1)
    return np.ascontiguousarray(np.concatenate([in_source[None, :], permuted]).T)


def _unbiased(
    within: torch.Tensor, marginal: torch.Tensor, total: torch.Tensor, n: torch.Tensor, n_pooled: int
) -> torch.Tensor:
    """Gives the squared MMD from z'Kz, z'K1 and 1'K1, with z the membership of the source and K without diagonal."""
    m = n_pooled - n
    between = marginal - within
    within_target = total - 2 * marginal + within
    return within / (n * (n - 1)) + within_target / (m * (m - 1)) - 2 * between / (n * m)


def _cells(x: np.ndarray, frequencies: torch.Tensor, size: int, where: torch.device) -> torch.Tensor:
    """Gives the mean random Fourier features of consecutive cells of `size` rows; rows that fill no cell are left."""
    import torch

    n_cells, half = len(x) // size, frequencies.shape[1]
    means = torch.empty((n_cells, 2 * half), dtype=torch.float32, device=where)
    for cells in row_blocks(n_cells, 8 * half * size):
        block = torch.from_numpy(x[cells.start * size : cells.stop * size]).to(where) @ frequencies
        for part, wave in ((slice(0, half), torch.cos), (slice(half, None), torch.sin)):
            means[cells, part] = wave(block).view(-1, size, half).mean(dim=1)
    return means / half**0.5
