"""Mahalanobis distance to the nearest class: its formula, its threshold, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

from ballast.errors import DataError
from ballast.methods.out_of_distribution import Mahalanobis


def classes(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    mixing = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)) @ mixing + 10 * np.eye(3, d)[y], np.array(["a", "b", "c"])[y]


def test_mahalanobis_when_nothing_is_shrunk_then_it_equals_the_textbook_formula():
    X, y = classes()
    scores = Mahalanobis(shrinkage=0).fit(X, y).score_samples(X)
    means = np.array([X[y == c].mean(axis=0) for c in "abc"])
    centred = X - means[np.searchsorted(list("abc"), y)]
    precision = np.linalg.inv(centred.T @ centred / len(X))
    differences = X[:, None, :] - means
    expected = np.einsum("ncd,de,nce->nc", differences, precision, differences).min(axis=1)
    assert np.allclose(scores, expected)


def test_mahalanobis_when_there_are_no_labels_then_it_is_one_gaussian():
    X, _ = classes()
    expected = EmpiricalCovariance().fit(X).mahalanobis(X)
    assert np.allclose(Mahalanobis(shrinkage=0).fit(X).score_samples(X), expected)
    numbers = X[:, 0] * 2.5  # a regression target makes no classes
    assert np.allclose(Mahalanobis(shrinkage=0).fit(X, numbers).score_samples(X), expected)


def test_mahalanobis_when_shrunk_then_a_share_of_each_columns_own_variance_is_added():
    X, _ = classes()
    covariance = np.cov(X.T, bias=True)
    covariance += 0.5 * np.diag(np.diag(covariance))
    centred = X - X.mean(axis=0)
    expected = np.einsum("nd,de,ne->n", centred, np.linalg.inv(covariance), centred)
    assert np.allclose(Mahalanobis(shrinkage=0.5).fit(X).score_samples(X), expected)


@pytest.mark.parametrize("shrinkage", [0.1, 1e-6, 0])
@pytest.mark.parametrize("units", [[1e6, 1, 1e-3], [1e-6, 1e-6, 1e-6]])
def test_mahalanobis_when_columns_change_units_then_nothing_else_changes(units, shrinkage):
    rng = np.random.default_rng(9)
    X, known, far = rng.normal(size=(300, 3)), rng.normal(size=(100, 3)), rng.normal(size=(100, 3))
    far[:, 2] += 4
    judged, foreign = np.concatenate([known, far]), np.repeat([0, 1], 100)
    plain, scaled = Mahalanobis(shrinkage=shrinkage).fit(X), Mahalanobis(shrinkage=shrinkage).fit(X * units)
    scores = scaled.score_samples(judged * units)
    assert np.allclose(scores, plain.score_samples(judged))
    assert scaled.threshold_ == pytest.approx(plain.threshold_)
    assert roc_auc_score(foreign, scores) == pytest.approx(0.9893, abs=0.0002)
    assert scaled.flag(scores)[100:].mean() >= 0.96


def test_mahalanobis_when_a_unit_is_nearly_dead_then_it_counts_by_the_size_of_what_it_gives():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=600), rng.exponential(5, 600) * (np.arange(600) % 100 == 0)])
    alive = X[X[:, 1] > 0, 1]
    scorer = Mahalanobis().fit(X)
    of_dead = scorer.score_samples([[0.0, 1.0]]) - scorer.score_samples([[0.0, 0.0]])
    assert of_dead < 0.3  # by its own deviation alone it would be 1 / .88 ** 2
    assert np.sqrt(np.mean(alive**2)) > 3
    small = Mahalanobis().fit(X * [1, 1e-6])
    assert np.allclose(small.score_samples(X * [1, 1e-6]), scorer.score_samples(X))


@pytest.mark.parametrize("value", [1e3, 1e12])
def test_mahalanobis_when_one_value_is_absurd_then_the_others_make_the_gaussian_and_it_is_said(value, caplog):
    rng = np.random.default_rng(0)
    X, far = rng.normal(size=(600, 3)), rng.normal([0, 5, 0], size=(100, 3))
    X[17, 1] = value
    scorer, without = Mahalanobis().fit(X), Mahalanobis().fit(np.delete(X, 17, axis=0))
    assert np.allclose(scorer.score_samples(far), without.score_samples(far))
    assert scorer.flag(scorer.score_samples(X))[17]
    assert f"1 of 600 rows, such as row 17 with {value:.6g} in column 1" in caplog.text
    assert caplog.text.count("make no Gaussian") == 1


def test_mahalanobis_when_a_rare_class_lies_far_from_the_others_then_its_rows_are_known(caplog):
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], [990, 10])
    X = rng.normal(1e4 * (y == "b")[:, None], size=(1000, 2))
    scorer = Mahalanobis().fit(X, y)
    assert scorer.flag(scorer.score_samples(X)).mean() < 0.1
    assert not caplog.text


def test_mahalanobis_when_rows_are_repeated_then_the_threshold_of_rows_that_are_there_once():
    X = np.random.default_rng(0).normal(size=(60, 3))
    once, repeated = Mahalanobis().fit(X), Mahalanobis().fit(np.repeat(X, 10, axis=0))
    assert repeated.threshold_ == pytest.approx(once.threshold_)


@pytest.mark.parametrize("n", [20, 40])
def test_mahalanobis_when_rows_are_few_then_no_more_new_ones_are_flagged_than_asked(n):
    flagged = []
    for seed in range(200):
        X, new = np.split(np.random.default_rng(seed).normal(size=(n + 500, 3)), [n])
        scorer = Mahalanobis().fit(X)
        flagged.append(scorer.flag(scorer.score_samples(new)).mean())
    assert 0.02 < np.mean(flagged) < 0.05 + 2 * np.std(flagged) / 200**0.5


def test_mahalanobis_when_dimensions_are_many_then_new_rows_stay_below_the_threshold_as_often_as_asked():
    kept, kept_in_sample = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, new = rng.normal(size=(150, 40)), rng.normal(size=(2000, 40))
        scorer = Mahalanobis(shrinkage=1e-6).fit(X)
        kept.append(1 - scorer.flag(scorer.score_samples(new)).mean())
        kept_in_sample.append((scorer.score_samples(new) <= np.quantile(scorer.score_samples(X), 0.95)).mean())
    assert 0.93 < np.mean(kept) < 0.995
    assert np.mean(kept_in_sample) < 0.7  # the threshold of the fitting rows' own scores is far too low


def test_mahalanobis_when_rows_are_permuted_then_nothing_changes():
    X, y = classes()
    order = np.random.default_rng(1).permutation(len(X))
    first, second = Mahalanobis().fit(X, y), Mahalanobis().fit(X[order], y[order])
    assert second.threshold_ == pytest.approx(first.threshold_)
    assert np.allclose(first.score_samples(X), second.score_samples(X))


def test_mahalanobis_when_rows_lie_far_from_zero_then_scores_are_unchanged():
    X, y = classes()
    assert np.allclose(
        Mahalanobis().fit(X, y).score_samples(X), Mahalanobis().fit(X + 1e6, y).score_samples(X + 1e6), rtol=1e-5
    )


def test_mahalanobis_when_given_float32_then_float32_comes_back():
    X, y = classes()
    scorer = Mahalanobis().fit(X.astype(np.float32), y)
    assert scorer.score_samples(X.astype(np.float32)).dtype == np.float32


def test_mahalanobis_when_a_column_is_constant_then_shrinkage_saves_it_and_none_is_refused():
    X, y = classes()
    X[:, 1] = 5.0
    assert np.isfinite(Mahalanobis().fit(X, y).score_samples(X)).all()
    with pytest.raises(DataError, match=r"singular.*set shrinkage"):
        Mahalanobis(shrinkage=0).fit(X, y)


@pytest.mark.parametrize("n", [1, 3])
def test_mahalanobis_when_rows_do_not_vary_then_data_error(n):
    with pytest.raises(DataError, match="do not vary"):
        Mahalanobis().fit(np.full((n, 2), 3.7))


def test_mahalanobis_when_there_are_two_rows_then_it_says_whether_it_can():
    X = np.array([[0.0], [1.0]])
    with pytest.raises(DataError, match="do not vary"):
        Mahalanobis().fit(X, np.array(["a", "b"]))
