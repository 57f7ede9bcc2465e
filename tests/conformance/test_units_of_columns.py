"""The same rows in other units, grams for kilograms, are weighed, scored and predicted alike by every method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from ballast.errors import OverlapError
from ballast.methods.frame.catalogue import methods
from ballast.testing.cases import Case, cases_of
from ballast.testing.outcomes import outcome, shared
from ballast.testing.world import arguments, each

SCALES = np.array([2.0**10, 1.0, 2.0**-10])
CASES = [case for cls in methods().values() for case in cases_of(cls) if "X" in case.needs()]
BY_ROW = [case for case in CASES if case.cls.role in ("weigher", "scorer", "learner")]


def level(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or values.ndim > 1 or bool(np.ptp(values) <= 1e-3 * np.abs(values).max())


@pytest.mark.parametrize("case", BY_ROW, ids=[case.name for case in BY_ROW])
def test_numbers_by_row_when_columns_have_other_units_then_ranked_alike(case: Case):
    def scaled(name: str, value: Any) -> Any:
        return value * SCALES if name in ("X", "X_target") else value

    try:
        other = outcome(case, each(arguments(case), scaled)).rows
    except OverlapError:
        assert case.name == "positive_unlabelled"  # folds go by contents, and in these few rows some do not overlap
        return
    for name, values in shared(case).rows.items():
        if not (level(values) or level(other[name])):  # draws and folds go by contents, so that some numbers move
            assert float(spearmanr(values, other[name])[0]) >= 0.7, f"{name} goes by the columns' own units"
