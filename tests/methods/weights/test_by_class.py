"""Weights by class, group, domain or target value: formulas, known ratios and refusals."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError
from ballast.methods.weights import (
    ContinuousTargetShift,
    DensityBasedWeights,
    DomainTemperature,
    EffectiveNumber,
    InverseClassFrequency,
    LogUniformTarget,
    RepeatFactor,
    Reweighing,
)

Y = np.repeat(["a", "b", "c"], [800, 150, 50])


def test_effective_number_when_beta_is_at_its_ends_then_uniform_or_the_inverse_frequency():
    np.testing.assert_allclose(EffectiveNumber(0.0).fit(Y).weights_, 1.0)
    inverse = InverseClassFrequency().fit(Y).class_weights_
    np.testing.assert_allclose(EffectiveNumber(1 - 1e-9).fit(Y).class_weights_, inverse, rtol=1e-5)
    raw = np.array([(1 - 0.99) / (1 - 0.99**n) for n in (800, 150, 50)])
    found = EffectiveNumber(0.99).fit(Y).class_weights_
    np.testing.assert_allclose(found / found[0], raw / raw[0])


def test_repeat_factor_when_classes_are_rare_then_by_the_root_of_their_share():
    found = RepeatFactor(threshold=0.2).fit(Y).class_weights_
    np.testing.assert_allclose(found / found[0], [1.0, np.sqrt(0.2 / 0.15), 2.0])
    assert RepeatFactor().fit(Y).threshold_ == pytest.approx(1 / 3)


def test_repeat_factor_when_no_class_is_rare_then_uniform_and_said_so(caplog):
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(RepeatFactor(threshold=0.001).fit(Y).weights_, 1.0)
    assert "no class is rarer than threshold" in caplog.text


LABEL = np.array(["a"] * 8 + ["b"] * 2)
BASE = np.array([1.0] * 4 + [3.0] * 4 + [5.0, 1.0])
TWICE = np.repeat(LABEL, BASE.astype(int))


@pytest.mark.parametrize(
    "weigher",
    [InverseClassFrequency(), EffectiveNumber(0.9), RepeatFactor(0.4), LogUniformTarget(), DomainTemperature(2.0)],
    ids=lambda weigher: weigher.name,
)
def test_class_weigher_when_rows_have_weights_then_these_are_counted_as_repeated_rows_are(weigher):
    weighted, repeated = clone(weigher).fit(LABEL, sample_weight=BASE), clone(weigher).fit(TWICE)
    raw, wanted = weighted.class_weights_, repeated.class_weights_
    np.testing.assert_allclose(raw / raw[0], wanted / wanted[0])
    np.testing.assert_allclose(weighted.weights_, BASE * raw[(LABEL == "b").astype(int)])
    assert weighted.weights_.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(weighted.weigh(LABEL, sample_weight=BASE), weighted.weights_)


def test_inverse_class_frequency_when_rows_have_weights_then_the_totals_by_class_are_equal():
    found = InverseClassFrequency().fit(LABEL, sample_weight=BASE).weights_
    np.testing.assert_allclose(found, [0.3125] * 4 + [0.9375] * 4 + [25 / 6, 5 / 6])


def test_class_weigher_when_a_class_has_no_weight_then_refused_by_name():
    with pytest.raises(DataError, match="all rows of 1 value of y weigh 0, such as 'b'"):
        InverseClassFrequency().fit(LABEL, sample_weight=(LABEL == "a").astype(float))


def test_density_based_weights_when_rows_have_weights_then_these_are_counted():
    values, times = np.random.default_rng(0).gamma(2.0, size=200), np.arange(200) % 3 + 1
    weigher = DensityBasedWeights(bandwidth=0.3)
    weighted = clone(weigher).fit(values, sample_weight=times.astype(float))
    repeated = clone(weigher).fit(np.repeat(values, times))
    first = np.cumsum(times) - times
    np.testing.assert_allclose(weighted.density_, repeated.density_[first])
    found, wanted = weighted.weights_ / times, repeated.weights_[first]
    np.testing.assert_allclose(found / found[0], wanted / wanted[0])


def test_reweighing_when_rows_have_weights_then_label_and_group_are_independent_by_them():
    rng = np.random.default_rng(0)
    groups, label, base = rng.integers(2, size=300), rng.integers(2, size=300), rng.gamma(2.0, size=300)
    found = Reweighing().fit(label, groups, sample_weight=base).weights_
    total = {(g, k): found[(groups == g) & (label == k)].sum() for g in (0, 1) for k in (0, 1)}
    assert total[0, 0] * total[1, 1] == pytest.approx(total[0, 1] * total[1, 0])
    assert total[0, 0] + total[0, 1] == pytest.approx(300 * base[groups == 0].sum() / base.sum())


class TestDomainTemperature:
    def test_shares_when_tempered_then_powers_of_the_sizes(self):
        groups = np.repeat(["big", "mid", "small"], [8000, 1000, 60])
        found = DomainTemperature(temperature=2.0).fit(groups)
        powers = np.sqrt([8000, 1000, 60])
        np.testing.assert_allclose(found.shares_, powers / powers.sum())
        np.testing.assert_allclose(DomainTemperature(1.0).fit(groups).weights_, 1.0)
        np.testing.assert_allclose(found.weigh(groups), found.weights_)


class TestReweighing:
    def test_label_when_weighted_then_independent_of_the_group(self):
        rng = np.random.default_rng(0)
        groups = rng.choice(["f", "m"], 1000)
        y = np.where(rng.random(1000) < np.where(groups == "m", 0.6, 0.2), "yes", "no")
        found = Reweighing().fit(y, groups=groups)
        rates = [np.average(y[groups == g] == "yes", weights=found.weights_[groups == g]) for g in ("f", "m")]
        np.testing.assert_allclose(rates, np.mean(y == "yes"))
        favoured, other = (found.weights_[(y == "yes") & (groups == g)] for g in ("m", "f"))
        assert other.min() > 1 > favoured.max()
        np.testing.assert_allclose(found.weigh(y, groups=groups), found.weights_)

    def test_pairs_when_counted_in_batches_without_some_of_them_then_the_table_of_all(self):
        y, groups = np.array(["no", "no", "yes", "yes", "maybe"]), np.array(["m", "m", "f", "m", "f"])
        counted = Reweighing().partial_fit(y[:2], groups=groups[:2])
        counted.merge(Reweighing().partial_fit(y[2:], groups=groups[2:])).finalize()
        found = Reweighing().fit(y, groups=groups)
        np.testing.assert_array_equal(counted.table_, found.table_)
        assert list(counted.classes_) == ["maybe", "no", "yes"]

    def test_pair_when_new_then_refused_by_name(self):
        found = Reweighing().fit(np.array([0, 1, 0]), groups=np.array(["f", "f", "m"]))
        with pytest.raises(DataError, match="1 of 1 rows have a label that none of their group had in fit"):
            found.weigh(np.array([1]), groups=np.array(["m"]))


class TestDensityBasedWeights:
    def test_weights_when_the_density_is_known_then_of_its_power(self):
        y = np.random.default_rng(0).standard_normal(20_000)
        found = DensityBasedWeights().fit(y)
        wanted = norm.pdf(y) ** -0.5
        inner = np.abs(y) < 2
        ratio = (found.weights_ / wanted)[inner]
        np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.08)
        assert np.corrcoef(found.weights_[inner], np.abs(y[inner]))[0, 1] > 0.8

    @pytest.mark.parametrize("form", ["inverse", "involution", "dense"])
    def test_weights_when_values_are_rare_then_greater_and_unseen_ones_as_the_outermost(self, form):
        y = np.random.default_rng(0).gamma(2.0, size=2000)
        found = DensityBasedWeights(form, alpha=1.0).fit(y)
        assert found.weights_[y.argmax()] > 1 > found.weights_[np.abs(y - 1).argmin()]
        assert found.weigh(np.array([1e6]))[0] == pytest.approx(found.weigh(np.array([y.max()]))[0])

    def test_values_when_all_the_same_then_refused(self):
        with pytest.raises(DataError, match="all 5 values of y are 2"):
            DensityBasedWeights().fit(np.full(5, 2.0))


class TestContinuousTargetShift:
    def test_weights_when_an_outcome_is_tilted_then_near_the_ratio_and_not_its_inverse(self):
        rng = np.random.default_rng(0)
        y, y_target = rng.standard_normal(4000), rng.standard_normal(4000) + 0.7
        X, X_target = (np.column_stack([v, -v]) + 0.5 * rng.standard_normal((4000, 2)) for v in (y, y_target))
        found = ContinuousTargetShift().fit(X, y, X_target=X_target)
        ratio = np.exp(0.7 * y - 0.245)
        ratio /= ratio.mean()
        assert np.mean((found.weights_ - ratio) ** 2) < 0.3 * np.var(ratio)
        inverse = 1 / np.maximum(found.weights_, 0.05)
        assert np.mean((inverse / inverse.mean() - ratio) ** 2) > np.var(ratio)
        assert effective_sample_size(found.weights_) == pytest.approx(effective_sample_size(ratio), rel=0.4)

    def test_weights_when_nothing_shifts_then_nearly_uniform(self):
        rng = np.random.default_rng(0)
        X, X_target = rng.standard_normal((2, 1000, 1))
        found = ContinuousTargetShift().fit(X, X[:, 0] + 0.1 * rng.standard_normal(1000), X_target=X_target)
        assert effective_sample_size(found.weights_) > 900

    def test_rows_when_too_few_or_one_value_then_refused(self):
        X = np.arange(12.0)[:, None]
        with pytest.raises(DataError, match=r"y has 1 value in 12 rows, and X_target 12 rows"):
            ContinuousTargetShift().fit(X, np.zeros(12), X_target=X)
