"""The test for shifted class shares: its level, its power, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.errors import DataError
from ballast.methods.shift import PriorShift

CENTRES = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])


def rejections(shares: list[float], draws: int = 200) -> float:
    """Gives the share of draws in which 300 rows of equal shares and 300 of the given ones are told apart."""
    rng = np.random.default_rng(0)

    def draw(p: list[float], n: int = 300) -> tuple[np.ndarray, np.ndarray]:
        y = rng.choice(3, n, p=p)
        return CENTRES[y] + rng.normal(size=(n, 2)), y

    model = LogisticRegression().fit(*draw([1 / 3] * 3, 1000))
    found = [
        PriorShift().test(*(model.predict_proba(draw(p)[0]) for p in ([1 / 3] * 3, shares))).rejected
        for _ in range(draws)
    ]
    return float(np.mean(found))


def test_rejections_when_shares_are_the_same_then_at_the_level_and_when_shifted_then_nearly_always():
    assert 0.005 < rejections([1 / 3] * 3) < 0.08
    assert rejections([0.6, 0.3, 0.1], draws=60) > 0.8


def test_report_when_classes_are_named_then_says_which_has_moved():
    rng = np.random.default_rng(0)
    probs, target = rng.dirichlet([2, 2, 2], 500), rng.dirichlet([2, 4, 2], 500)
    report = PriorShift().test(probs, target, classes=np.array(["cat", "dog", "eel"]))
    largest = report.table.iloc[:-1].sort_values("effect_size")["feature"].iloc[-1]
    assert largest == "dog"


def test_classes_when_two_then_one_is_tested():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([1, 1], 100)
    assert list(PriorShift().test(probs, probs).table["feature"]) == ["class 1", "(all)"]


def test_probs_when_of_one_column_then_refused():
    with pytest.raises(DataError, match=r"probs has 1 column for 5 rows"):
        PriorShift().test(np.ones((5, 1)), np.ones((5, 1)))
