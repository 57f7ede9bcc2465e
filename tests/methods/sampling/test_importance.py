"""Rows drawn by weight: expected counts, schemes, lineage."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError, ParameterError
from ballast.methods.sampling import ImportanceResampling

N = 200
X = np.arange(2.0 * N).reshape(N, 2)
Y = np.array(["even", "odd"], dtype=object)[np.arange(N) % 2]
WEIGHT = np.random.default_rng(0).gamma(0.7, size=N)
WEIGHT[[0, 50, N - 1]] = 0


def draw(**parameters):
    sampler = ImportanceResampling(**parameters)
    return sampler, *sampler.fit_resample(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize("scheme", ["systematic", "multinomial", "without_replacement"])
def test_importance_resampling_when_drawn_then_rows_follow_their_indices(scheme):
    sampler, X_new, y_new = draw(scheme=scheme, n_samples=100)
    assert np.array_equal(X_new, X[sampler.sample_indices_])
    assert np.array_equal(y_new, Y[sampler.sample_indices_])
    assert len(X_new) == 100
    assert not sampler.is_synthetic_.any()
    assert (WEIGHT[sampler.sample_indices_] > 0).all()


@pytest.mark.parametrize("scheme", ["systematic", "multinomial"])
def test_importance_resampling_when_drawn_often_then_counts_average_the_expected_ones(scheme):
    counts = np.zeros(N)
    for seed in range(400):
        sampler, *_ = draw(scheme=scheme, random_state=seed)
        counts += np.bincount(sampler.sample_indices_, minlength=N)
    expected = 400 * N * WEIGHT / WEIGHT.sum()
    assert (np.abs(counts - expected) <= 4.5 * np.sqrt(expected) + 1e-9).all()


@pytest.mark.parametrize("n_samples", [None, 1, 37, 0.3, 5000])
def test_importance_resampling_when_systematic_then_counts_are_floor_or_ceiling(n_samples):
    for seed in range(20):
        sampler, X_new, _ = draw(n_samples=n_samples, random_state=seed)
        k = {None: N, 0.3: 60}.get(n_samples, n_samples)
        assert len(X_new) == k
        counts = np.bincount(sampler.sample_indices_, minlength=N)
        assert (np.abs(counts - k * WEIGHT / WEIGHT.sum()) < 1 + 1e-9).all()


def test_importance_resampling_when_all_weights_are_equal_then_systematic_gives_each_row_once():
    sampler = ImportanceResampling()
    sampler.fit_resample(X, sample_weight=np.full(N, 0.1))
    assert sampler.sample_indices_.tolist() == list(range(N))


def test_importance_resampling_when_without_replacement_then_rows_are_distinct_and_first_draws_follow_the_weights():
    sampler, *_ = draw(scheme="without_replacement", n_samples=150)
    assert len(set(sampler.sample_indices_)) == 150
    firsts = [draw(scheme="without_replacement", n_samples=1, random_state=s)[0].sample_indices_[0] for s in range(800)]
    heavy = np.quantile(WEIGHT, 0.9) <= WEIGHT
    assert np.mean(heavy[firsts]) == pytest.approx(WEIGHT[heavy].sum() / WEIGHT.sum(), abs=0.06)


def test_importance_resampling_when_too_many_are_asked_without_replacement_then_data_error():
    with pytest.raises(DataError, match="200 rows cannot be drawn without replacement from 197"):
        draw(scheme="without_replacement")


def test_importance_resampling_when_there_are_no_labels_then_none_come_back():
    assert ImportanceResampling().fit_resample(X, sample_weight=WEIGHT)[1] is None


def test_importance_resampling_when_weights_are_huge_or_tiny_then_the_draw_is_the_same():
    expected = draw()[0].sample_indices_
    for factor in (1e-300, 1e300):
        sampler = ImportanceResampling()
        sampler.fit_resample(X, sample_weight=WEIGHT * factor)
        assert np.array_equal(sampler.sample_indices_, expected)


def test_importance_resampling_when_rows_are_many_then_exactly_as_many_come_back():
    weight = np.random.default_rng(1).random(300_000).astype(np.float32)
    sampler = ImportanceResampling()
    assert len(sampler.fit_resample(np.zeros((300_000, 1), dtype="f4"), sample_weight=weight)[0]) == 300_000


@pytest.mark.parametrize("n_samples", [0, 1.5, -0.1, "half"])
def test_importance_resampling_when_the_size_is_no_count_or_share_then_parameter_error(n_samples):
    with pytest.raises(ParameterError, match="n_samples"):
        draw(n_samples=n_samples)
