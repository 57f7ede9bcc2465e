"""Even clusters on long-tailed digits with scrambled images among them, against rows drawn at random."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from ballast.methods.sampling import ImportanceResampling
from ballast.methods.weights import ClusterBalanced, InverseClassFrequency

pytestmark = pytest.mark.claim

NETWORKS = 4


def long_tail(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Gives some 330 digits of 107 to 2 a class, 8 % of them scrambled and labelled at random, and 690 to test on."""
    X, y = load_digits(return_X_y=True)
    X, y = np.asarray(X) / 16, np.asarray(y)
    order = rng.permutation(len(y))
    sizes = np.round(107 * 0.65 ** rng.permutation(10)).astype(int)
    by_class = [order[y[order] == k] for k in range(10)]
    kept = np.concatenate([rows[:size] for rows, size in zip(by_class, sizes, strict=True)])
    test = np.concatenate([rows[107:] for rows in by_class])
    junk = rng.permuted(X[rng.choice(kept, round(0.08 / 0.92 * len(kept)))], axis=1)
    train = np.concatenate([X[kept], junk])
    return train, np.concatenate([y[kept], rng.integers(10, size=len(junk))]), X[test], y[test], sizes / sizes.sum()


def run(seed: int, epochs: int) -> np.ndarray:
    """Gives balanced and natural accuracy (2,) of networks on rows drawn: at random, in even clusters, in classes."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test, shares = long_tail(rng)
    n = len(X)
    even = ClusterBalanced(n_epochs=float(epochs), random_state=seed, standardize=False).fit(X).weights_
    by_class = InverseClassFrequency().fit(y).weights_

    def accuracies(rows: np.ndarray, start: int) -> list[float]:
        network = MLPClassifier((32,), solver="sgd", learning_rate_init=0.05, shuffle=False, random_state=start)
        network.set_params(batch_size=8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = network.partial_fit(X[rows], y[rows], classes=np.arange(10)).predict(X_test)
        recall = np.array([np.mean(found[y_test == k] == k) for k in range(10)])
        return [float(recall.mean()), float(recall @ shares)]

    def drawn(weights: np.ndarray, start: int) -> np.ndarray:
        sampler = ImportanceResampling(n_samples=epochs * n, random_state=start)
        sampler.fit_resample(X, y, sample_weight=weights)
        return rng.permutation(sampler.sample_indices_)

    found = []
    for start in range(NETWORKS):
        ways = [np.concatenate([rng.permutation(n) for _ in range(epochs)]), drawn(even, start), drawn(by_class, start)]
        found.append([accuracies(rows, start) for rows in ways])
    return np.mean(found, axis=0)


def gains(epochs: int, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    """Gives what even clusters and even classes add (seeds, 2) to the accuracies of rows drawn at random."""
    runs = np.array([run(seed, epochs) for seed in seeds])
    return runs[:, 1] - runs[:, 0], runs[:, 2] - runs[:, 0]


def test_balanced_accuracy_when_training_is_short_then_higher_than_at_random_and_natural_not_lower(claim):
    clusters, classes = gains(epochs=3, seeds=claim.seeds(40))
    claim.record(gain=clusters[:, 0], natural_gain=clusters[:, 1], gain_by_class=classes[:, 0])
    assert clusters[:, 0].mean() - 2 * clusters[:, 0].std(ddof=1) / np.sqrt(40) > 0.005
    assert clusters[:, 1].mean() > -0.01
    assert classes[:, 0].mean() > clusters[:, 0].mean() + 0.05


def test_balanced_accuracy_when_training_is_longer_then_no_higher_than_at_random(claim):
    clusters, classes = gains(epochs=8, seeds=claim.seeds(20))
    claim.record(longer_gain=clusters[:, 0], longer_gain_by_class=classes[:, 0])
    assert abs(clusters[:, 0].mean()) < 0.02
    assert classes[:, 0].mean() > 0.03
