"""Fisher's exact test of a share, of any number of rows."""

from __future__ import annotations

import math
from typing import Any

MOST_ROWS = 2**31
"""Rows from which on SciPy's whole numbers overflow, or it takes minutes."""
FEW_HELD = 10_000
"""Rows held of so many, or not held, up to which their law is the binomial one, beyond the normal one."""


def fisher(k: int, n: int, k_target: int, m: int) -> float:
    """Gives the p-value of k rows held of n against those of the target; with very many rows that of the limiting law.

    At ``MOST_ROWS`` the two differ by less than 1 %.
    """
    from scipy.stats import binomtest, fisher_exact, norm

    total, held = n + m, k + k_target
    if total < MOST_ROWS:
        exact: Any = fisher_exact([[k, n - k], [k_target, m - k_target]])
        return min(float(exact.pvalue), 1.0)
    if 2 * held > total:
        return fisher(n - k, n, m - k_target, m)
    if not held:
        return 1.0
    if held < FEW_HELD:
        return float(binomtest(k_target, held, m / total).pvalue)
    spread = math.sqrt(held / total * (1 - held / total) * (1 / n + 1 / m))
    return float(2 * norm.sf(abs(k / n - k_target / m) / spread))
