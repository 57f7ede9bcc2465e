"""Two rankers share their training data in an A/B test: the bias of their difference, by what each is trained on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ballast.methods.weights import ArmMembership

pytestmark = pytest.mark.claim

PERIODS, CANDIDATES, BONUS, RATE = 8, 5, 1.5, 0.5
SEEDS = 30
CLASSIFIERS = {
    "weighted": None,
    "weighted by trees": HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8, random_state=0),
}


def reward(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gives the rewards of items of two columns: curved, so that a linear model depends on the items it is given."""
    return x @ [1.0, 0.5] - x**2 @ [0.5, 0.3] + rng.standard_normal(x.shape[:-1])


def linear(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    columns = np.column_stack([np.ones(len(X)), X])
    weighted = weights[:, None] * columns
    return np.linalg.solve(columns.T @ weighted + 1e-3 * np.eye(3), weighted.T @ y)


def trained(X: np.ndarray, y: np.ndarray, treated: np.ndarray, how: str) -> list[np.ndarray]:
    """Gives the models of the control and of the treated arm."""
    if how in CLASSIFIERS:
        weighers = [ArmMembership(arm, RATE, CLASSIFIERS[how], n_folds=2) for arm in ("control", "treated")]
        weights = [weigher.fit(X, treated).ratio_ for weigher in weighers]
    else:
        weights = [np.ones(len(X)) if how == "pooled" else 1.0 * (treated == arm) for arm in (False, True)]
    return [linear(X, y, w) for w in weights]


def loop(n: int, how: str, rate: float, seed: int) -> float:
    """Gives the treated arm's mean reward less the control's over all periods; an arm without users counts as 0.

    Each period every user is shown the best of some candidates by the arm's model; the treated arm adds a bonus to the
    second column. The items shown and their rewards train the models of the next period.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    y, treated = reward(X, rng), rng.random(n) < rate
    means = np.zeros((PERIODS, 2))
    for period in range(PERIODS):
        control, treatment = trained(X, y, treated, how)
        candidates, arm = rng.standard_normal((n, CANDIDATES, 2)), rng.random(n) < rate
        bonus = candidates @ treatment[1:] + BONUS * candidates[..., 1]
        scores = np.where(arm[:, None], bonus, candidates @ control[1:])
        shown = candidates[np.arange(n), scores.argmax(axis=1)]
        rewards = reward(shown, rng)
        means[period] = [rewards[own].mean() if own.any() else 0.0 for own in (~arm, arm)]
        X, y, treated = np.concatenate([X, shown]), np.concatenate([y, rewards]), np.concatenate([treated, arm])
    return float((means[:, 1] - means[:, 0]).mean())


@cache
def truth(seeds: range) -> float:
    """Gives the difference of a world that is all treated from one that is all control."""
    return float(np.mean([loop(4000, "pooled", 1.0, seed) + loop(4000, "pooled", 0.0, seed) for seed in seeds]))


@cache
def errors(how: str, n: int, seeds: range) -> np.ndarray:
    return np.array([loop(n, how, RATE, 1000 + seed) for seed in seeds]) - truth(seeds[:15])


def of_ways(rows: str, **ways: np.ndarray) -> dict[str, np.ndarray | float]:
    """Gives what to record of each way's errors: themselves, and the root of their mean square."""
    squared = {f"{way}{rows}_error": float(np.sqrt(np.mean(values**2))) for way, values in ways.items()}
    return {f"{way}{rows}": values for way, values in ways.items()} | squared


def bounds(values: np.ndarray) -> tuple[float, float]:
    spread = 2 * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - spread, values.mean() + spread


def test_difference_when_models_are_trained_on_pooled_rows_then_biased_and_weights_remove_most_of_it(claim):
    pooled, weighted = (errors(how, 200, claim.seeds(SEEDS)) for how in ("pooled", "weighted"))
    split = errors("split", 200, claim.seeds(SEEDS))
    claim.record(
        truth=truth(claim.seeds(SEEDS)[:15]),
        **of_ways("", pooled=pooled, split=split, weighted=weighted),
    )
    assert bounds(pooled)[1] < -0.02
    assert bounds(weighted - pooled)[0] > 0.03
    assert abs(weighted.mean()) < 0.5 * abs(pooled.mean())


def test_difference_when_rows_are_many_then_a_rigid_classifier_leaves_more_bias_than_the_arms_own_rows(claim):
    split, weighted = (errors(how, 1000, claim.seeds(15)) for how in ("split", "weighted"))
    claim.record(**of_ways("_many", split=split, weighted=weighted))
    assert bounds(split)[0] < 0.005
    assert bounds(weighted)[0] > 0.005, "the weights' bias now goes away: tell the card"


def test_difference_when_rows_are_many_and_the_classifier_is_flexible_then_hardly_any_bias_is_left(claim):
    ways = ("weighted by trees", "pooled", "weighted", "split")
    left, pooled, weighted, split = (errors(how, 1000, claim.seeds(15)) for how in ways)
    claim.record(**of_ways("_many", trees=left, pooled=pooled))
    assert abs(left.mean()) < 0.4 * abs(pooled.mean())
    assert bounds(weighted - left)[0] > 0.005
    assert np.mean(left**2) < 1.1 * np.mean(split**2) < np.mean(weighted**2)
