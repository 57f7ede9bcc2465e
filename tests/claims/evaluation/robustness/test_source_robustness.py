"""Sources with rules of their own, and shifts that break each: every source has its weakness, and mixes lie between."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, rotate
from sklearn.datasets import load_digits

from ballast.methods.evaluation import SourceRobustness

pytestmark = pytest.mark.claim

SEEDS = 10
PAIRS = (("a", "b"), ("a", "c"), ("b", "c"))


def drawn(rng: np.random.Generator, n: int, block: int, agree: float) -> tuple[np.ndarray, np.ndarray]:
    """Gives rows of five weak columns and three blocks of five, one of which follows the label, or breaks with it."""
    y = rng.integers(2, size=n)
    X = rng.normal(size=(n, 20))
    X[:, :5] += 0.3 * (2 * y - 1)[:, None]
    follows = np.where(rng.random(n) < agree, 2 * y - 1, 1 - 2 * y)
    X[:, 5 * (block + 1) : 5 * (block + 2)] += 0.6 * follows[:, None]
    return X, y


def run(seed: int) -> dict[str, float]:
    """Gives means over pairs, on the shifts that break either: below the better, above the worse, and over all."""
    rng = np.random.default_rng(seed)
    train = [drawn(rng, 1875, block, 0.95) for block in range(3)]
    shifts = [drawn(rng, 1000, block, 0.05) for block in range(3)]
    method = SourceRobustness(sizes=(), mixes=(0.5,), n_repeats=1, n_bootstrap=50, random_state=seed)
    found = method.assess(
        np.vstack([X for X, _ in train]),
        np.concatenate([y for _, y in train]),
        np.repeat(["a", "b", "c"], 1875),
        np.vstack([X for X, _ in shifts]),
        np.concatenate([y for _, y in shifts]),
        np.repeat(["breaks a", "breaks b", "breaks c"], 1000),
    )

    def gain(pair: tuple[str, str], over: str) -> float:
        first, second = sorted(pair)
        return found.value("accuracy", model=f"50% {first} + 50% {second}", versus=over, slice=f"breaks {pair[0]}")

    def over_all(metric: str) -> float:
        table = found.table
        return float(table.loc[(table["metric"] == metric) & (table["versus"] != ""), "value"].mean())

    broken = [(p, q) for pair in PAIRS for p, q in (pair, pair[::-1])]  # p's rule is broken, q's is not
    return {
        "over worse": float(np.mean([gain(s, s[0]) for s in broken])),
        "over better": float(np.mean([gain(s, s[1]) for s in broken])),
        "mean": over_all("mean_accuracy"),
        "worst": over_all("worst_accuracy"),
        "best own": float(np.mean([found.value("share_best", model=s, slice=f"breaks {s}") for s in "abc"])),
        "between": float(np.mean([v == "between" for m in method.verdicts_.values() for s, v in m.items()])),
    }


def test_mix_when_each_source_has_its_weakness_then_between_its_sources_and_better_at_worst(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    worse, better, mean, worst, own = (
        np.array([r[key] for r in runs]) for key in ("over worse", "over better", "mean", "worst", "best own")
    )
    assert (worse > 0.05).all()
    assert (better < -0.05).all()
    claim.record(over_worse=worse, over_better=better, mean=mean, worst=worst, best_own=own)
    assert -0.06 < mean.mean() < 0
    assert (worst > 0.05).all()
    assert own.max() < 0.05


LOOKS = {
    "plain": lambda image: image,
    "blurred": lambda image: gaussian_filter(image, 1.0),
    "inverted": lambda image: 1 - image,
    "moved": lambda image: np.roll(image, 2, axis=1),
    "mirrored": lambda image: image[:, ::-1],
    "turned": lambda image: rotate(image, 45, reshape=False, order=1),
}


def seen(X: np.ndarray, look: str) -> np.ndarray:
    return np.stack([LOOKS[look](x.reshape(8, 8)).ravel() for x in X])


def digits(seed: int) -> dict[str, float]:
    """Gives, of 300 digits of one look and of two, means over looks of neither; and of all looks together."""
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    X, y = np.asarray(X) / 16, np.asarray(y)
    order = rng.permutation(len(y))
    parts = {look: rng.choice(order[:1200], 375, replace=False) for look in LOOKS}
    test = order[1200:]
    method = SourceRobustness(sizes=(), mixes=(0.5,), n_repeats=1, n_bootstrap=50, random_state=seed)
    table = method.assess(
        np.vstack([seen(X[rows], look) for look, rows in parts.items()]),
        np.concatenate([y[rows] for rows in parts.values()]),
        np.repeat(list(LOOKS), 375),
        np.vstack([seen(X[test], look) for look in LOOKS]),
        np.tile(y[test], len(LOOKS)),
        np.repeat(list(LOOKS), len(test)),
    ).table
    against = table[table["versus"] != ""].groupby(["metric", "model", "slice"])["value"]
    best, worst = against.min(), against.max()  # over the better and the worse source
    verdicts = [v for by_shift in method.verdicts_.values() for v in by_shift.values()]
    return {
        "over better": best["accuracy"].mean(),
        "over worse": worst["accuracy"].mean(),
        "mean": best["mean_accuracy"].mean(),
        "worst": best["worst_accuracy"].mean(),
        "between": verdicts.count("between") / len(verdicts),
        "beats both": verdicts.count("beats both") / len(verdicts),
        "best": len(set(table[(table["metric"] == "share_best") & (table["value"] > 0.5)]["model"])),
    }


def test_mix_when_digits_look_otherwise_then_below_the_better_source_yet_often_above_both(claim):
    runs = [digits(seed) for seed in claim.seeds(5)]
    claim.record(**{f"digits {name}": [r[name] for r in runs] for name in runs[0]})
    assert all(r["over better"] < -0.015 for r in runs)
    assert all(r["over worse"] > 0.04 for r in runs)
    assert all(r["mean"] > 0.01 for r in runs)
    assert np.mean([r["worst"] for r in runs]) < 0
    assert all(r["between"] > 0.5 for r in runs)
    assert np.mean([r["beats both"] for r in runs]) > 0.1
    assert all(r["best"] == len(LOOKS) for r in runs)
