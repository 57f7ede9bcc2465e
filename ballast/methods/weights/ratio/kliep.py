"""The Kullback-Leibler importance estimation procedure (KLIEP)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from ballast.compute.blocks import draw_rows, row_keys, without_copies
from ballast.methods.common.cross_fit import deal_samples
from ballast.methods.common.folds import warn_of_near_copies
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Device, Positive, Seed
from ballast.methods.weights.ratio._kernel_basis import KernelBasis, some, some_of

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

N_FOLDS = 5
SELECTION_ROWS = 2000
"""Rows of either sample on which bandwidths are compared: each takes N_FOLDS fits."""
SELECTION_TOLERANCE, SELECTION_ITERATIONS = 1e-2, 50
ROWS_A_KERNEL = 200
"""Target rows a kernel that coefficients are fitted on; the likelihood lost to the rest is below 1 / 400 a row."""
RELAXATION = 1.9
"""Exponent of the multiplicative step. The plain step (1) is EM's; below 2 it still climbs, in half the steps."""


class KLIEP(Weigher):
    """Weighs by a kernel model of the density ratio fitted by maximum likelihood (KLIEP).

    Use it where weights should be near the plain ratio of the densities and the target lies well within the source;
    its bandwidth needs no error on the source, only the target's held-out likelihood. Slower than
    ``relative_least_squares``, whose weights are bounded. Not beyond some tens of columns that all matter
    (``density_ratio_classifier``).

    Parameters
    ----------
    n_centers : int >= 1, default 100
        Kernels, centred at rows drawn from the target (all rows when there are fewer); 100 as in the paper.
    bandwidth : float > 0 or None, default None
        Width of the kernel, in standard deviations; None takes the widest whose likelihood, by five-fold
        cross-validation on 2000 rows of each sample, is within a standard error of the best one's.
    tolerance : float > 0, default 0.002
        Iteration stops when no more than this can be gained in log-likelihood a target row, by duality.
    max_iter : int >= 1, default 1000
        Iterations at most; a warning is logged where the tolerance is not met by then.
    random_state : int or None, default 0
        Seed of the draws.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    ratio_ : ndarray of shape (n,)
        The estimated ratio at the training rows, of mean 1, or below where parts of the target lie beyond them.
    bandwidth_ : float
        Width of the kernels, as used.
    basis_ : KernelBasis
        The kernels.
    coefficients_ : ndarray of shape (c,)
        Coefficients of the kernels.
    n_iter_ : int
        Iterations.
    gap_ : float
        What could still be gained.
    log_likelihood_ : float
        Mean log ratio of the target's rows, an estimate of the divergence KL(target, source).

    Raises
    ------
    OverlapError
        The target lies where there are no training rows.

    Notes
    -----
    Columns are standardised over both samples first. The draws do not depend on the order of the rows. The folds hold
    rows of both samples, all copies of a row and all rows of a declared unit in one, and no kernel at a row held out
    counts: a narrow kernel would else explain its own row, over source rows that it was normalised by. Coefficients are
    fitted on at most 200 n_centers target rows. A kernel's mean over the source counts at least 1 / n, as though a
    source row lay at its centre: otherwise target rows beyond the source would gain likelihood without bound. Cost: (n
    + m) c d once in float32 blocks, and 400 c^2 an iteration; memory 800 c^2 bytes.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0.0, 1, (400, 2)), rng.normal(0.8, 1, (300, 2))
    >>> weigher = ballast.method("kliep").fit(X, X_target)
    >>> mean = np.average(X, axis=0, weights=weigher.weights_)
    >>> bool(np.abs(X.mean(axis=0)).max() < 0.1), bool(mean.min() > 0.5)
    (True, True)
    >>> bool(weigher.weigh([[-1.0, -1.0]])[0] < 0.3)  # where the target is not
    True
    """

    name = "kliep"
    reference = "Sugiyama et al., Direct importance estimation for covariate shift adaptation, AISM 2008"
    claim = Claim(
        "A ratio estimated at once stays near the truth in dimensions in which a ratio of two density estimates fails.",
        "partly",
        "500 rows, mean moved by 1: squared error of the ratio, in units of uniform weights', {error_5:.2f} against "
        "{two_densities_5:.2f} (5 columns), {error_10:.2f} against {two_densities_10:.2f} (10), better on 20 of 20 "
        "seeds, though in 10 most of the error is left; with few no difference, {error_2:.2f} against "
        "{two_densities_2:.2f} (2). Line through sinc under shift: {line:.3f}, unweighted {line_unweighted:.3f}; "
        "better on 20 of 20.",
    )

    def __init__(
        self,
        n_centers: Count = 100,
        bandwidth: Positive | None = None,
        tolerance: Positive = 2e-3,
        max_iter: Count = 1000,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.n_centers = n_centers
        self.bandwidth = bandwidth
        self.tolerance = tolerance
        self.max_iter = max_iter
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> KLIEP:
        """Learns the ratio of the target (m, d) to the source (n, d), and the source's weights.

        Rows of one unit, of ``dependence`` (n,) and ``dependence_target`` (m,), are in one fold of the selection.
        """
        import torch

        rng = np.random.default_rng(self.random_state)
        rows = draw_rows(X_target, ROWS_A_KERNEL * self.n_centers, rng)
        drawn = X_target[rows]
        once = without_copies(drawn)
        contents = drawn[once]
        self.basis_ = KernelBasis.at(some(contents, self.n_centers, rng), X, X_target, self.device)
        units = dependence, None if dependence_target is None else dependence_target[rows][once]
        self.bandwidth_ = float(self.bandwidth) if self.bandwidth else self._select(X, contents, units, rng)
        source_mean = self._source_mean(X)
        target = self._kernel(drawn) / source_mean
        every = torch.ones((len(target), 1), device=target.device)
        shares, self.n_iter_, self.gap_ = climb(target, every, self.tolerance, self.max_iter)
        if self.gap_ > self.tolerance:
            log.warning(
                "kliep stopped after %d iterations with %.2g of log-likelihood a row left to gain (tolerance %.2g); "
                "raise max_iter or tolerance",
                self.n_iter_,
                self.gap_,
                self.tolerance,
            )
        self.log_likelihood_ = float((target @ shares).log().mean())
        self.coefficients_ = (shares[:, 0] / source_mean).cpu().numpy()
        self.basis_.check_overlap(drawn, self.coefficients_, self.bandwidth_, len(X), self.name)
        self.ratio_ = self.basis_.evaluate(X, self.coefficients_, self.bandwidth_)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), on the scale of ``weights_``."""
        return self.basis_.evaluate(X, self.coefficients_, self.bandwidth_)

    def _kernel(self, X: np.ndarray) -> torch.Tensor:
        import torch

        return torch.cat([kernel for _, kernel in self.basis_.blocks(X, self.bandwidth_)])

    def _source_mean(self, X: np.ndarray) -> torch.Tensor:
        total = sum(kernel.sum(dim=0).double() for _, kernel in self.basis_.blocks(X, self.bandwidth_))
        return (total / len(X)).clamp(min=1 / len(X)).float()  # type: ignore[union-attr]

    def _select(
        self,
        X: np.ndarray,
        contents: np.ndarray,
        units: tuple[np.ndarray | None, np.ndarray | None],
        rng: np.random.Generator,
    ) -> float:
        """Gives the widest bandwidth whose held-out likelihood is within a standard error of the best one's.

        ``contents`` are rows drawn from the target, of copies one; ``units`` those of X and of these.
        """
        bandwidths = self.basis_.bandwidths(contents, rng)
        rows = draw_rows(X, SELECTION_ROWS, rng)
        rows = rows[without_copies(X[rows])]
        source, chosen = X[rows], some_of(len(contents), SELECTION_ROWS, rng)
        target = contents[chosen]
        if min(len(source), len(target)) < N_FOLDS:
            return float(np.median(bandwidths))
        own, theirs = units
        folds, target_folds = self._folds(
            source, target, None if own is None else own[rows], None if theirs is None else theirs[chosen], rng
        )
        tried = np.flatnonzero(np.bincount(folds, minlength=N_FOLDS) * np.bincount(target_folds, minlength=N_FOLDS))
        if len(tried) < 2:
            return float(np.median(bandwidths))
        stands, centre = (row_keys(part) for part in (self.basis_.standardised(contents), self.basis_.centers))
        if theirs is not None:  # no kernel at a row of a held-out unit counts
            of, order = np.unique(theirs, return_inverse=True)[1], np.argsort(stands)
            stands, centre = of, of[order[np.searchsorted(stands[order], centre)]]
        stands = stands[chosen]
        distances, target_distances = self.basis_.distances(source), self.basis_.distances(target)
        found = np.empty((len(bandwidths), len(tried)))
        for j, fold in enumerate(tried):
            kernels = ~np.isin(centre, stands[target_folds == fold])
            kernels |= not kernels.any()
            parts = [
                values[rows][:, kernels]
                for values, own in ((distances, folds), (target_distances, target_folds))
                for rows in (own != fold, own == fold)
            ]
            found[:, j] = [_held_out(*(np.exp(-0.5 / b**2 * part) for part in parts)) for b in bandwidths]
        lost = found[np.argmax(found.mean(axis=1))] - found
        close = lost.mean(axis=1) <= lost.std(axis=1, ddof=1) / len(tried) ** 0.5
        return float(bandwidths[int(np.flatnonzero(close).max())])

    def _folds(
        self,
        source: np.ndarray,
        target: np.ndarray,
        own: np.ndarray | None,
        theirs: np.ndarray | None,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives the folds of rows of both samples, none of them copies, with whole units where these are declared."""
        if own is not None or theirs is not None:
            return deal_samples(source, target, N_FOLDS, rng, self.name, own, theirs)
        for rows in (source, target):
            warn_of_near_copies(rows, self.name, "folds part them")
        return np.arange(len(source)) % N_FOLDS, np.arange(len(target)) % N_FOLDS


TINY = 1e-30
"""Stands for the likelihood of a row that no kernel reaches."""


def _held_out(source: np.ndarray, source_held: np.ndarray, target: np.ndarray, target_held: np.ndarray) -> float:
    """Gives the mean log ratio of the target's rows held out, less the log of its mean over the source's held out.

    Each argument holds rows' (k, c) kernel values; the model is fitted to those that are not held out.
    """
    import torch

    mean = source.mean(axis=0).clip(min=1 / len(source))
    kernel = torch.from_numpy(target / mean).float()
    shares, _, _ = climb(kernel, torch.ones((len(kernel), 1)), SELECTION_TOLERANCE, SELECTION_ITERATIONS)
    coefficients = shares[:, 0].double().numpy() / mean
    likelihood = np.log((target_held @ coefficients).clip(min=TINY)).mean()
    return float(likelihood - np.log((source_held @ coefficients).mean().clip(min=TINY)))


def climb(
    kernel: torch.Tensor, counted: torch.Tensor, tolerance: float, max_iter: int
) -> tuple[torch.Tensor, int, float]:
    """Maximises the mean of log(kernel @ shares) over shares >= 0 that sum to 1, for several sets of rows at once.

    ``kernel`` is (rows, c) and ``counted`` (rows, sets), 1 where a row counts. Gives the (c, sets) shares, the
    number of iterations, and the largest gap. In KLIEP's terms a share is a coefficient times its kernel's mean over
    the source, so that the sum of shares is the mean ratio over the source. The problem is concave; the multiplicative
    step needs no step length, and the largest component of the gradient less 1 bounds what is left to gain.
    """
    import torch

    shares = torch.full((kernel.shape[1], counted.shape[1]), 1 / kernel.shape[1], device=kernel.device)
    weight = counted / counted.sum(dim=0)
    gap = float("inf")
    for iteration in range(1, max_iter + 1):
        gradient = kernel.T @ (weight / (kernel @ shares).clamp_(min=TINY))
        gap = float(gradient.max()) - 1
        if gap <= tolerance:
            return shares, iteration, gap
        shares = shares * gradient**RELAXATION
        shares /= shares.sum(dim=0)
    return shares, max_iter, gap
