"""Operators on weights: what each formula promises, weights of zero, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.weights import (
    ClipWeights,
    DivergenceWeights,
    FlattenWeights,
    IntegerWeights,
    MultiplyWeights,
    NormalizeWeights,
    SmoothWeights,
    TemperWeights,
    TruncateWeights,
)


@pytest.fixture
def weights() -> np.ndarray:
    return np.random.default_rng(0).lognormal(sigma=1.5, size=1000)


def test_clip_when_weights_are_extreme_then_bounded_in_multiples_of_their_mean(weights):
    found = ClipWeights(upper=5.0, lower=0.1).fit(7 * weights)
    before = weights / weights.mean()
    np.testing.assert_allclose(found.weights_ * found.scale_, before.clip(0.1, 5.0))
    assert found.share_clipped_ == np.mean((before < 0.1) | (before > 5.0)) > 0
    assert effective_sample_size(found.weights_) > 1.5 * effective_sample_size(weights)


@pytest.mark.parametrize("cls", [ClipWeights, TruncateWeights])
def test_bounds_when_crossed_then_refused(cls, weights):
    with pytest.raises(ParameterError, match=r"lower \(0.9\) is above upper \(0.5\)"):
        cls(upper=0.5, lower=0.9).fit(weights)


def test_truncate_when_given_quantiles_then_no_weight_lies_beyond_them(weights):
    found = TruncateWeights(upper=0.9, lower=0.05).fit(weights)
    low, high = np.quantile(weights / weights.mean(), [0.05, 0.9])
    np.testing.assert_allclose(found.bounds_, [low, high])
    np.testing.assert_allclose(found.weights_ * found.scale_, (weights / weights.mean()).clip(low, high))
    np.testing.assert_allclose(TruncateWeights(upper=1.0).fit(weights).weights_, weights / weights.mean())


def test_temper_when_given_a_power_then_the_logarithms_shrink_by_it(weights):
    found = TemperWeights(power=0.3).fit(weights).weights_
    expected = weights**0.3
    np.testing.assert_allclose(found, expected / expected.mean())
    weights[:5] = 0
    assert (TemperWeights().fit(weights).weights_[:5] == 0).all()
    assert (TemperWeights(power=0.0).fit(weights).weights_ == 1).all()


def test_temper_when_weights_are_huge_then_their_powers_do_not_overflow():
    assert TemperWeights(power=3.0).fit(np.array([1e200, 1e199])).weights_ == pytest.approx([2 / 1.001, 0.002 / 1.001])


def test_flatten_when_the_effective_size_is_too_small_then_just_reached_and_the_order_kept(weights):
    weights[:100] = 0
    found = FlattenWeights(minimum_share=0.5).fit(weights)
    assert effective_sample_size(found.weights_) == pytest.approx(500, rel=1e-6)
    assert 0 < found.power_ < 1
    assert (np.argsort(found.weights_, kind="stable") == np.argsort(weights, kind="stable")).all()
    assert (found.weights_[:100] == 0).all()


def test_flatten_when_the_effective_size_suffices_then_as_they_were(weights):
    found = FlattenWeights(minimum_share=0.01).fit(weights)
    assert found.power_ == 1
    np.testing.assert_allclose(found.weights_, weights / weights.mean())


def test_flatten_when_too_few_rows_have_weight_then_refused_with_the_share_that_works():
    weights = np.r_[np.ones(10), np.zeros(90)]
    with pytest.raises(OverlapError, match=r"10 of 100 weights are above 0.*lower minimum_share to 0.1 or less"):
        FlattenWeights(minimum_share=0.2).fit(weights)
    assert (FlattenWeights(minimum_share=0.1).fit(weights).weights_ == 10 * weights).all()


def test_smooth_when_weights_are_noisy_then_nearer_to_the_ratio_beneath():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 2))
    true = np.exp(X[:, 0] - 0.5)
    noisy = true * rng.lognormal(-0.5, 1.0, size=2000)
    found = SmoothWeights(n_neighbors=15).fit(X, noisy)

    def error(weights: np.ndarray) -> float:
        return float(np.mean((weights / weights.mean() - true / true.mean()) ** 2))

    assert error(found.weights_) < error(noisy) / 3
    np.testing.assert_allclose(found.weigh(X), found.weights_)
    assert (SmoothWeights(n_neighbors=5000).fit(X, noisy).weights_ == pytest.approx(1.0)) is True
    np.testing.assert_allclose(SmoothWeights(n_neighbors=1).fit(X, noisy).weights_, noisy / noisy.mean())


def test_smooth_when_columns_have_other_units_then_the_same_neighbours():
    rng = np.random.default_rng(0)
    X, weights, units = rng.standard_normal((300, 2)), rng.lognormal(size=300), np.array([1e-4, 1e4])
    plain, other = SmoothWeights().fit(X, weights), SmoothWeights().fit(X * units, weights)
    np.testing.assert_allclose(other.weights_, plain.weights_, rtol=1e-9)
    np.testing.assert_allclose(other.weigh(X[:9] * units), plain.weigh(X[:9]), rtol=1e-9)
    assert not np.allclose(SmoothWeights(standardize=False).fit(X * units, weights).weights_, plain.weights_)


@pytest.mark.parametrize(("totals", "expected"), [("rows", [200, 800]), ("equal", [500, 500])])
def test_normalize_when_given_groups_then_their_totals_are_those_declared(weights, totals, expected):
    groups = np.repeat(["a", "b"], [200, 800])
    weights[:200] *= 50
    found = NormalizeWeights(totals=totals).fit(weights, groups)
    assert [found.weights_[groups == g].sum() for g in "ab"] == pytest.approx(expected)
    for group in "ab":  # within a group nothing but the scale changes
        ratio = found.weights_[groups == group] / weights[groups == group]
        assert ratio == pytest.approx(ratio[0])


def test_normalize_when_a_group_has_no_weight_then_refused_by_name(weights):
    with pytest.raises(DataError, match=r"all weights of 1 group are 0, such as .*'b'.*\(3 rows\)"):
        NormalizeWeights().fit(np.r_[weights[:5], 0, 0, 0], np.repeat(["a", "b"], [5, 3]))


def test_multiply_when_given_tables_then_their_product(weights):
    other = np.random.default_rng(1).exponential(size=1000)
    found = MultiplyWeights().fit({"covariates": weights, "labels": other})
    product = weights * other
    np.testing.assert_allclose(found.weights_, product / product.mean())
    assert found.factors_ == ["covariates", "labels"]
    tiny = {str(number): np.array([1e-300, 3e-300]) for number in range(5)}
    np.testing.assert_allclose(MultiplyWeights().fit(tiny).weights_, [2 / (1 + 3**5), 2 * 3**5 / (1 + 3**5)])


def test_multiply_when_the_tables_contradict_each_other_then_refused_by_name():
    with pytest.raises(OverlapError, match=r"every one of the 4 rows has a weight of 0 in some table of a, b"):
        MultiplyWeights().fit({"a": np.array([1.0, 1, 0, 0]), "b": np.array([0, 0, 1.0, 1])})


@pytest.mark.parametrize("total", [None, 10, 1000, 12345])
def test_integers_when_made_then_whole_sum_to_the_total_and_within_one_of_the_share(weights, total):
    found = IntegerWeights(total=total).fit(weights)
    wanted = total or 1000
    assert found.counts_.sum() == wanted
    assert found.counts_.dtype.kind == "i"
    assert np.abs(found.counts_ - weights / weights.sum() * wanted).max() < 1
    np.testing.assert_allclose(found.weights_, found.counts_ * 1000 / wanted)


def test_integers_when_the_weights_are_whole_then_the_same():
    counts = np.array([0, 3, 1, 0, 2, 0])
    assert (IntegerWeights(total=6).fit(counts / 7).counts_ == counts).all()


@pytest.mark.parametrize("cls", [ClipWeights, TruncateWeights, TemperWeights, FlattenWeights, IntegerWeights])
def test_operators_when_all_weights_are_zero_then_refused(cls):
    with pytest.raises(DataError):
        cls().fit(np.zeros(5))


GENERATORS = {
    "forward_kl": lambda r: r * np.log(r),
    "hellinger": lambda r: (1 - np.sqrt(r)) ** 2,
    "jensen_shannon": lambda r: r * np.log(r) - (r + 1) * np.log((r + 1) / 2),
    "jeffreys": lambda r: (r - 1) * np.log(r),
    "reverse_kl": lambda r: -np.log(r),
    "softened_reverse_kl": lambda r: (r + 1) * np.log(1 / 2 + 1 / (2 * r)),
}


@pytest.mark.parametrize("divergence", GENERATORS)
def test_divergence_weights_when_held_against_the_generator_then_its_second_derivative_times_the_square(divergence):
    ratio = np.linspace(0.2, 3.0, 50)
    ratio /= ratio.mean()
    found = DivergenceWeights(divergence).fit(ratio).weights_
    f, h = GENERATORS[divergence], 1e-4
    wanted = ratio**2 * (f(ratio + h) - 2 * f(ratio) + f(ratio - h)) / h**2
    np.testing.assert_allclose(found, wanted / wanted.mean(), rtol=1e-3)
