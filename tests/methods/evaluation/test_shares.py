"""Intervals of shares and of their paired differences against scipy's, likelihoods and the coverage they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom, binomtest

from ballast.methods.evaluation import ClassificationMetrics, CompareModels
from ballast.methods.evaluation.shares import of_difference, of_recalls, of_share

LEVEL = 0.95
WEIGHTS = {
    "equal": lambda rng, n: np.full(n, 2.5),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
}


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 3), (13, 20), (100, 100), (999, 1000)])
def test_share_when_rows_weigh_the_same_then_the_interval_is_wilsons(hits, n):
    right = np.arange(n) < hits
    expected = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    for weight in (np.ones(n), np.full(n, 0.3)):
        assert of_share(right, weight, LEVEL) == pytest.approx(tuple(expected), abs=1e-9)
    with_nothing = np.append(right, 1 - right[:3]), np.append(np.ones(n), np.zeros(3))
    assert of_share(*with_nothing, LEVEL) == pytest.approx(tuple(expected), abs=1e-9)


def test_share_when_weights_differ_and_every_row_is_right_then_the_low_end_is_that_of_the_effective_size():
    weight = np.array([1.0, 1, 1, 1, 4, 4])
    low, high = of_share(np.ones(6), weight, LEVEL)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 4)), 1.0)
    assert of_share(np.zeros(6), weight, LEVEL) == (0.0, pytest.approx(1 - low))


@pytest.mark.parametrize("p", [0.9, 0.95, 0.98])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_share_when_rows_are_few_and_mostly_right_then_it_is_held_about_as_often_as_the_level_says(n, p):
    ends = [of_share(np.arange(n) < hits, np.ones(n), LEVEL) for hits in range(n + 1)]
    held = sum(binom.pmf(hits, n, p) for hits, (low, high) in enumerate(ends) if low <= p <= high)
    assert held > 0.9  # of the law itself, without chance; resampling holds it in 0.52 to 0.7


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [10, 100])
@pytest.mark.parametrize("kind", ["exponential", "lognormal"])
def test_share_when_weights_differ_then_it_is_held_at_least_at_the_level(kind, n, p):
    rng, draws = np.random.default_rng(n), 300
    ends = [of_share(rng.random(n) < p, WEIGHTS[kind](rng, n), LEVEL) for _ in range(draws)]
    assert sum(low <= p <= high for low, high in ends) >= binom.ppf(1e-4, draws, LEVEL)


def score(up: int, down: int, n: int, difference: float) -> float:
    """Tango's statistic, with the nuisance share found by maximum likelihood."""

    def unlikely(less: float) -> float:
        more = less + difference
        return -(up * np.log(more) + down * np.log(less) + (n - up - down) * np.log(1 - more - less))

    found = minimize_scalar(unlikely, bounds=(max(-difference, 0), (1 - difference) / 2), options={"xatol": 1e-12})
    variance = 2 * found.x + difference * (1 - difference)
    return (up - down - n * difference) / np.sqrt(n * variance)


@pytest.mark.parametrize(("up", "down", "n"), [(5, 2, 20), (1, 6, 44), (30, 12, 200), (3, 3, 9)])
def test_difference_when_rows_weigh_the_same_then_its_ends_are_where_the_score_meets_the_quantile(up, down, n):
    second = np.arange(n) < up
    first = (np.arange(n) >= up) & (np.arange(n) < up + down)
    low, high = of_difference(first, second, np.ones(n), LEVEL)
    assert score(up, down, n, low) == pytest.approx(1.959964, abs=1e-3)
    assert score(up, down, n, high) == pytest.approx(-1.959964, abs=1e-3)
    assert of_difference(second, first, np.ones(n), LEVEL) == pytest.approx((-high, -low))


def test_difference_when_one_is_always_right_and_the_other_never_then_it_ends_at_one_and_has_a_width():
    low, high = of_difference(np.zeros(30), np.ones(30), np.ones(30), LEVEL)
    assert low < 0.9 < high == 1.0


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [10, 100])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_difference_when_models_share_most_rows_then_it_is_held_about_as_often_as_the_level_says(kind, n, p):
    rng, draws, held = np.random.default_rng(n), 200, 0
    for _ in range(draws):
        first = rng.random(n) < p
        second = np.where(rng.random(n) < 0.3, rng.random(n) < 0.9 * p, first)
        low, high = of_difference(first, second, WEIGHTS[kind](rng, n), LEVEL)
        assert low < high
        held += low <= -0.03 * p <= high
    assert held >= binom.ppf(1e-4, draws, LEVEL)


def test_recalls_when_a_class_is_rare_then_its_own_rows_decide_the_width():
    y = np.repeat([0, 1], [990, 10])
    low, high = of_recalls(np.ones(1000), y, np.ones(1000), LEVEL)
    rare = binomtest(10, 10).proportion_ci(LEVEL, method="wilson").low
    assert low == pytest.approx(1 - (1 - rare) / 2, abs=1e-3)
    assert high == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_assessors_when_every_row_is_right_then_no_share_has_an_interval_without_width(weighted):
    y = np.arange(100) % 2
    probs = 0.8 * np.eye(2)[y] + 0.1
    weight = np.random.default_rng(0).exponential(size=100) if weighted else None
    alone = ClassificationMetrics(random_state=0).assess(y, probs, weight).table
    compared = CompareModels(random_state=0).assess(y, {"a": y, "b": y}, weight).table
    for table in (alone, compared):
        told = table[table["metric"].isin(["accuracy", "balanced_accuracy"])]
        assert (told["high"] - told["low"] > 0.03).all()
        assert ((told["low"] <= told["value"]) & (told["value"] <= told["high"])).all()
