"""Intervals hold the truth in small samples of any weights; `make levels` measures the whole grid."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.levels.coverage import ACCURACIES, WEIGHTS, held, metrics_held


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("name", WEIGHTS)
def test_intervals_when_samples_are_small_then_held_about_as_often_as_the_level_says(name, accuracy):
    draws = 150
    one, difference = held(WEIGHTS[name], 30, accuracy, draws)
    assert one * draws >= binom.ppf(1e-4, draws, 0.95)
    assert difference * draws >= binom.ppf(1e-4, draws, 0.95)


@pytest.mark.parametrize("name", WEIGHTS)
def test_intervals_of_metrics_when_samples_are_small_then_held_about_as_often_as_the_level_says(name):
    draws = 150
    for sharpness in (1.0, 3.0):
        for metric, share in metrics_held(WEIGHTS[name], 30, sharpness, draws).items():
            assert share * draws >= binom.ppf(1e-4, draws, 0.93), metric  # skewed losses may fall short a little
