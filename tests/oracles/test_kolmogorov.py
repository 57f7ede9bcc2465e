"""The two-sample Kolmogorov-Smirnov test against its exact law."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest

from ballast.methods.shift import KolmogorovSmirnov


def p_of(first: np.ndarray, second: np.ndarray) -> float:
    tables = (pd.DataFrame({"x": values.astype(float)}) for values in (first, second))
    return float(KolmogorovSmirnov().test(*tables).table["p_value"].iloc[0])


def gnedenko(n: int, steps: int) -> float:
    """Gives the chance that the distributions of two samples of n rows are ``steps`` / n apart or more."""
    return 2 * sum((-1) ** (j + 1) * comb(2 * n, n - j * steps) for j in range(1, n // steps + 1)) / comb(2 * n, n)


def apart(n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives two samples of n rows whose distributions are ``steps`` / n apart."""
    return np.arange(n), np.r_[np.arange(n - steps) + 0.5, n + np.arange(steps)]


@pytest.mark.parametrize(("n", "steps"), [(2, 2), (5, 4), (8, 5), (8, 6), (20, 9), (60, 14)])
def test_p_value_when_samples_are_of_one_size_then_gnedenko_and_korolyuks(n, steps):
    """Gnedenko and Korolyuk, On the Maximum Discrepancy between Two Empirical Distributions, 1951."""
    assert p_of(*apart(n, steps)) == pytest.approx(gnedenko(n, steps), rel=1e-9)


@pytest.mark.parametrize(("steps", "p"), [(5, 0.0870), (6, 0.0186)])
def test_p_value_when_samples_are_of_eight_then_as_in_the_tables(steps, p):
    """Massey, The Distribution of the Maximum Deviation between Two Sample Cumulative Step Functions, 1951."""
    assert p_of(*apart(8, steps)) == pytest.approx(p, abs=5e-5)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 7), (1, 30), (12, 4)])
def test_p_value_when_one_sample_lies_above_the_other_then_two_of_all_orders_are_as_far_apart(n, m):
    assert p_of(np.arange(n), n + np.arange(m)) == pytest.approx(2 / comb(n + m, n))
