"""Distance to the k-th nearest known row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ballast.errors import DataError
from ballast.methods.out_of_distribution import NearestNeighborDistance

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(400, 5)), RNG.normal(size=(2000, 5))


def test_nearest_neighbor_distance_when_scoring_then_it_equals_scikit_learns():
    expected = NearestNeighbors(n_neighbors=7).fit(X).kneighbors(NEW)[0][:, -1]
    assert np.allclose(NearestNeighborDistance(n_neighbors=7).fit(X).score_samples(NEW), expected)


def test_nearest_neighbor_distance_when_fitted_then_the_threshold_leaves_each_row_out():
    scorer = NearestNeighborDistance(n_neighbors=7).fit(X)
    own = NearestNeighbors(n_neighbors=7).fit(X).kneighbors()[0][:, -1]
    assert scorer.threshold_ == pytest.approx(np.quantile(own, 0.95))
    assert abs(scorer.flag(scorer.score_samples(NEW)).mean() - 0.05) < 0.02


def test_nearest_neighbor_distance_when_normalized_then_only_directions_count():
    scorer = NearestNeighborDistance(normalize=True).fit(X)
    assert np.allclose(scorer.score_samples(NEW), scorer.score_samples(NEW * RNG.uniform(0.1, 9, size=(2000, 1))))
    assert scorer.score_samples(NEW).max() <= 2
    assert np.isfinite(scorer.score_samples(np.zeros((1, 5)))).all()


def test_nearest_neighbor_distance_when_there_are_many_rows_then_the_threshold_comes_from_a_part(monkeypatch):
    full = NearestNeighborDistance().fit(X).threshold_
    monkeypatch.setattr("ballast.methods.out_of_distribution.nearest_neighbor.THRESHOLD_ROWS", 150)
    part = NearestNeighborDistance().fit(X).threshold_
    assert part != full
    assert part == pytest.approx(full, rel=0.2)
    assert part == NearestNeighborDistance().fit(X[::-1]).threshold_


def test_nearest_neighbor_distance_when_rows_exceed_the_most_then_a_part_stands_for_all():
    full, part = NearestNeighborDistance().fit(X), NearestNeighborDistance(max_rows=200).fit(X)
    assert part.rows_.shape == (200, 5)
    assert len(np.unique(np.concatenate([X, part.rows_]), axis=0)) == 400
    assert np.corrcoef(full.score_samples(NEW), part.score_samples(NEW))[0, 1] > 0.9
    assert abs(part.flag(part.score_samples(NEW)).mean() - 0.05) < 0.03
    with pytest.raises(DataError, match="raise max_rows"):
        NearestNeighborDistance(max_rows=5).fit(X)


def test_nearest_neighbor_distance_when_there_are_too_few_rows_then_data_error():
    with pytest.raises(DataError, match=r"X has 10 rows to keep.*at least 11"):
        NearestNeighborDistance(n_neighbors=10).fit(X[:10])


def test_nearest_neighbor_distance_when_given_float32_then_float32_comes_back():
    scorer = NearestNeighborDistance().fit(X.astype(np.float32))
    assert scorer.score_samples(NEW.astype(np.float32)).dtype == np.float32


@pytest.mark.gpu
def test_nearest_neighbor_distance_when_on_cuda_then_it_agrees_with_the_cpu():
    cpu, gpu = (NearestNeighborDistance(device=d).fit(X).score_samples(NEW) for d in ("cpu", "cuda"))
    assert np.allclose(cpu, gpu, rtol=1e-4)
