"""Weight diagnostics: each number against its formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.stats import genpareto, spearmanr

from ballast.compute.balance import differences_of_counts, standardized_mean_differences
from ballast.errors import DataError
from ballast.methods.evaluation import WeightDiagnostics
from ballast.methods.evaluation.metrics.weight_diagnostics import pareto_tail_index


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 2)), rng.normal([0.5, 0.0], [1, 2], size=(200, 2)), rng.exponential(size=300)


def test_weight_diagnostics_when_given_a_table_then_each_number_follows_its_formula(samples):
    X, X_target, w = samples
    report = WeightDiagnostics().assess({"density": w}, X, X_target)
    assert report.value("effective_sample_size") == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert report.value("effective_share") == pytest.approx(w.sum() ** 2 / (w**2).sum() / 300)
    assert report.value("maximum_share") == pytest.approx(w.max() / w.sum())
    scale = np.sqrt((X.var(axis=0) + X_target.var(axis=0)) / 2)
    before = np.abs(X.mean(axis=0) - X_target.mean(axis=0)) / scale
    after = np.abs(np.average(X, axis=0, weights=w) - X_target.mean(axis=0)) / scale
    for j in range(2):
        assert report.value("standardized_mean_difference_before", slice=f"x{j}") == pytest.approx(before[j])
        assert report.value("standardized_mean_difference_after", slice=f"x{j}") == pytest.approx(after[j])
    assert report.value("maximum_standardized_mean_difference_after") == pytest.approx(after.max())
    assert report.value("mean_standardized_mean_difference_before") == pytest.approx(before.mean())


def test_weight_diagnostics_when_weights_are_scaled_then_nothing_changes(samples):
    X, X_target, w = samples
    first, scaled = (WeightDiagnostics().assess(v, X, X_target).table for v in (w, 1e4 * w))
    np.testing.assert_allclose(first["value"], scaled["value"], rtol=1e-9)


def test_weight_diagnostics_when_truth_is_known_then_uniform_weights_have_error_one(samples):
    X, X_target, w = samples
    tables = {"uniform": np.ones(300), "half": w / w.mean() / 2 + 0.5, "exact": 3 * w}
    report = WeightDiagnostics().assess(tables, X, X_target, true_weight=w)
    errors = [report.value("normalised_mean_squared_error", model=m) for m in tables]
    assert errors == pytest.approx([1.0, 0.25, 0.0])
    noisy = w * np.random.default_rng(1).exponential(size=300)
    ranked = WeightDiagnostics().assess(noisy, X, X_target, true_weight=w).value("rank_correlation")
    assert ranked == pytest.approx(spearmanr(noisy, w)[0])
    assert report.table.query("metric == 'rank_correlation'")["model"].tolist() == ["half", "exact"]


def test_weight_diagnostics_when_features_are_named_then_slices_carry_the_names(samples):
    X, X_target, w = samples
    named = WeightDiagnostics().assess(w, X, X_target, feature_names=["age", "income"])
    framed = WeightDiagnostics().assess(w, *(pd.DataFrame(x, columns=["age", "income"]) for x in (X, X_target)))
    assert named.table.equals(framed.table)
    assert {"age", "income"} < set(named.table["slice"])
    with pytest.raises(DataError, match="3 names but X has 2"):
        WeightDiagnostics().assess(w, X, X_target, feature_names=["a", "b", "c"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardized_difference_when_a_feature_is_constant_then_it_is_zero_if_equal_and_finite_if_not(dtype):
    X, X_target = np.full((40, 2), 0.1, dtype), np.full((60, 2), 0.1, dtype)
    X_target[:, 1] = 0.2
    report = WeightDiagnostics().assess(np.ones(40), X, X_target)
    assert report.value("standardized_mean_difference_before", slice="x0") == pytest.approx(0, abs=1e-3)
    share = 40 * 60 / 100**2
    assert report.value("standardized_mean_difference_before", slice="x1") == pytest.approx(share**-0.5, rel=1e-3)


def test_standardized_difference_when_the_mean_is_huge_then_it_stays_exact():
    rng = np.random.default_rng(3)
    X, X_target = rng.normal(size=(500, 1)), rng.normal(0.3, 1, size=(500, 1))
    plain, moved = (WeightDiagnostics().assess(np.ones(500), X + c, X_target + c) for c in (0.0, 1e7))
    metric = "mean_standardized_mean_difference_before"
    assert moved.value(metric) == pytest.approx(plain.value(metric), rel=1e-4)


@pytest.mark.parametrize("shape", [-0.3, 0.2, 0.5, 1.0])
def test_pareto_tail_index_when_the_tail_is_generalised_pareto_then_it_is_near_the_drawn_in_shape(shape):
    rng = np.random.default_rng(0)
    found = [pareto_tail_index(1 + genpareto.rvs(shape, size=4000, random_state=rng)) for _ in range(20)]
    tail = int(np.ceil(3 * np.sqrt(4000)))
    assert np.mean(found) == pytest.approx((tail * shape + 5) / (tail + 10), abs=0.07)


def test_pareto_tail_index_when_weights_are_equal_or_few_then_it_is_zero_or_absent(samples):
    assert pareto_tail_index(np.ones(1000)) == 0.0
    assert pareto_tail_index(np.r_[np.linspace(0.5, 1, 500), np.full(500, 2.0)]) == 0.0
    assert np.isfinite(pareto_tail_index(np.r_[np.zeros(995), np.arange(1.0, 6)]))
    few = WeightDiagnostics().assess(np.ones(10), samples[0][:10], samples[1])
    assert "pareto_tail_index" not in set(few.table["metric"])


def test_differences_of_counts_when_sparse_then_those_of_the_same_columns():
    rng = np.random.default_rng(0)
    own, target = rng.integers(0, 3, size=(60, 5)), rng.integers(0, 4, size=(40, 5))
    weights, design, design_target = rng.gamma(2.0, size=(2, 60)), rng.gamma(2.0, size=60), rng.gamma(2.0, size=40)
    for more in ((), (design, design_target)):
        found = differences_of_counts(csr_array(own * 1.0), csr_array(target * 1.0), weights, *more)
        np.testing.assert_allclose(found, standardized_mean_differences(own, target, weights, *more))
    alike = csr_array(np.ones((4, 1)))
    assert differences_of_counts(alike, alike, np.ones((1, 4))).max() == 0
