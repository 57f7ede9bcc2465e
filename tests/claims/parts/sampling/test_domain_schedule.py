"""Domains of very different sizes, drawn by a schedule, beside weights of the same objective and other schedules."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.learners import DomainMLP, TorchMLP
from ballast.methods.parts import DomainSchedule
from ballast.methods.weights import DomainTemperature

pytestmark = pytest.mark.claim

SEEDS = 8
NAMES = np.array(list("abcd"))
PROPORTIONAL = DomainSchedule(temperature=1)
EVEN = DomainSchedule(last_temperature=5)

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def world(seed: int, sizes: list[int]) -> tuple[Rows, Rows]:
    """Gives training rows of four domains, whose rules are alike but not the same, and 1,000 test rows of each."""
    rng = np.random.default_rng(seed)
    rules = rng.normal(size=30) + rng.normal(size=(4, 30))
    rules *= 3 / np.linalg.norm(rules, axis=1, keepdims=True)

    def draw(sizes: list[int]) -> Rows:
        domain = np.repeat(np.arange(4), sizes)
        X = rng.normal(size=(len(domain), 30))
        odds = 1 / (1 + np.exp(-(X * rules[domain]).sum(axis=1)))
        return np.hstack([X, np.eye(4)[domain]]), (rng.random(len(domain)) < odds).astype(int), NAMES[domain]

    return draw(sizes), draw([1000] * 4)


def losses(data: tuple[Rows, Rows], sampling: DomainSchedule | None, epochs: int, rate: float = 1e-3) -> np.ndarray:
    """Gives the test log-loss of each domain; without a schedule rows weigh what one of temperature 5 would draw."""
    (X, y, groups), (X_test, y_test, test_groups) = data
    settings = {"batch_size": 32, "max_epochs": epochs, "patience": None, "learning_rate": rate, "device": "cpu"}
    if sampling is None:
        model = TorchMLP(**settings).fit(X, y, DomainTemperature(5).fit(groups).weights_)
    else:
        model = DomainMLP(sampling=sampling, **settings).fit(X, y, groups)
    found = -np.log(model.predict_proba(X_test)[np.arange(len(y_test)), y_test])
    return np.array([found[test_groups == name].mean() for name in NAMES])


def lower_bound(differences: np.ndarray) -> float:
    """Gives the mean less two standard errors."""
    return float(differences.mean() - 2 * differences.std(ddof=1) / np.sqrt(len(differences)))


def first_epoch(seed: int) -> list[float]:
    """Gives the mean loss by draws, by weights of the same objective, and in proportion; the rate suits all three."""
    data = world(seed, [8000, 1000, 200, 60])
    return [losses(data, sampling, 1, 3e-3).mean() for sampling in (EVEN, None, PROPORTIONAL)]


def test_loss_when_domains_are_drawn_nearly_evenly_then_lower_early_than_by_weights_or_in_proportion(claim):
    drawn, weighed, proportional = np.array([first_epoch(seed) for seed in claim.seeds(SEEDS, quick=1)]).T
    claim.record(early_drawn=drawn, early_weighed=weighed, early_proportional=proportional, early_gain=weighed - drawn)
    assert lower_bound(weighed - drawn) > 0.01
    assert lower_bound(proportional - drawn) > 0.02


def whole_run(seed: int) -> np.ndarray:
    """Gives the domains' losses after eight epochs: nearly even, cooled down, in proportion; and even, after one."""
    data = world(seed, [8000, 1000, 200, 60])
    ends = [losses(data, sampling, 8) for sampling in (EVEN, DomainSchedule(), PROPORTIONAL)]
    return np.array([*ends, losses(data, EVEN, 1, 3e-3)])


def test_loss_when_cooled_down_then_far_below_even_draws_at_the_end_and_near_proportional_or_stopped_ones(claim):
    even, cooled, proportional, stopped = np.array([whole_run(s) for s in claim.seeds(SEEDS, quick=1)]).swapaxes(0, 1)
    claim.record(
        even=even.mean(axis=1),
        cooled=cooled.mean(axis=1),
        proportional=proportional.mean(axis=1),
        stopped=stopped.mean(axis=1),
        gain=(even - cooled).mean(axis=1),
        gain_over_proportional=(proportional - cooled).mean(axis=1),
        smallest_gain=(even - cooled)[:, 3],
    )
    assert lower_bound((even - cooled)[:, 3]) > 0.05, "the smallest domain is no longer learned by heart"
    assert lower_bound((even - cooled).mean(axis=1)) > 0.02
    assert abs((proportional - cooled).mean()) < 0.03
    assert abs((stopped - cooled).mean()) < 0.03, "to cool down is no longer as good as to stop early: tell the card"


BASE = {"a": 0.94, "b": 0.02, "c": 0.02, "d": 0.02}
UPSAMPLED = {"a": 0.4, "b": 0.2, "c": 0.2, "d": 0.2}
LAST_FIFTH = DomainSchedule(temperature=1, shares=BASE, factors=dict.fromkeys("bcd", 23.5), switch=0.8)
THROUGHOUT = DomainSchedule(temperature=1, shares=UPSAMPLED)
SPREAD = DomainSchedule(temperature=1, shares={name: 0.8 * BASE[name] + 0.2 * UPSAMPLED[name] for name in BASE})


def upsampled(seed: int, rows: int, schedules: list[DomainSchedule]) -> np.ndarray:
    """Gives the (general, mean target) loss by schedule, with so many rows of each of three target domains."""
    data = world(seed, [6000, rows, rows, rows])
    found = np.array([losses(data, schedule, 5) for schedule in schedules])
    return np.column_stack([found[:, 0], found[:, 1:].mean(axis=1)])


def test_loss_when_small_domains_are_upsampled_at_the_end_then_lower_than_throughout_and_at_less_cost(claim):
    schedules = [DomainSchedule(temperature=1, shares=BASE), LAST_FIFTH, THROUGHOUT, SPREAD]
    runs = np.array([upsampled(s, 120, schedules) for s in claim.seeds(SEEDS, quick=1)])
    none, last, throughout, spread = runs.swapaxes(0, 1)
    claim.record(
        target_last=last[:, 1],
        target_gain=(none - last)[:, 1],
        target_gain_over_throughout=(throughout - last)[:, 1],
        general_gain_over_throughout=(throughout - last)[:, 0],
        target_gain_over_spread=(spread - last)[:, 1],
    )
    assert lower_bound((none - last)[:, 1]) > 0.02
    assert lower_bound((throughout - last)[:, 1]) > 0
    assert lower_bound((throughout - last)[:, 0]) > 0.005
    assert lower_bound((spread - last)[:, 1]) > 0


def test_loss_when_the_domains_have_more_rows_then_upsampling_throughout_is_better(claim):
    runs = np.array([upsampled(s, 400, [LAST_FIFTH, THROUGHOUT]) for s in claim.seeds(SEEDS, quick=1)])
    last, throughout = runs.swapaxes(0, 1)
    claim.record(more_rows_loss=(last - throughout)[:, 1])
    assert lower_bound((last - throughout)[:, 1]) > 0.02
