"""Synthetic rows: where they lie, how many, from whom."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ballast.errors import DataError, ParameterError
from ballast.methods.sampling import SMOTE

RNG = np.random.default_rng(0)
Y = RNG.permutation(np.repeat(["common", "rare", "scarce"], [300, 40, 11]))
X = RNG.normal(size=(351, 4)) + 3 * (Y == "rare")[:, None]


def test_smote_when_balancing_then_originals_come_first_and_classes_are_equal():
    sampler = SMOTE()
    X_new, y_new = sampler.fit_resample(X, Y)
    assert np.array_equal(X_new[:351], X)
    assert np.array_equal(y_new[:351], Y)
    assert [int((y_new == c).sum()) for c in ("common", "rare", "scarce")] == [300, 300, 300]
    assert sampler.is_synthetic_.tolist() == [False] * 351 + [True] * 549


def test_smote_when_rows_are_made_then_they_lie_between_a_row_and_one_of_its_nearest_neighbours():
    sampler = SMOTE(n_neighbors=3)
    X_new, y_new = sampler.fit_resample(X, Y)
    first, second = sampler.parents_.T
    u = sampler.mixing_[:, None]
    assert np.allclose(X_new, X[first] + u * (X[second] - X[first]))
    assert np.array_equal(sampler.sample_indices_, first)
    assert (Y[first] == Y[second]).all()
    assert (Y[first] == y_new).all()
    new = sampler.is_synthetic_
    assert (first[~new] == second[~new]).all()
    assert (sampler.mixing_[~new] == 0).all()
    assert 0.45 < sampler.mixing_[new].mean() < 0.55
    assert len(np.unique(sampler.mixing_[new])) == new.sum()  # each row is mixed by a number of its own
    for label in ("rare", "scarce"):
        own = np.flatnonzero(label == Y)
        allowed = own[NearestNeighbors(n_neighbors=3).fit(X[own]).kneighbors(return_distance=False)]
        pairs = sampler.parents_[new & (y_new == label)]
        assert all(b in allowed[np.searchsorted(own, a)] for a, b in pairs)
        uses = np.bincount(np.searchsorted(own, pairs[:, 0]), minlength=len(own))
        assert uses.max() - uses.min() <= 1
        assert len(set(pairs[:, 1])) > len(own) / 2


def test_smote_when_given_a_share_then_small_classes_reach_that_share_of_the_largest():
    _, y_new = SMOTE(sampling_strategy=0.1).fit_resample(X, Y)
    assert [int((y_new == c).sum()) for c in ("common", "rare", "scarce")] == [300, 40, 30]


def test_smote_when_given_counts_then_only_the_classes_named_grow():
    _, y_new = SMOTE(sampling_strategy={"rare": 100}).fit_resample(X, Y)
    assert [int((y_new == c).sum()) for c in ("common", "rare", "scarce")] == [300, 100, 11]


def test_smote_when_undersampling_then_the_largest_class_shrinks_first():
    sampler = SMOTE(undersampling=0.5)
    X_new, y_new = sampler.fit_resample(X, Y)
    assert [int((y_new == c).sum()) for c in ("common", "rare", "scarce")] == [150, 150, 150]
    given = ~sampler.is_synthetic_
    assert np.array_equal(X_new[given], X[sampler.sample_indices_[given]])
    assert (np.diff(sampler.sample_indices_[given]) > 0).all()


def test_smote_when_integer_labels_are_counted_then_they_are_matched():
    _, y_new = SMOTE(sampling_strategy={1: 50}).fit_resample(X, (Y == "rare").astype(np.int64))
    assert (y_new == 1).sum() == 50


def test_smote_when_run_again_then_the_seed_decides():
    first, second, other = (SMOTE(random_state=s).fit_resample(X, Y)[0] for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_smote_when_a_class_is_large_then_regions_keep_parents_near(monkeypatch):
    rng = np.random.default_rng(0)
    points = np.r_[rng.normal(size=(900, 3)), rng.normal(size=(2000, 3))].astype(np.float32)
    label = np.arange(2900) >= 900
    lengths = {}
    for cap in (10_000, 100):
        monkeypatch.setattr("ballast.methods.sampling.smote.EXACT_ROWS", cap)
        sampler = SMOTE()
        assert sampler.fit_resample(points, label)[0].dtype == np.float32
        first, second = sampler.parents_[sampler.is_synthetic_].T
        assert (first != second).all()
        lengths[cap] = np.linalg.norm(points[first] - points[second], axis=1).mean()
    assert lengths[10_000] < lengths[100] < 1.25 * lengths[10_000]


def test_smote_when_a_class_is_too_small_then_data_error_names_it_and_the_remedy():
    with pytest.raises(DataError, match=r"class 'scarce' has 11 row.*at least 16; lower n_neighbors"):
        SMOTE(n_neighbors=15).fit_resample(X, Y)


def test_smote_when_the_target_is_wrong_then_the_error_says_what_is_there():
    with pytest.raises(ParameterError, match=r"'rarer'.*did you mean 'rare'"):
        SMOTE(sampling_strategy={"rarer": 50}).fit_resample(X, Y)
    with pytest.raises(ParameterError, match=r"asks for 5 rows of class 'rare', which has 40"):
        SMOTE(sampling_strategy={"rare": 5}).fit_resample(X, Y)
    with pytest.raises(ParameterError, match="sampling_strategy"):
        SMOTE(sampling_strategy="all").fit_resample(X, Y)


def test_smote_when_y_is_a_number_then_data_error():
    with pytest.raises(DataError, match="bin y first"):
        SMOTE().fit_resample(X, X[:, 0])
