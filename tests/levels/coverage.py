"""Measures how often intervals hold the truth, over sizes and weights: docs/coverage.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from ballast.errors import OverlapError
from ballast.methods.evaluation.effects.linearised import ArmMeans
from ballast.methods.evaluation.judged import Judged
from ballast.methods.evaluation.shares import Interval, kish, of_difference, of_share
from ballast.methods.weights import ArmBalancing, CovariateBalancingPropensity, InversePropensity

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
LEVEL, DRAWS = 0.95, 2000
SIZES = (10, 30, 100, 1000)
ACCURACIES = (0.5, 0.9, 0.99, 0.999)
REDRAWN, LOST = 0.3, 0.1
WEIGHTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "none": lambda rng, n: np.ones(n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
}
WEIGHERS: dict[str, Callable[[], Any]] = {
    "inverse_propensity": lambda: InversePropensity(),
    "inverse_propensity, att": lambda: InversePropensity(estimand="att"),
    "inverse_propensity, overlap": lambda: InversePropensity(estimand="overlap"),
    "covariate_balancing_propensity": lambda: CovariateBalancingPropensity(estimand="ate"),
    "arm_balancing": lambda: ArmBalancing(),
    "arm_balancing, att": lambda: ArmBalancing(estimand="att"),
}
HEAD = f"""# Coverage of the intervals

For whoever leans on an interval: how often it holds the truth. The page is made by `make levels`.

## Accuracy

How often a {100 * LEVEL:.0f} % interval holds the truth, in percent of {DRAWS} samples: of the accuracy of a model
(`classification_metrics`) and, behind the slash, of its paired difference from another (`compare_models`) that is right
{100 * LOST:.0f} % less often on the {100 * REDRAWN:.0f} % of the rows where its predictions are its own. Chance moves a
figure by up to 1 or so. Where rows weigh the same, Wilson's interval holds at its level on average over accuracies; at
a single one near 1 it may fall to 89, since the number of wrong rows is whole. Where weights differ, the intervals hold
at least at their level.
"""
METRICS = ("log_loss", "brier", "macro_f1", "auroc", "expected_calibration_error")
METRIC_DRAWS = 500
METRICS_HEAD = f"""
## Other metrics

How often a {100 * LEVEL:.0f} % interval of `classification_metrics` holds the metric of the population, in percent of
{METRIC_DRAWS} samples, of a calibrated model and, behind the slash, of one whose log odds are three times too large.
Chance moves a figure by up to 2. Log loss and Brier score are resampled, macro F1 and the calibration error are not.
"""
EFFECT_SIZES = (40, 100, 500)
EFFECT_DRAWS = 500
EFFECTS_HEAD = f"""
## Effects of a treatment

How often a {100 * LEVEL:.0f} % interval of `treatment_effect` holds the average effect on all rows, or on the treated
(att) or the overlap, in percent of {EFFECT_DRAWS} samples, and behind the slash its median width as a multiple of what
the spread of the estimates asks for. Treated is who two columns make likely, with a slope of 1. Chance moves a figure
by up to 2.
"""


KNOWN_SIZES, SLOPES = (100, 300, 1000), (0.5, 1.0, 1.5, 2.0, 3.0)
KNOWN_HEAD = f"""
## Effects under known weights

The same with the true inverse probabilities for weights, by how steeply these rise with the column that moves the
outcome most, in {EFFECT_DRAWS} samples; behind the slash the median effective share of the arm that has less. Where
few rows carry an arm, rows that would weigh as much are missing more often than not, and no interval of the rows that
are there can know: `treatment_effect` warns, and says `interval_held_in_simulations`.
"""


def page() -> str:
    """Gives the page, a table for each kind of weights."""
    text = HEAD
    for name, weights in WEIGHTS.items():
        text += f"\n### Weights: {name}\n\n| n | " + " | ".join(f"accuracy {a}" for a in ACCURACIES) + " |\n"
        text += "|---" * (1 + len(ACCURACIES)) + "|\n"
        for n in SIZES:
            cells = [held(weights, n, accuracy, DRAWS) for accuracy in ACCURACIES]
            text += f"| **{n}** | " + " | ".join(f"{100 * one:.1f} / {100 * two:.1f}" for one, two in cells) + " |\n"
    return text + _metrics() + _effects() + _known()


def _metrics() -> str:
    text = METRICS_HEAD
    for name, weights in WEIGHTS.items():
        text += f"\n### Weights: {name}\n\n| n | " + " | ".join(METRICS) + " |\n" + "|---" * (1 + len(METRICS)) + "|\n"
        for n in SIZES:
            sure, too_sure = (metrics_held(weights, n, sharpness, METRIC_DRAWS) for sharpness in (1.0, 3.0))
            cells = [f"{100 * sure[metric]:.1f} / {100 * too_sure[metric]:.1f}" for metric in METRICS]
            text += f"| **{n}** | " + " | ".join(cells) + " |\n"
            print(name, n, cells, flush=True)
    return text


def _effects() -> str:
    text = EFFECTS_HEAD + "\n| n | " + " | ".join(WEIGHERS) + " |\n" + "|---" * (1 + len(WEIGHERS)) + "|\n"
    for n in EFFECT_SIZES:
        cells = [effects_held(weigher, n, EFFECT_DRAWS) for weigher in WEIGHERS.values()]
        text += f"| **{n}** | " + " | ".join(f"{100 * share:.1f} / {width:.2f}" for share, width in cells) + " |\n"
        print(n, cells, flush=True)
    return text


def _known() -> str:
    text = KNOWN_HEAD + "\n| n | " + " | ".join(f"slope {slope:g}" for slope in SLOPES) + " |\n"
    text += "|---" * (1 + len(SLOPES)) + "|\n"
    for n in KNOWN_SIZES:
        cells = [known_held(n, slope, EFFECT_DRAWS) for slope in SLOPES]
        text += f"| **{n}** | " + " | ".join(f"{100 * held:.1f} / {share:.2f}" for held, share in cells) + " |\n"
        print(n, cells, flush=True)
    return text


def metrics_held(
    weights: Callable[[np.random.Generator, int], np.ndarray], n: int, sharpness: float, draws: int
) -> dict[str, float]:
    """Gives the shares of samples of n rows whose intervals hold the metrics of the population."""
    truth, found = _judged(np.random.default_rng(0), 400_000, sharpness, None), dict.fromkeys(METRICS, 0.0)
    whole = truth.values | {"expected_calibration_error": 0.0 if sharpness == 1 else truth.calibration(15).value}
    rng = np.random.default_rng([n, round(10 * sharpness)])
    for _ in range(draws):
        own = _judged(rng, n, sharpness, weights)
        ends = own.intervals(200, LEVEL, rng) | {"expected_calibration_error": own.calibration(15).interval(LEVEL)}
        for metric in METRICS:
            found[metric] += _holds(ends[metric], whole[metric]) / draws
    return found


def _judged(
    rng: np.random.Generator,
    n: int,
    sharpness: float,
    weights: Callable[[np.random.Generator, int], np.ndarray] | None,
) -> Judged:
    """Gives n rows of two classes, both there, whose log odds are a normal's double, and what a model says of them."""
    x = rng.standard_normal(n)
    codes = (rng.random(n) < expit(2 * x)).astype(int)
    codes[:2] = (0, 1) if len(np.unique(codes)) < 2 else codes[:2]
    p = expit(2 * sharpness * x)
    return Judged(codes, np.column_stack([1 - p, p]), np.ones(n) if weights is None else weights(rng, n))


def effects_held(weigher: Callable[[], Any], n: int, draws: int) -> tuple[float, float]:
    """Gives the share of samples of n rows whose intervals hold the effect, and their width over what it need be."""
    rng, found = np.random.default_rng(n), []
    while len(found) < draws:
        X = rng.standard_normal((n, 2))
        treated = rng.random(n) < expit(X[:, 0])
        outcome = 2 * X[:, 0] + X[:, 1] + treated + rng.standard_normal(n)
        try:
            fitted = weigher().fit(X, treatment=treated)
        except OverlapError:  # a sample that columns separate has no such weights
            continue
        fit = fitted.influence(X=X, treatment=treated)
        means = ArmMeans(outcome, treated.astype(int), fitted.weights_, fit.gradient, fit.influence)
        value = float(means.means[1] - means.means[0])
        found.append([value, *means.error(np.array([-1.0, 1.0])).interval(value, LEVEL)])
    values, low, high = np.transpose(found)
    need = 3.92 * np.ptp(np.quantile(values, [0.16, 0.84])) / 2
    return float(np.mean((low <= 1) & (high >= 1))), float(np.median(high - low) / need)


def known_held(n: int, slope: float, draws: int) -> tuple[float, float]:
    """Gives the share of samples of n rows whose intervals hold the effect, and the lesser effective share."""
    rng, found = np.random.default_rng([n, round(10 * slope)]), []
    while len(found) < draws:
        X = rng.standard_normal((n, 2))
        likely = expit(slope * X[:, 0])
        treated = rng.random(n) < likely
        if min(treated.sum(), (~treated).sum()) < 3:
            continue
        outcome = 2 * X[:, 0] + X[:, 1] + treated + rng.standard_normal(n)
        weights = 1 / np.where(treated, likely, 1 - likely)
        means = ArmMeans(outcome, treated.astype(int), weights)
        value = float(means.means[1] - means.means[0])
        low, high = means.error(np.array([-1.0, 1.0])).interval(value, LEVEL)
        shares = [kish(weights[arm]) / arm.sum() for arm in (treated, ~treated)]
        found.append([low <= 1 <= high, min(shares)])
    return float(np.mean(found, axis=0)[0]), float(np.median(found, axis=0)[1])


def held(
    weights: Callable[[np.random.Generator, int], np.ndarray], n: int, accuracy: float, draws: int
) -> tuple[float, float]:
    """Gives the shares of samples of n rows whose intervals hold the accuracy, and the difference."""
    rng, found = np.random.default_rng([n, round(1000 * accuracy)]), np.zeros(2)
    for _ in range(draws):
        first, weight = rng.random(n) < accuracy, weights(rng, n)
        second = np.where(rng.random(n) < REDRAWN, rng.random(n) < (1 - LOST) * accuracy, first)
        found += [
            _holds(of_share(first, weight, LEVEL), accuracy),
            _holds(of_difference(first, second, weight, LEVEL), -REDRAWN * LOST * accuracy),
        ]
    return float(found[0]) / draws, float(found[1]) / draws


def _holds(ends: Interval, truth: float) -> bool:
    return ends[0] <= truth <= ends[1]
