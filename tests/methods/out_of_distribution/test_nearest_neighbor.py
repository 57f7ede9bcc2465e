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
    assert np.allclose(NearestNeighborDistance(n_neighbors=7, standardize=False).fit(X).score_samples(NEW), expected)


def test_nearest_neighbor_distance_when_fitted_then_the_threshold_leaves_each_row_out():
    scorer = NearestNeighborDistance(n_neighbors=7, standardize=False).fit(X)
    own = NearestNeighbors(n_neighbors=7).fit(X).kneighbors()[0][:, -1]
    assert scorer.threshold_ == pytest.approx(np.sort(own)[380])  # the 381st of 400: 401 x 0.95 is 380.95
    assert abs(scorer.flag(scorer.score_samples(NEW)).mean() - 0.05) < 0.02


def test_nearest_neighbor_distance_when_rows_are_repeated_then_new_ones_are_flagged_as_if_each_were_there_once(caplog):
    flagged = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rows, new = rng.normal(size=(60, 3)), rng.normal(size=(500, 3))
        once, repeated = (NearestNeighborDistance(device="cpu").fit(x) for x in (rows, np.repeat(rows, 10, axis=0)))
        assert repeated.threshold_ == pytest.approx(once.threshold_)
        assert once.threshold_ > 0.5
        flagged.append(repeated.flag(repeated.score_samples(new)).mean())
    assert np.mean(flagged) == pytest.approx(3 / 61, abs=0.015)  # rank 58 of 60
    assert "left out 540 of 600 rows, which are copies of others" in caplog.text


def test_nearest_neighbor_distance_when_columns_have_few_values_then_equal_rows_are_no_copies(caplog):
    rows = np.random.default_rng(0).integers(0, 2, size=(200, 3)).astype(float)
    scorer = NearestNeighborDistance(device="cpu").fit(rows)
    assert len(scorer.rows_) == 200
    assert not scorer.flag(scorer.score_samples(rows)).any()
    assert "100 % of 200 known rows have the very score of the threshold, 0," in caplog.text


def test_nearest_neighbor_distance_when_normalized_then_only_directions_count():
    scorer = NearestNeighborDistance(normalize=True).fit(X)
    assert np.allclose(scorer.score_samples(NEW), scorer.score_samples(NEW * RNG.uniform(0.1, 9, size=(2000, 1))))
    assert scorer.score_samples(NEW).max() <= 2
    assert np.isfinite(scorer.score_samples(np.zeros((1, 5)))).all()


def test_nearest_neighbor_distance_when_there_are_many_rows_then_the_threshold_comes_from_a_part(monkeypatch):
    full = NearestNeighborDistance(standardize=False).fit(X).threshold_
    monkeypatch.setattr("ballast.methods.out_of_distribution.nearest_neighbor.THRESHOLD_ROWS", 150)
    part = NearestNeighborDistance(standardize=False).fit(X).threshold_
    assert part != full
    assert part == pytest.approx(full, rel=0.2)
    assert part == NearestNeighborDistance(standardize=False).fit(X[::-1]).threshold_


def test_nearest_neighbor_distance_when_rows_exceed_the_most_then_a_part_stands_for_all():
    full, part = NearestNeighborDistance().fit(X), NearestNeighborDistance(max_rows=200).fit(X)
    assert part.rows_.shape == (200, 5)
    assert len(np.unique(np.concatenate([full.rows_, part.rows_]), axis=0)) == 400
    assert np.corrcoef(full.score_samples(NEW), part.score_samples(NEW))[0, 1] > 0.9
    assert abs(part.flag(part.score_samples(NEW)).mean() - 0.05) < 0.03
    with pytest.raises(DataError, match="raise max_rows"):
        NearestNeighborDistance(max_rows=5).fit(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e6, 1e12, 1e25])
def test_nearest_neighbor_distance_when_one_value_is_absurd_then_the_other_rows_are_scored_as_without_it(value, dtype):
    rows, new = X.astype(dtype), NEW.astype(dtype)
    without = NearestNeighborDistance(device="cpu", standardize=False).fit(rows[1:])
    rows[0, 2] = value
    scorer = NearestNeighborDistance(device="cpu", standardize=False).fit(rows)
    np.testing.assert_allclose(scorer.score_samples(new), without.score_samples(new), rtol=1e-5)
    assert scorer.threshold_ == pytest.approx(without.threshold_, rel=0.05)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_neighbor_distance_when_columns_have_other_units_then_scored_alike(dtype):
    units = np.array([1e-3, 1.0, 1e3, 1.0, 1e6], dtype=dtype)  # the same rows in kilograms, grams ...
    rows, new = X.astype(dtype), NEW.astype(dtype)
    plain, other = NearestNeighborDistance().fit(rows), NearestNeighborDistance().fit(rows * units)
    np.testing.assert_allclose(other.score_samples(new * units), plain.score_samples(new), rtol=1e-3)
    assert other.threshold_ == pytest.approx(plain.threshold_, rel=1e-3)
    moved = new[:200].copy()
    moved[:, 0] += 6
    assert other.flag(other.score_samples(moved * units)).mean() > 0.9
    as_they_are = NearestNeighborDistance(standardize=False).fit(rows * units)
    assert as_they_are.flag(as_they_are.score_samples(moved * units)).mean() < 0.2, "what the scales are for"


def test_nearest_neighbor_distance_when_one_value_is_absurd_then_it_sets_no_scale():
    rows = X.copy()
    rows[0, 2] = 1e12
    with_it, without = (NearestNeighborDistance(device="cpu").fit(known) for known in (rows, X[1:]))
    np.testing.assert_allclose(with_it.score_samples(NEW), without.score_samples(NEW), rtol=0.02)


def test_nearest_neighbor_distance_when_units_are_declared_then_new_ones_are_flagged_as_often_as_promised():
    flagged, without = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        persons, new = rng.normal(size=(100, 3)), rng.normal(size=(500, 3))
        rows = np.repeat(persons, 10, axis=0) + 1e-3 * rng.normal(size=(1000, 3))
        of = np.repeat(np.arange(100), 10)
        for found, given in ((flagged, {"dependence": of}), (without, {})):
            scorer = NearestNeighborDistance(device="cpu").fit(rows, **given)
            found.append(scorer.flag(scorer.score_samples(new)).mean())
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.02)
    assert np.mean(without) > 0.5, "what the units are for"


def test_nearest_neighbor_distance_when_a_unit_leaves_too_few_others_then_data_error():
    of = np.r_[np.zeros(396, dtype=int), 1:5]
    with pytest.raises(DataError, match=r"dependence names one unit for 396 of 400 known rows.*n_neighbors=5"):
        NearestNeighborDistance().fit(X, of)
