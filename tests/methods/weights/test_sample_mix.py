"""SampleMix: the formula, its two ends, shares of groups, order, unseen rows and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from ballast.errors import DataError
from ballast.methods.weights import SampleMix

CENTERS = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 40.0]])
WIDTHS = np.array([0.1, 1.0, 3.0])


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gives rows of three clusters, ever wider, labels, probabilities of them and the clusters' names."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat([0, 1, 2], [200, 100, 50])
    X = CENTERS[cluster] + WIDTHS[cluster, None] * rng.normal(size=(350, 2))
    return X, rng.choice(["no", "yes"], 350), rng.dirichlet([1, 1], 350), np.array(["near", "mid", "wide"])[cluster]


def by_hand(X, y, probs, cluster, alpha, tau):
    """The recipe, cluster by cluster."""
    names = np.unique(cluster)
    centers = {c: X[cluster == c].mean(axis=0) for c in names}
    spread = {}
    for c in names:
        compactness = np.linalg.norm(X[cluster == c] - centers[c], axis=1).mean()
        spread[c] = compactness * np.mean([np.linalg.norm(centers[c] - centers[o]) for o in names if o != c])
    d = np.array([spread[c] for c in cluster])
    q = probs[np.arange(len(y)), (y == "yes").astype(int)]
    d, q = (d - d.min()) / np.ptp(d), (q - q.min()) / np.ptp(q)
    return q, d, len(y) * softmax((alpha * d + (1 - alpha) * q) / tau)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_weights_when_learned_then_those_of_the_recipe(alpha):
    X, y, probs, cluster = rows()
    found = SampleMix(alpha=alpha, tau=0.5, n_clusters=3, standardize=False).fit(X, y, probs)
    quality, diversity, weights = by_hand(X, y, probs, cluster, alpha, 0.5)
    np.testing.assert_allclose(found.quality_, quality)
    np.testing.assert_allclose(found.diversity_, diversity)
    np.testing.assert_allclose(found.weights_, weights)
    assert found.weights_.max() / found.weights_.min() <= np.exp(1 / 0.5) * (1 + 1e-9)


def test_columns_when_in_other_units_then_the_same_weights():
    X, y, probs, _ = rows()
    plain, other = (SampleMix(n_clusters=3).fit(X * units, y, probs) for units in (1.0, np.array([1e-4, 1e4])))
    np.testing.assert_allclose(other.weights_, plain.weights_, rtol=1e-5)


def test_shares_when_groups_are_given_then_sums_of_the_weights_which_they_do_not_change():
    X, y, probs, cluster = rows()
    found = SampleMix(n_clusters=3).fit(X, y, probs, groups=cluster)
    plain = SampleMix(n_clusters=3).fit(X, y, probs)
    np.testing.assert_array_equal(found.weights_, plain.weights_)
    expected = [found.weights_[cluster == g].sum() / 350 for g in found.groups_]
    np.testing.assert_allclose(found.shares_, expected)
    assert not hasattr(plain, "shares_")


def test_diversity_when_one_row_is_far_then_the_others_still_differ():
    X, y, probs, cluster = rows()
    far = np.vstack([X, [[1e4, 1e4], [-1e4, 1e4]]])
    found = SampleMix(n_clusters=5).fit(far, np.append(y, ["no", "no"]), np.vstack([probs, probs[:2]]))
    assert found.diversity_[:350][cluster == "wide"].mean() > found.diversity_[:350][cluster == "near"].mean() + 0.3


def test_rows_when_permuted_then_the_same_weights():
    X, y, probs, _ = rows()
    order = np.random.default_rng(1).permutation(350)
    first = SampleMix(n_clusters=12).fit(X, y, probs).weights_
    np.testing.assert_allclose(SampleMix(n_clusters=12).fit(X[order], y[order], probs[order]).weights_, first[order])


def test_classes_when_given_then_name_the_columns():
    X, y, probs, _ = rows()
    first = SampleMix(n_clusters=3).fit(X, y, probs)
    turned = SampleMix(n_clusters=3).fit(X, y, probs[:, ::-1], classes=np.array(["yes", "no"]))
    np.testing.assert_allclose(turned.weights_, first.weights_)
    np.testing.assert_allclose(turned.weigh(X[:9], y[:9], probs[:9, ::-1]), first.weights_[:9])


def test_quality_when_all_alike_and_one_cluster_then_uniform():
    X, y, probs, _ = rows()
    found = SampleMix(n_clusters=1).fit(X, y, np.full_like(probs, 0.5))
    np.testing.assert_allclose(found.weights_, 1.0)


def test_weights_when_the_temperature_is_tiny_then_those_of_the_best_rows_alone():
    X, y, probs, cluster = rows()
    found = SampleMix(alpha=0.2, tau=1e-4, n_clusters=3).fit(X.astype(np.float32), y, probs.astype(np.float32))
    quality, diversity, _ = by_hand(X, y, probs, cluster, 0.2, 1.0)
    assert found.weights_.argmax() == (0.2 * diversity + 0.8 * quality).argmax()
    assert np.isfinite(found.weigh(X + 5, y, np.eye(2)[(y == "yes").astype(int)])).all()


def test_labels_when_no_column_stands_for_them_then_refused():
    X, y, probs, _ = rows()
    with pytest.raises(DataError, match=r"sample_mix: y has \d+ of 350 rows with labels that are not among"):
        SampleMix().fit(X, y, probs, classes=np.array(["no", "maybe"]))
    with pytest.raises(DataError, match=r"sample_mix: probs has 2 columns but y has 1 class"):
        SampleMix().fit(X, np.full(350, "no"), probs)
