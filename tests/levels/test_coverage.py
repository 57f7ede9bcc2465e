"""Intervals of accuracy hold it in small samples of any weights; `make levels` measures the whole grid."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.levels.coverage import ACCURACIES, WEIGHTS, held


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("name", WEIGHTS)
def test_intervals_when_samples_are_small_then_held_about_as_often_as_the_level_says(name, accuracy):
    draws = 150
    one, difference = held(WEIGHTS[name], 30, accuracy, draws)
    assert one * draws >= binom.ppf(1e-4, draws, 0.95)
    assert difference * draws >= binom.ppf(1e-4, draws, 0.95)
