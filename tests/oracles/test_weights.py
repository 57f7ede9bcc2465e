"""Weights against closed forms, figures in print and convex programs solved otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from ballast.methods.weights import (
    ArmBalancing,
    CovariateBalancingPropensity,
    EntropyBalancing,
    InversePropensity,
    Raking,
)


def test_raking_when_of_the_textbook_table_then_its_cells():
    """The 4 x 4 example of Wikipedia's article on iterative proportional fitting, printed after three rounds."""
    start = np.array([[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]])
    found = [
        [64.61, 46.28, 35.42, 3.83],
        [49.95, 68.15, 156.49, 25.37],
        [56.70, 144.40, 145.06, 53.76],
        [28.74, 41.18, 63.03, 17.03],
    ]
    rows, columns = np.array([150, 300, 400, 150]), np.array([200, 300, 400, 100])
    row, column = (part.ravel() for part in np.indices(start.shape))
    table = pd.DataFrame({"row": np.repeat(row, start.ravel()), "column": np.repeat(column, start.ravel())})
    # Margins alone decide, so the target may be any 1000 rows that have them.
    target = pd.DataFrame({"row": np.repeat(np.arange(4), rows), "column": np.repeat(np.arange(4), columns)})
    weights = Raking(tolerance=1e-9).fit(table.astype(str), target.astype(str)).weights_
    cells = pd.Series(weights).groupby([table["row"], table["column"]]).sum().unstack().to_numpy()
    np.testing.assert_allclose(cells * 1000 / len(table), found, rtol=2e-3)


def test_raking_when_of_one_column_of_schools_then_the_post_stratified_mean_of_r_survey():
    """``postStratify`` of the cluster sample of R's ``survey::api`` to the population's 6194 schools by type."""
    sizes, means = [144, 14, 25], [648.8681, 618.5714, 631.4400]  # apiclus1: elementary, high and middle schools
    table = pd.DataFrame({"type": np.repeat(["E", "H", "M"], sizes)})
    target = pd.DataFrame({"type": np.repeat(["E", "H", "M"], [4421, 755, 1018])})
    weights = Raking().fit(table, target).weights_
    assert np.average(np.repeat(means, sizes), weights=weights) == pytest.approx(642.31, abs=5e-3)


def lalonde_like(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives rows of a survey and of a job programme: age, schooling, black, married, earnings, of which many are 0."""
    rng = np.random.default_rng(0)
    samples = []
    for size, age, black, married, working in ((n, 33, 0.25, 0.7, 0.85), (m, 26, 0.6, 0.3, 0.4)):
        earnings = rng.lognormal(8.5, 0.8, size) * (rng.random(size) < working)
        columns = [rng.normal(age, 8, size), rng.integers(6, 17, size), rng.random(size) < black]
        samples.append(np.column_stack([*columns, rng.random(size) < married, earnings]).astype(float))
    return samples[0], samples[1]


def test_entropy_balancing_when_of_a_job_programme_then_the_most_even_weights_that_another_solver_finds():
    X, X_target = lalonde_like(120, 60)
    weigher = EntropyBalancing(tolerance=1e-9).fit(X, X_target)
    scale = X.std(axis=0)
    C = (X - X_target.mean(axis=0)) / scale
    n = len(X)
    found = minimize(
        lambda w: w @ np.log(n * w),
        np.full(n, 1 / n),
        jac=lambda w: np.log(n * w) + 1,
        constraints=[
            {"type": "eq", "fun": lambda w: C.T @ w, "jac": lambda w: C.T},
            {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones((1, n))},
        ],
        bounds=[(1e-12, 1)] * n,
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert found.success
    np.testing.assert_allclose(weigher.weights_, n * found.x, atol=2e-4)


def test_weights_when_a_column_has_two_values_then_the_ratio_of_their_shares():
    X = np.repeat([0.0, 1.0], [30, 10])[:, None]
    X_target = np.repeat([0.0, 1.0], [20, 60])[:, None]
    for weigher in (EntropyBalancing(), CovariateBalancingPropensity()):
        weights = weigher.fit(X, X_target).weights_
        np.testing.assert_allclose(weights[[0, -1]], [(1 / 4) / (3 / 4), (3 / 4) / (1 / 4)], rtol=1e-5)


@pytest.mark.parametrize(
    "weigher", [InversePropensity(), CovariateBalancingPropensity(estimand="ate"), ArmBalancing()], ids=lambda w: w.name
)
def test_arms_when_a_column_has_two_values_then_each_cell_stands_for_its_stratum(weigher):
    stratum = np.repeat([0.0, 1.0], [60, 40])
    treated = np.r_[np.arange(60) < 15, np.arange(40) < 30]
    weights = weigher.fit(stratum[:, None], treatment=treated).weights_
    for arm, sizes in ((True, (15, 30)), (False, (45, 10))):
        cells = [weights[(stratum == s) & (treated == arm)][0] for s in (0, 1)]
        assert cells[1] / cells[0] == pytest.approx((40 / sizes[1]) / (60 / sizes[0]), rel=1e-4)
