"""Label shift told from other shifts on three Gaussian classes, against a test that sees any shift."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.shift import ClassifierTwoSampleTest, LabelShiftGoodnessOfFit

pytestmark = pytest.mark.claim

CENTRES = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
EQUAL, SHIFTED = [1 / 3] * 3, [0.6, 0.3, 0.1]


def p_values(draws: range, spread: float = 1.0, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Gives the test's p-values, and those of one for any shift, where shares shift and classes spread or move."""
    rng = np.random.default_rng(0)

    def draw(p: list[float], spread: float = 1.0, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(3, 300, p=p)
        return CENTRES[y] + [moved, 0.0] + spread * rng.normal(size=(300, 2)), y

    found = []
    for _ in draws:
        (X, y), (X_target, _) = draw(EQUAL), draw(SHIFTED, spread=spread, moved=moved)
        any_shift = ClassifierTwoSampleTest(classifier=LogisticRegression())
        reports = LabelShiftGoodnessOfFit().test(X, y, X_target), any_shift.test(X, X_target)
        found.append([report.p_value for report in reports])
    own, baseline = np.array(found).T
    return own, baseline


def test_level_when_shares_alone_shift_then_held_where_a_test_for_any_shift_rejects(claim):
    own, baseline = p_values(claim.seeds(200, quick=10))
    claim.record(level=own <= 0.05, features=baseline <= 0.05)
    assert np.mean(own <= 0.05) < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(baseline <= 0.05) > 0.6


def test_power_when_classes_spread_wider_too_then_found(claim):
    own, _ = p_values(claim.seeds(200, quick=10), spread=1.5)
    claim.record(power=own <= 0.05)
    assert np.mean(own <= 0.05) > 0.6


def test_power_when_classes_move_to_where_another_lies_then_seldom_found(claim):
    own, _ = p_values(claim.seeds(200, quick=10), moved=0.5)
    claim.record(confused=own <= 0.05)
    assert np.mean(own <= 0.05) < 0.3  # a limit of the test, which its card states
