"""Greatest common divisors by a small network: what the law of the outcomes in training does to those learned."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ballast.methods.learners import TorchMLP
from ballast.methods.sampling import ImportanceResampling
from ballast.methods.weights import LogUniformTarget

pytestmark = pytest.mark.claim

SEEDS, ROWS, BASE, DIGITS = 8, 20_000, 12, 4
OUTCOMES = np.arange(1, 31)
LEARNED = 0.95


def examples(outcomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gives pairs of numbers with these greatest common divisors, as one column a digit's value."""
    pairs, missing = np.zeros((len(outcomes), 2), dtype=np.int64), np.arange(len(outcomes))
    while len(missing):
        factors = rng.integers(1, (BASE**DIGITS - 1) // outcomes[missing][:, None] + 1, (len(missing), 2))
        pairs[missing] = factors * outcomes[missing][:, None]
        missing = missing[np.gcd(*factors.T) > 1]
    digits = pairs[:, :, None] // BASE ** np.arange(DIGITS) % BASE
    return np.eye(BASE, dtype=np.float32)[digits].reshape(len(outcomes), -1)


def drawn(exponent: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Gives n fresh examples whose outcomes follow the law."""
    law = LogUniformTarget(exponent, over="value").fit(OUTCOMES)
    outcomes = rng.choice(law.classes_, n, p=law.shares_)
    return examples(outcomes, rng), outcomes


@cache
def run(seed: int, way: str) -> tuple[int, float, float]:
    """Gives the outcomes learned, the recall averaged over outcomes and the accuracy under the natural law."""
    rng = np.random.default_rng(seed)
    tested = np.repeat(OUTCOMES, 100)
    balanced, natural = (examples(tested, rng), tested), drawn(2, 3000, rng)
    X, y = drawn(float(way) if way in ("0", "1") else 2, ROWS, rng)
    weights = LogUniformTarget(1, over="value").fit(y).weights_
    if way == "resampled":
        sampler = ImportanceResampling(random_state=seed)
        sampler.fit_resample(X, y, sample_weight=weights)
        X, y = X[sampler.sample_indices_], y[sampler.sample_indices_]
    net = TorchMLP((128, 128), "classification", learning_rate=3e-3, batch_size=256, max_epochs=8, patience=None)
    net.set_params(random_state=seed, device="cpu").fit(X, y, sample_weight=weights if way == "weighted" else None)
    right = (net.predict(balanced[0]) == balanced[1]).reshape(len(OUTCOMES), -1).mean(axis=1)
    return int((right > LEARNED).sum()), float(right.mean()), float(np.mean(net.predict(natural[0]) == natural[1]))


def gain(seeds: range, way: str, over: str) -> np.ndarray:
    """Gives (seeds, 2): by how many outcomes, and how much mean recall, one way is ahead of another."""
    return np.array([np.subtract(run(seed, way)[:2], run(seed, over)[:2]) for seed in seeds])


def bounds(values: np.ndarray) -> tuple[float, float]:
    spread = 2 * values.std(ddof=1) / np.sqrt(SEEDS)
    return values.mean() - spread, values.mean() + spread


@pytest.mark.parametrize("other", ["2", "0"], ids=["natural", "balanced"])
def test_outcomes_when_rows_are_generated_log_uniformly_then_more_are_learned(other, claim):
    seeds = claim.seeds(SEEDS, quick=1)
    gained = gain(seeds, "1", other)
    figures = {f"more_than_{other}": gained[:, 0]}
    for way in ("1", other):
        figures |= {
            f"learned_{way}": [run(s, way)[0] for s in seeds],
            f"natural_{way}": [run(s, way)[2] for s in seeds],
        }
    claim.record(**figures)
    low, _ = bounds(gained[:, 0])
    assert low > 1
    if other == "0":
        accuracies = np.array([[run(seed, way)[2] for way in ("2", "1", "0")] for seed in seeds]).mean(axis=0)
        assert accuracies[1] > accuracies[0] - 0.05
        assert accuracies[2] < 0.3, "balance no longer costs the natural accuracy: tell the card"


@pytest.mark.parametrize("way", ["weighted", "resampled"])
def test_outcomes_when_a_pool_is_weighted_or_resampled_then_fewer_are_learned(way, claim):
    seeds = claim.seeds(SEEDS, quick=1)
    gained, own = gain(seeds, way, "2"), np.array([run(seed, way) for seed in seeds])
    figures = {way: gained[:, 0], f"{way}_recall": gained[:, 1]}
    claim.record(**figures, **{f"learned_{way}": own[:, 0], f"natural_{way}": own[:, 2]})
    _, high = bounds(gained[:, 0])
    assert high < -1, "a pool's weights no longer cost outcomes: tell the card"
    assert abs(gained[:, 1].mean()) < 0.05, "while the mean recall hardly moves"
