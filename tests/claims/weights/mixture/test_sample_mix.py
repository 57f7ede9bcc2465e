"""SampleMix on a pool of redundant, clean and wrongly labelled digits, against drawing at random and domains evenly."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.sampling import ImportanceResampling
from ballast.methods.weights import SampleMix

pytestmark = pytest.mark.claim

SEEDS = 12


def pool(rng: np.random.Generator, noise: float) -> tuple[np.ndarray, ...]:
    """Gives rows, labels, domains and originals: 60 digits of three classes 12 times, 250 clean, 300 noisy; a test."""
    X, y = load_digits(return_X_y=True)
    X, y = np.asarray(X) / 16, np.asarray(y)
    order = rng.permutation(len(y))
    few = np.concatenate([order[y[order] == k][:20] for k in rng.choice(10, 3, replace=False)])
    rest = order[~np.isin(order, few)]
    rows = np.concatenate([np.repeat(few, 12), rest[:550]])
    domains = np.repeat(["redundant", "clean", "noisy"], [720, 250, 300])
    jitter = np.where(domains == "redundant", 0.02, 0.0)[:, None] * rng.normal(size=(len(rows), 64))
    wrong = (domains == "noisy") & (rng.random(len(rows)) < noise)
    labels = np.where(wrong, (y[rows] + rng.integers(1, 10, len(rows))) % 10, y[rows])
    return X[rows] + jitter, labels, domains, rows, X[rest[550:]], y[rest[550:]]


def run(seed: int, noise: float) -> dict[str, float]:
    """Gives the test accuracy of logistic regression on 300 rows drawn by each way to weigh, or more at random."""
    X, y, domains, originals, X_test, y_test = pool(np.random.default_rng(seed), noise)
    model = LogisticRegression(max_iter=300)
    probs = out_of_sample(model, X, y, groups=originals, random_state=seed)["probs"]
    sizes = dict(zip(*np.unique(domains, return_counts=True), strict=True))
    uniform = np.ones(len(X))

    def mixed(alpha: float) -> float:
        return accuracy(SampleMix(alpha, random_state=seed, standardize=False).fit(X, y, probs).weights_)

    def accuracy(weights: np.ndarray, k: int = 300) -> float:
        sampler = ImportanceResampling(n_samples=k, random_state=seed)
        drawn, labels = sampler.fit_resample(X, y, sample_weight=weights)
        return float(model.fit(drawn, labels).score(X_test, y_test))

    return {
        "mixed": mixed(0.8),
        "alpha 50%": mixed(0.5),
        "alpha 20%": mixed(0.2),
        "by quality": mixed(0.0),
        "by diversity": mixed(1.0),
        "at random": accuracy(uniform),
        "600 at random": accuracy(uniform, 600),
        "720 at random": accuracy(uniform, 720),
        "equal domains": accuracy(np.array([1 / sizes[d] for d in domains])),
    }


def test_accuracy_when_labels_are_noisy_then_above_random_rows_near_twice_as_many_and_equal_domains(claim):
    runs = [run(seed, noise=0.3) for seed in claim.seeds(SEEDS)]
    found = {way: np.array([r[way] for r in runs]) for way in runs[0]}
    mixed, plain, more, equal, quality = (
        found[way] for way in ("mixed", "at random", "600 at random", "equal domains", "by quality")
    )
    gains = mixed - plain
    claim.record(**found, gain=gains, gain_over_equal_domains=mixed - equal)
    assert gains.mean() - 2 * gains.std(ddof=1) / np.sqrt(SEEDS) > 0.015
    assert (gains > 0).mean() > 0.8
    assert abs((mixed - more).mean()) < 0.02
    assert abs((mixed - equal).mean()) < 0.02
    assert (mixed - quality).mean() > 0.04


def test_accuracy_when_labels_are_clean_then_above_random_rows_and_below_equal_domains(claim):
    runs = [run(seed, noise=0.0) for seed in claim.seeds(SEEDS)]
    mixed, plain, equal = (np.array([r[way] for r in runs]) for way in ("mixed", "at random", "equal domains"))
    claim.record(clean_gain=mixed - plain, clean_gain_over_equal_domains=mixed - equal)
    assert 0.01 < (mixed - plain).mean() < 0.04
    assert (mixed - equal).mean() < 0
