"""The test for shifted class shares: its report, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.shift import PriorShift


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
