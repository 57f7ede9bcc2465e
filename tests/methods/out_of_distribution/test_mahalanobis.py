"""Mahalanobis distance to the nearest class: its formula, its threshold, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

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


def test_mahalanobis_when_shrunk_then_a_share_of_the_mean_variance_is_added():
    X, _ = classes()
    covariance = np.cov(X.T, bias=True)
    covariance += 0.5 * np.trace(covariance) / 4 * np.eye(4)
    centred = X - X.mean(axis=0)
    expected = np.einsum("nd,de,ne->n", centred, np.linalg.inv(covariance), centred)
    assert np.allclose(Mahalanobis(shrinkage=0.5).fit(X).score_samples(X), expected)


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
