"""A random part of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.sampling import RandomSubset

X = np.arange(120.0).reshape(60, 2)
Y = np.repeat(["a", "b", "c"], [41, 13, 6])


@pytest.mark.parametrize("stratify", [False, True])
def test_random_subset_when_drawn_often_then_every_row_is_as_likely(stratify):
    counts = np.zeros(60)
    for seed in range(600):
        sampler = RandomSubset(0.5, stratify=stratify, random_state=seed)
        X_new, y_new = sampler.fit_resample(X, Y)
        assert len(X_new) == len(set(sampler.sample_indices_)) == 30
        assert np.array_equal(X_new, X[sampler.sample_indices_])
        assert np.array_equal(y_new, Y[sampler.sample_indices_])
        counts += np.bincount(sampler.sample_indices_, minlength=60)
    assert (np.abs(counts - 300) < 5 * np.sqrt(600 * 0.25)).all()


@pytest.mark.parametrize("k", [1, 3, 20, 59, 60])
def test_random_subset_when_stratified_then_each_label_has_its_share_to_within_one_row(k):
    sampler = RandomSubset(k, stratify=True)
    _, y_new = sampler.fit_resample(X, Y)
    assert len(y_new) == k
    for label in "abc":
        assert abs((y_new == label).sum() - k * (label == Y).mean()) < 1


def test_random_subset_when_more_rows_are_asked_than_there_are_then_data_error():
    with pytest.raises(DataError, match="n_samples=61 rows were asked for but X has 60"):
        RandomSubset(61).fit_resample(X)


def test_random_subset_when_stratified_without_labels_then_data_error():
    with pytest.raises(DataError, match="stratify needs y"):
        RandomSubset(stratify=True).fit_resample(X)


def test_random_subset_when_the_share_is_tiny_then_one_row_is_drawn():
    assert RandomSubset(0.001).fit_resample(X)[0].shape == (1, 2)
