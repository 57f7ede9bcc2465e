"""What the tests that go column by column share: which columns, the correction for many tests, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from ballast.errors import DataError, nearest
from ballast.methods.frame.base import Test
from ballast.methods.frame.parameters import Level
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS, TestReport
from ballast.words import plural

Multiplicity = Literal["holm", "benjamini_hochberg"]


@dataclass(frozen=True)
class ColumnResult:
    """One column's test; ``p_value`` is NaN, and ``effect`` says why, where the column could not be tested."""

    feature: str
    statistic: float
    p_value: float
    effect_size: float
    effect: str

    @classmethod
    def untested(cls, feature: object, reason: str) -> ColumnResult:
        return cls(str(feature), float("nan"), float("nan"), float("nan"), f"not tested: {reason}")


def is_numeric(column: pd.Series) -> bool:
    """True for real numbers of any width; booleans count as categories."""
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column) and column.dtype.kind != "c")


def is_categorical(column: pd.Series) -> bool:
    """True for booleans, categoricals, strings and other objects."""
    kinds = pd.api.types
    return bool(
        kinds.is_bool_dtype(column)
        or kinds.is_object_dtype(column)
        or kinds.is_string_dtype(column)
        or isinstance(column.dtype, pd.CategoricalDtype)
    )


def check_same_columns(table: pd.DataFrame, target: pd.DataFrame, chosen: Sequence[str], owner: str) -> None:
    """Raises DataError for a chosen column that the target lacks, or that changed between number and category."""
    for column in chosen:
        if column not in target.columns:
            raise DataError(
                f"{owner}: table_target has no column {column!r}{nearest(column, target.columns)} "
                f"(its columns: {', '.join(map(str, target.columns))})"
            )
        if is_numeric(table[column]) != is_numeric(target[column]) and not target[column].isna().all():
            raise DataError(
                f"{owner}: column {column!r} is {table[column].dtype} in table but {target[column].dtype} in "
                "table_target; give both the same type"
            )


class ColumnTest(Test):
    """Base of tests that go column by column, and correct for the number of columns.

    Attributes
    ----------
    wanted : in words, which columns it tests, and what to use for others.
    """

    wanted: ClassVar[str]

    def __init__(self, alpha: Level = 0.05, multiplicity: Multiplicity = "holm") -> None:
        self.alpha = alpha
        self.multiplicity: Multiplicity = multiplicity

    @staticmethod
    def suits(column: pd.Series) -> bool:
        """Says whether the test is for a column such as this."""
        raise NotImplementedError

    def compare(self, name: object, column: pd.Series, target: pd.Series) -> ColumnResult:
        """Tests one column (n,) against the target's (m,)."""
        raise NotImplementedError

    def test(self, table: pd.DataFrame, table_target: pd.DataFrame) -> TestReport:
        """Compares those columns of `table` (n rows) that it tests with those of `table_target` (m rows)."""
        chosen = [c for c in table.columns if self.suits(table[c])]
        if not chosen:
            raise DataError(f"{self.name}: no column of {table.shape[1]} is {self.wanted}")
        check_same_columns(table, table_target, chosen, self.name)
        results = [self.compare(c, table[c], table_target[c]) for c in chosen]
        return column_report(results, self.multiplicity, self.alpha, self.name)


def missing_note(n_missing: int, n: int, m_missing: int, m: int) -> str:
    """Gives the text on missing values that goes with an effect's name; empty where there are none."""
    if not n_missing and not m_missing:
        return ""
    return f" (missing values left out: {n_missing} of {n} rows, {m_missing} of {m} in the target)"


def adjust(p_values: np.ndarray, multiplicity: Multiplicity) -> np.ndarray:
    """Gives p-values adjusted for being many: Holm's bound any error, Benjamini and Hochberg's the false share."""
    if multiplicity == "benjamini_hochberg":
        from scipy.stats import false_discovery_control

        return np.asarray(false_discovery_control(p_values, method="bh"))
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def column_report(results: Sequence[ColumnResult], multiplicity: Multiplicity, alpha: float, owner: str) -> TestReport:
    """Gives the report of tests by column: the overall row is the column with the largest effect and smallest p."""
    p_values = np.array([r.p_value for r in results])
    tested = np.isfinite(p_values)
    if not tested.any():
        reasons = "; ".join(f"{r.feature}: {r.effect}" for r in results[:5])
        raise DataError(f"{owner}: no column could be tested ({plural(len(results), 'column')}: {reasons})")
    adjusted = np.full(len(results), np.nan)
    adjusted[tested] = adjust(p_values[tested], multiplicity)
    rows = [
        (r.feature, r.statistic, r.p_value, a, alpha, bool(a <= alpha), r.effect_size, r.effect)
        for r, a in zip(results, adjusted, strict=True)
    ]
    statistic = float(np.nanmax([r.statistic for r in results]))
    effect = max((r for r, t in zip(results, tested, strict=True) if t), key=lambda r: r.effect_size)
    p = float(np.nanmin(adjusted))
    label = f"largest of {int(tested.sum())}: {effect.effect}"
    rows.append((OVERALL, statistic, float(np.nanmin(p_values)), p, alpha, p <= alpha, effect.effect_size, label))
    return TestReport(statistic, p, alpha, p <= alpha, pd.DataFrame(rows, columns=list(TEST_COLUMNS)))


def overall_report(statistic: float, p_value: float, alpha: float, effect_size: float, effect: str) -> TestReport:
    """Gives the report of a test on all features at once."""
    rejected = bool(p_value <= alpha)
    row = (OVERALL, statistic, p_value, p_value, alpha, rejected, effect_size, effect)
    return TestReport(statistic, p_value, alpha, rejected, pd.DataFrame([row], columns=list(TEST_COLUMNS)))
