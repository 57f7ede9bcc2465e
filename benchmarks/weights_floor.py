"""Shift tests and weighers against floors: bare computations of the same, without validation or choices.

``python benchmarks/weights_floor.py [rows ...]``: seconds of each and their ratio, alternating in one process, the
best of three. Two samples of 10 float32 columns (50 double columns for Kolmogorov-Smirnov), rows in each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from ballast.methods.shift import KolmogorovSmirnov, MaximumMeanDiscrepancy
from ballast.methods.weights import KLIEP, DensityRatioClassifier, RelativeLeastSquares

BLOCK = 5000


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def kernel(x: torch.Tensor, c: torch.Tensor, bandwidth: float) -> torch.Tensor:
    d2 = (c * c).sum(1).addmm(x, c.T, alpha=-2.0).add_((x * x).sum(1, keepdim=True))
    return d2.mul_(-0.5 / bandwidth**2).exp_()


def floor_least_squares(X: np.ndarray, X_target: np.ndarray, centers: int = 100) -> torch.Tensor:
    """RuLSIF at alpha 0.1 with fixed bandwidth and penalty."""
    source, target = torch.from_numpy(X), torch.from_numpy(X_target)
    c = target[:centers]
    gram, linear = torch.zeros(centers, centers), torch.zeros(centers)
    for data, share in ((source, 0.9), (target, 0.1)):
        for block in data.split(BLOCK):
            k = kernel(block, c, 3.0)
            gram.addmm_(k.T, k, alpha=share / len(data))
            if data is target:
                linear += k.sum(0) / len(data)
    theta = torch.linalg.solve(gram + 0.1 * torch.eye(centers), linear)
    return torch.cat([kernel(block, c, 3.0) @ theta for block in source.split(BLOCK)])


def floor_sort(a: np.ndarray, b: np.ndarray) -> None:
    """The sorts that Kolmogorov-Smirnov cannot do without."""
    for x, y in zip(a.T, b.T, strict=True):
        np.sort(np.concatenate([x, y]))


def floor_discrepancy(X: np.ndarray, X_target: np.ndarray, permutations: int = 100) -> torch.Tensor:
    """The quadratic forms of all permutations over every pair of rows."""
    x = torch.from_numpy(np.concatenate([X, X_target]))
    signs = torch.randn(len(x), permutations).sign_()
    total = torch.zeros(permutations)
    for block, own in zip(x.split(500), signs.split(500), strict=True):
        total += (own * (kernel(block, x, 4.0) @ signs)).sum(0)
    return total


Work = Callable[[], object]


def cases(n: int) -> list[tuple[str, Work | None, Work]]:
    """Gives (name, floor or None, Ballast's) for samples of n rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 10)).astype(np.float32)
    X_target = rng.standard_normal((n, 10)).astype(np.float32) + np.float32(0.2)
    fixed = RelativeLeastSquares(bandwidth=3.0, regularization=0.1)
    test = MaximumMeanDiscrepancy(n_permutations=100)
    bare = (lambda: floor_discrepancy(X, X_target)) if n <= 10_000 else None
    found: list[tuple[str, Work | None, Work]] = [
        (
            "relative_least_squares, fixed parameters",
            lambda: floor_least_squares(X, X_target),
            lambda: fixed.fit(X, X_target),
        ),
        ("relative_least_squares, selected", None, lambda: RelativeLeastSquares().fit(X, X_target)),
        ("kliep, selected", None, lambda: KLIEP().fit(X, X_target)),
        ("density_ratio_classifier, 5 folds", None, lambda: DensityRatioClassifier().fit(X, X_target)),
        (f"maximum_mean_discrepancy, {'all pairs' if bare else 'linear'}", bare, lambda: test.test(X, X_target)),
    ]
    if n <= 100_000:
        a, b = rng.standard_normal((n, 50)), rng.standard_normal((n, 50))
        tables = pd.DataFrame(a), pd.DataFrame(b)
        sorts = ("kolmogorov_smirnov, 50 columns", lambda: floor_sort(a, b), lambda: KolmogorovSmirnov().test(*tables))
        found.append(sorts)
    return found


def main(sizes: list[int]) -> None:
    print(f"{'case':46}{'rows':>9}{'floor':>9}{'ballast':>9}{'ratio':>7}")
    for n in sizes:
        for name, floor, ours in cases(n):
            times = [(seconds(floor) if floor else float("nan"), seconds(ours)) for _ in range(3)]
            low, mine = np.min(times, axis=0)
            print(f"{name:46}{n:9d}{low:9.3f}{mine:9.3f}{mine / low:7.2f}", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000, 1_000_000])
