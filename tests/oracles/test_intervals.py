"""Intervals of shares and of areas against figures in print."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.evaluation import TreatmentEffect
from ballast.methods.evaluation.ranking import auroc
from ballast.methods.evaluation.shares import of_share


@pytest.mark.parametrize(
    ("hits", "n", "wilson", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_share_when_of_newcombes_examples_then_his_intervals(hits, n, wilson, exact):
    """Newcombe, Two-Sided Confidence Intervals for the Single Proportion, Statistics in Medicine 1998, table I."""
    right = np.arange(n) < hits
    assert of_share(right, np.ones(n), 0.95) == pytest.approx(wilson, abs=6e-5)
    nearly_equal = 1 + 1e-9 * np.arange(n)  # Korn and Graubard's interval is Clopper and Pearson's there
    assert of_share(right, nearly_equal, 0.95) == pytest.approx(exact, abs=6e-5)


NORMAL, ABNORMAL = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
"""109 images by a reader's rating: Hanley and McNeil, The Meaning and Use of the Area under a ROC Curve, 1982."""


def test_area_when_of_hanley_and_mcneils_ratings_then_theirs_and_the_error_by_delong_that_stata_prints():
    """Stata's manual, ``roctab disease rating``: 0.8932, standard error 0.0307, interval 0.83295 to 0.95339."""
    ratings = np.concatenate([np.repeat(np.arange(5), NORMAL), np.repeat(np.arange(5), ABNORMAL)])
    codes = np.repeat([0, 1], [58, 51])
    area = auroc(codes, np.column_stack([1 - ratings / 5, ratings / 5]), np.ones(109))
    error = np.sqrt(sum((area.influence[codes == k] ** 2).sum() * m / (m - 1) for k, m in ((0, 58), (1, 51))))
    assert (area.value, error) == pytest.approx((0.8932, 0.0307), abs=5e-5)
    assert area.value + 1.959964 * error * np.array([-1, 1]) == pytest.approx([0.83295, 0.95339], abs=1e-5)


def test_effect_when_of_students_sleep_data_then_his_difference_and_welchs_interval():
    """Student, The Probable Error of a Mean, 1908; the interval as R's ``t.test(extra ~ group, data = sleep)``."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    table = TreatmentEffect().assess(np.repeat([1, 0], 10), np.array(first + second)).table.set_index("metric")
    effect = table.loc["effect"]
    assert (effect["value"], effect["low"], effect["high"]) == pytest.approx((-1.58, -3.3654832, 0.2054832), abs=1e-6)
