"""The quantile sketch: exact where rows are few, and never farther off than it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ballast.compute.states.quantiles import WAITING, Quantiles
from ballast.errors import DataError, ParameterError

N = 50_000
Q = np.linspace(0, 1, 101)
rng = np.random.default_rng(0)
SAMPLES = {
    "normal": rng.normal(size=N),
    "ascending": np.arange(N, dtype=float),
    "descending": -np.arange(N, dtype=float),
    "sawtooth": np.arange(N) % 997.0,
    "zoomed in": np.where(np.arange(N) % 2, 1, -1) / (1.0 + np.arange(N)),
    "heavy ties": rng.choice([0.0, 1.0, 2.0, 50.0], N, p=[0.7, 0.2, 0.09, 0.01]),
    "constant": np.full(N, 0.1),
    "far from zero": 1e9 + rng.normal(size=N),
    "heavy tails": rng.standard_cauchy(N) ** 3,
    "integers": rng.integers(-50, 50, N),
    "with infinities": np.where(
        rng.random(N) < 0.1, -np.inf, np.where(rng.random(N) < 0.1, np.inf, rng.normal(size=N))
    ),
    "with missing": np.where(rng.random(N) < 0.3, np.nan, rng.normal(size=N)),
}
CUTS = {
    "whole": (),
    "halves": (N // 2,),
    "equal": tuple(range(3000, N, 3000)),
    "odd": (0, 0, 1, 2, 17, 900, 20_011, 20_012, 49_999),
    "small": tuple(range(100, N, 100)),
}
every_sample = pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES.keys())


def of(values, size, cuts=()):
    found = Quantiles(size)
    for part in np.split(values, cuts):
        state = Quantiles(size)
        state.add(part)
        found.merge(state)
    return found


def errors(found, values):
    """Gives by how much, as shares of the rows, quantiles and shares up to a value are wrong at worst."""
    ascending = np.sort(values[~np.isnan(values)]).astype(float)
    n = len(ascending)
    answers = found.quantile(Q)
    below, up_to = (np.searchsorted(ascending, answers, side=side) / n for side in ("left", "right"))
    of_quantiles = np.maximum(np.maximum(below - Q, Q - up_to), 0).max()
    at = np.concatenate([ascending, found.points(), [-np.inf, np.inf]])
    of_shares = np.abs(found.cdf(at) - np.searchsorted(ascending, at, side="right") / n).max()
    return of_quantiles, of_shares


@every_sample
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("size", [64, 250])
def test_ranks_when_rows_are_many_then_lie_within_the_stated_error(values, cuts, size):
    found = of(values, size, cuts)
    assert found.count == (~np.isnan(values)).sum()
    of_quantiles, of_shares = errors(found, values)
    rounding = 1e-12
    assert of_quantiles <= found.rank_error + rounding
    assert of_shares <= found.rank_error + rounding
    levels = np.log2(N / (WAITING * size)) + 1
    assert 0 < found.rank_error < 1.2 * (0.44 + levels / 4) / size
    np.testing.assert_array_equal(found.quantile([0, 1]), [np.nanmin(values), np.nanmax(values)])


def test_stated_error_when_values_were_thinned_once_then_is_what_the_worst_rank_is_wrong_by():
    values = np.arange(WAITING * 64, dtype=float)
    found = of(values, 64)
    assert errors(found, values)[1] == found.rank_error == WAITING / 2 / len(values)


def test_stated_error_when_the_sketch_is_twice_as_large_then_is_less_than_half():
    values = rng.normal(size=200_000)
    stated = [of(values, size, range(30_000, 200_000, 30_000)).rank_error for size in (64, 128, 256, 512)]
    assert all(later < earlier / 2 for earlier, later in itertools.pairwise(stated))


@pytest.mark.parametrize("n", [1, 2, 3, 100, 8 * 512 - 1])
def test_quantiles_when_rows_are_few_then_are_numpys_linear_ones(n):
    values = rng.normal(size=n)
    found = of(values, 512, (n // 2,))
    assert found.rank_error == 0
    np.testing.assert_array_equal(found.quantile(Q), np.quantile(values, Q))
    np.testing.assert_array_equal(found.cdf(values), [(values <= v).mean() for v in values])
    assert isinstance(found.quantile(0.5), float)
    assert found.quantile(np.full((2, 3), 0.5)).shape == (2, 3)


def test_quantiles_when_few_and_between_infinities_then_are_the_lower_value():
    found = of(np.array([-np.inf, np.inf, np.inf, 3]), 512)
    np.testing.assert_array_equal(found.quantile([0, 0.1, 0.4, 0.5, 0.75, 1]), [-np.inf, -np.inf, 3, 3, np.inf, np.inf])
    np.testing.assert_array_equal(found.cdf([-np.inf, 0, 3, 1e300, np.inf, np.nan]), [0.25, 0.25, 0.5, 0.5, 1, np.nan])


@every_sample
def test_sketch_when_one_state_is_given_batches_of_any_size_then_is_the_same(values):
    states = [Quantiles(64) for _ in CUTS]
    for state, cuts in zip(states, CUTS.values(), strict=True):
        for part in np.split(values, cuts):
            state.add(part)
    assert len({state.to_bytes() for state in states}) == 1


def test_sketch_when_values_are_single_precision_or_zeros_have_signs_then_is_the_same():
    values = rng.normal(size=N).astype("f4")
    values[::3] = 0
    signed = np.where(values == 0, np.float32(-0.0), values)
    assert of(values, 64).to_bytes() == of(values.astype(float), 64).to_bytes() == of(signed, 64).to_bytes()


def test_sketch_when_parts_are_merged_in_any_tree_then_stays_within_the_stated_error():
    values = SAMPLES["normal"]
    states = [of(part, 64) for part in np.split(values, range(1000, N, 1000))]
    while len(states) > 1:
        for left, right in zip(states[::2], states[1::2], strict=False):
            left.merge(right)
        states = states[::2]
    assert max(errors(states[0], values)) <= states[0].rank_error < 0.05


def test_state_when_rows_are_many_then_is_as_small_as_stated():
    found = of(rng.normal(size=1_000_000), 64)
    assert len(found.to_bytes()) < 8 * 64 * (8 + np.log2(1_000_000 / 512) + 1) + 500


def test_quantiles_when_there_is_no_value_then_are_nan():
    found = of(np.full(5, np.nan), 64)
    assert (found.count, found.missing, found.rank_error) == (0, 5, 0)
    assert np.isnan(found.quantile(0.5))
    assert np.isnan(found.cdf([0.0, 1.0])).all()


def test_sketch_when_asked_for_what_is_not_possible_then_says_so():
    with pytest.raises(ParameterError, match="size=0"):
        Quantiles(0)
    with pytest.raises(ParameterError, match=r"1\.5"):
        Quantiles().quantile([0.5, 1.5])
    with pytest.raises(DataError, match="size 32 cannot be added to one of size 64"):
        Quantiles(64).merge(Quantiles(32))
