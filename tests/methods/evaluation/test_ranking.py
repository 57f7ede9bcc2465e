"""Intervals of areas under the ROC curve against DeLong's written out by pairs, and the coverage they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom, norm, ttest_ind

from ballast.methods.evaluation.ranking import Area, auroc

LEVEL = 0.95


def area_of(codes: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> Area:
    return auroc(codes, np.column_stack([-scores, scores]), np.ones(len(codes)) if weight is None else weight)


def placements(codes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each positive's share of negatives below it, and each negative's of positives above it, pair by pair."""
    apart = scores[codes == 1][:, None] - scores[codes == 0]
    won = (apart > 0) + 0.5 * (apart == 0)
    return won.mean(axis=1), won.mean(axis=0)


def ranked(seed: int, n: int, share: float, area: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and the scores of two models with that area and a lower one."""
    rng = np.random.default_rng([seed, n])
    codes, noise = (rng.random(n) < share).astype(int), rng.standard_normal((2, n))
    codes[:2] = [0, 1]
    apart = np.sqrt(2) * norm.ppf(area) * codes
    return codes, noise[0] + apart, 0.7 * noise[0] + 0.7 * noise[1] + 0.5 * apart


def test_area_when_rows_weigh_the_same_then_its_interval_is_delongs_on_the_logit():
    codes, scores, _ = ranked(0, 60, 0.4, 0.8)
    above, below = placements(codes, scores.round(1))
    area = area_of(codes, scores.round(1))
    assert area.value == pytest.approx(above.mean())
    # Welch's standard error and degrees of the two means of placements are those of the area.
    welch = ttest_ind(above, -below, equal_var=False)
    error = np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    half = welch.confidence_interval(LEVEL).high - (above.mean() + below.mean())
    assert half > 1.96 * error
    expected = expit(logit(above.mean()) + half / (above.mean() * (1 - above.mean())) * np.array([-1, 1]))
    assert area.interval(LEVEL) == pytest.approx(tuple(expected))
    assert area_of(codes, scores.round(1), np.full(60, 7.0)).interval(LEVEL) == pytest.approx(tuple(expected))


def test_difference_of_areas_when_paired_then_its_interval_is_delongs():
    codes, better, worse = ranked(1, 80, 0.5, 0.85)
    first, second = area_of(codes, worse), area_of(codes, better)
    above, below = (of - other for of, other in zip(placements(codes, better), placements(codes, worse), strict=True))
    welch = ttest_ind(above, -below, equal_var=False).confidence_interval(LEVEL)
    half = (welch.high - welch.low) / 2
    gain = above.mean()
    assert second.difference(first, LEVEL) == pytest.approx((gain - half, gain + half))


def test_area_when_the_rows_are_ranked_without_fault_then_the_low_end_is_the_least_that_scores_allow():
    codes = np.repeat([0, 1], [30, 12])
    low, high = area_of(codes, codes.astype(float)).interval(LEVEL)
    assert high == 1.0
    more = (21 - 1) * ((1 - low) / (2 - low) + low / (1 + low))
    assert (1 - low) ** 2 == pytest.approx(1.959964**2 * low * (1 - low) * (1 + more) / (30 * 12), rel=1e-5)
    turned = area_of(codes, -codes.astype(float)).interval(LEVEL)
    assert turned[0] == 0.0
    assert turned[1] < 0.2


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scores", ["perfect", "constant", "same", "of one positive"])
def test_areas_when_rows_show_no_spread_then_neither_interval_is_without_width(scores, weighted):
    rng = np.random.default_rng(0)
    codes = np.arange(40) % 2 if scores != "of one positive" else (np.arange(40) == 7).astype(int)
    values = {"perfect": codes * 1.0, "constant": np.zeros(40)}.get(scores, rng.standard_normal(40))
    area = area_of(codes, values, rng.exponential(size=40) if weighted else None)
    low, high = area.interval(LEVEL)
    assert 0 <= low <= area.value <= high <= 1
    assert high - low > 0.05
    low, high = area.difference(area, LEVEL)
    assert low < -0.05 < 0.05 < high


@pytest.mark.parametrize("kind", ["equal", "exponential"])
@pytest.mark.parametrize("area", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize(("n", "share"), [(20, 0.5), (100, 0.5), (200, 0.1)])
def test_area_when_samples_repeat_then_it_is_held_about_as_often_as_the_level_says(n, share, area, kind):
    draws, held = 200, 0
    for seed in range(draws):
        codes, scores, _ = ranked(seed, n, share, area)
        weight = np.ones(n) if kind == "equal" else np.random.default_rng(seed).exponential(size=n)
        low, high = area_of(codes, scores, weight).interval(LEVEL)
        held += low <= area <= high
    # At 0.99, where few pairs are ranked wrong, no interval of few positives is held in more than about 0.9.
    assert held >= binom.ppf(1e-4, draws, 0.9 if area == 0.99 else LEVEL)
