"""What the tests that go column by column share: which columns, the correction for many tests, and the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd
from pydantic import Field

from ballast.columns import Kind, alike, is_missing, kind_of
from ballast.errors import DataError, nearest
from ballast.methods.frame.base import Test
from ballast.methods.frame.parameters import Level
from ballast.methods.frame.reports import LEFT_TO, NOT_TESTED, OVERALL, TEST_COLUMNS, TestReport
from ballast.methods.shift._design import Weighted, shares_chance
from ballast.methods.shift._fisher import fisher
from ballast.methods.shift._units import Units, looks_dependent, units_of
from ballast.words import in_words, listed, percent, plural

Multiplicity = Literal["holm", "benjamini_hochberg"]
Decide = Annotated[
    dict[Literal["p", "effect"], Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    Field(min_length=1, description="a mapping of p, effect or both to numbers > 0, such as {p: 0.05, effect: 0.1}"),
]
"""What a change must reach to count: a p-value of `p` at most, an effect size of `effect` at least, or both."""

_CALLED: dict[Kind, str] = {kind: f"a {kind}" for kind in ("number", "truth", "time", "category")}
_CALLED |= {"nested": "several values a cell", "empty": "no value"}


@dataclass(frozen=True)
class Rule:
    """When a change counts: its p-value is at most ``level``, and its effect size at least ``effect``."""

    level: float
    effect: float = 0.0
    said: str = ""

    @classmethod
    def of(cls, alpha: float, decide: Decide | None) -> Rule:
        """Gives the rule of a test's parameters; by the effect alone every p-value will do."""
        if decide is None:
            return cls(alpha)
        level, effect = decide.get("p", 1.0), decide.get("effect", 0.0)
        asked = [f"p <= {level:g}"] if "p" in decide else []
        asked += [f"the effect >= {effect:g}"] if "effect" in decide else []
        return cls(level, effect, f"; a change counts where {in_words(asked)}")

    def rejects(self, p_value: float, effect_size: float) -> bool:
        return bool(p_value <= self.level and abs(effect_size) >= self.effect)


@dataclass(frozen=True)
class ColumnResult:
    """One column's test; ``p_value`` is NaN, and ``effect`` says why, where the column could not be tested.

    ``certain`` is the result of a column that cannot differ: no chance of a false alarm, so nothing to correct for.
    ``part`` is what is put behind the column's name where something of it is tested beside its values, and ``error``
    what the effect size may be off by, where it is from a sketch.
    """

    feature: str
    statistic: float
    p_value: float
    effect_size: float
    effect: str
    certain: bool = False
    part: str = ""
    error: float = 0.0

    @classmethod
    def untested(cls, feature: object, reason: str) -> ColumnResult:
        return cls(str(feature), float("nan"), float("nan"), float("nan"), f"{NOT_TESTED}: {reason}")

    @classmethod
    def left_to(cls, feature: object, test: str, kind: Kind) -> ColumnResult:
        return cls(str(feature), float("nan"), float("nan"), float("nan"), f"{LEFT_TO} {test}: {_CALLED[kind]}")

    @classmethod
    def unchanged(cls, feature: object, said: str) -> ColumnResult:
        return cls(str(feature), 0.0, 1.0, 0.0, f"no change: {said}", certain=True)


class Side(Protocol):
    """A column of one sample, in memory or as batches left it; ``len`` gives its rows."""

    @property
    def kind(self) -> Kind: ...

    @property
    def dtype(self) -> object: ...

    def __len__(self) -> int: ...

    def alike(self, target: Any, /) -> bool:
        """Says whether its values can be held against the target's, as ``ballast.columns.alike`` does."""
        ...

    def missing_share(self, name: object, target: Any, units: Units | None, /) -> ColumnResult | None:
        """Gives the test of the share of missing values against the target's; None where all are there."""
        ...

    def compare(self, test: Any, name: object, target: Any, units: Units | None, /) -> list[ColumnResult]:
        """Lets a test compare its values with the target's."""
        ...


@dataclass(frozen=True)
class Column:
    """A column in memory."""

    values: pd.Series
    kind: Kind

    @classmethod
    def of(cls, values: pd.Series) -> Column:
        return cls(values, kind_of(values))

    @property
    def dtype(self) -> object:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def alike(self, target: Column) -> bool:
        return alike(self.values, target.values)

    def missing_share(self, name: object, target: Column, units: Units | None) -> ColumnResult | None:
        return missing_share(name, is_missing(self.values), is_missing(target.values), units)

    def compare(self, test: ColumnTest, name: object, target: Column, units: Units | None) -> list[ColumnResult]:
        return test.compare(name, self.values, target.values, units)


class ColumnTest(Test):
    """Base of tests that go column by column, and correct for the number of columns.

    Attributes
    ----------
    kinds : of the columns that it tests; ``wanted`` says it in words. other : the test that all others are left to.
    """

    kinds: ClassVar[frozenset[Kind]]
    wanted: ClassVar[str]
    other: ClassVar[str]

    def __init__(self, alpha: Level = 0.05, multiplicity: Multiplicity = "holm", decide: Decide | None = None) -> None:
        self.alpha = alpha
        self.multiplicity: Multiplicity = multiplicity
        self.decide: Decide | None = decide

    def compare(self, name: object, column: pd.Series, target: pd.Series, units: Units | None) -> list[ColumnResult]:
        """Tests the values of one column (n,) against the target's (m,), both with some; the first is the column's.

        With ``units``, that say which of the n + m rows belong together, p-values are by dealing these out.
        """
        raise NotImplementedError

    def test(
        self,
        table: pd.DataFrame,
        table_target: pd.DataFrame,
        time: np.ndarray | None = None,
        time_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> TestReport:
        """Compares those columns of `table` (n rows) that it tests with those of `table_target` (m rows).

        ``dependence`` (n,) and ``dependence_target`` (m,) name the unit that each row is of, ``time`` (n,) and
        ``time_target`` (m,) when it was observed, ``design_weight`` (n,) and ``design_weight_target`` (m,) how many of
        the population it stands for: those with a weight of 0 are left out.
        """
        table, time, dependence, design_weight = _weighty(design_weight, table, time, dependence)
        table_target, time_target, dependence_target, design_weight_target = _weighty(
            design_weight_target, table_target, time_target, dependence_target
        )
        for rows, which in ((table, "table"), (table_target, "table_target")):
            if len(twice := rows.columns[rows.columns.map(str).duplicated()]):
                raise DataError(f"{self.name}: {which} has column(s) {listed(twice)} more than once; rename them")
        n, m = len(table), len(table_target)
        weights = design_weight, design_weight_target
        units = units_of(n, m, time, time_target, dependence, dependence_target, *weights)
        sides, sides_target = ({c: Column.of(rows[c]) for c in rows.columns} for rows in (table, table_target))
        results = self._results(sides, sides_target, units)
        note = units.said if units else ""
        note += looks_dependent(table, table_target) if units is None or units.single else ""
        return self._reported(results, note)

    def _reported(self, results: Sequence[ColumnResult], note: str) -> TestReport:
        return column_report(results, self.multiplicity, Rule.of(self.alpha, self.decide), self.name, note)

    def _results(
        self, table: Mapping[Any, Side], table_target: Mapping[Any, Side], units: Units | None
    ) -> list[ColumnResult]:
        """Gives the rows of all columns of either; DataError where every one is left to another test."""
        names = [*table, *(c for c in table_target if c not in table)]
        results = [r for c in names for r in self._results_of(c, table, table_target, units)]
        if all(r.effect.startswith(LEFT_TO) for r in results):
            raise DataError(f"{self.name}: no column of {len(table)} is {self.wanted}")
        return results

    def _results_of(
        self, name: object, table: Mapping[Any, Side], table_target: Mapping[Any, Side], units: Units | None
    ) -> Iterable[ColumnResult]:
        """Gives the rows of a column: of its values and, where some are missing, of the share that is."""
        column, target = table.get(name), table_target.get(name)
        kinds: list[Kind] = [c.kind for c in (column, target) if c is not None]
        kind = kinds[0] if kinds[0] != "empty" else kinds[-1]
        if kind != "empty" and kind not in self.kinds:
            yield ColumnResult.left_to(name, self.other, kind)
        elif column is None:
            yield ColumnResult.untested(name, "table has no such column")
        elif target is None:
            hint = nearest(str(name), table_target)
            yield ColumnResult.untested(name, f"table_target has no column {name!r}{hint}")
        elif kind == "empty":
            yield ColumnResult.unchanged(name, "no value in either")
        else:
            missing = column.missing_share(name, target, units)
            for result in [*self._by_values(name, column, target, units), *([missing] if missing else [])]:
                feature = str(name) + result.part
                while result.part and feature in map(str, table):
                    feature += result.part
                yield replace(result, feature=feature)

    def _by_values(self, name: object, column: Side, target: Side, units: Units | None) -> list[ColumnResult]:
        kinds = column.kind, target.kind
        for kind, which, rows in zip(kinds, ("table", "the target"), (column, target), strict=True):
            if kind == "empty":
                return [ColumnResult.untested(name, f"no value in {which} ({len(rows)} rows)")]
        if not column.alike(target) or (kinds[0] == "number" and kinds[1] == "category"):
            raise DataError(
                f"{self.name}: column {name!r} is {column.dtype} in table but {target.dtype} in table_target "
                f"({_CALLED[kinds[0]]} and {_CALLED[kinds[1]]}); give both the same type"
            )
        return column.compare(self, name, target, units)


def _weighty(
    design_weight: np.ndarray | None, table: pd.DataFrame, *others: np.ndarray | None
) -> tuple[pd.DataFrame, *tuple[Any, ...]]:
    """Gives the rows of a table, and of what is known of them, whose design weight is not 0; the weights come last."""
    if design_weight is None or (design_weight > 0).all():
        return table, *others, design_weight
    kept = design_weight > 0
    return table[kept], *(None if o is None else o[kept] for o in others), design_weight[kept]


def missing_share(
    name: object, missing: np.ndarray, missing_target: np.ndarray, units: Units | None = None
) -> ColumnResult | None:
    """Gives the test of the share of missing values (n,) against the target's (m,); None where all are there."""
    if not missing.any() and not missing_target.any():
        return None
    return share_test(name, "missing", "share missing", missing, missing_target, units)


def share_test(
    name: object, part: str, called: str, held: np.ndarray, held_target: np.ndarray, units: Units | None
) -> ColumnResult:
    """Gives Fisher's exact test of the share that is held, (n,) bool, against the target's (m,), or that by units.

    The effect is the share's change. With design weights the test is Rao and Scott's, of weighted shares.
    """
    (k, n), (k_target, m) = ((int(rows.sum()), len(rows)) for rows in (held, held_target))
    if units is None:
        return counted_share(name, part, called, (k, n), (k_target, m))
    level, shares = np.concatenate([held, held_target]).astype(np.int64), (k / n, k_target / m)
    if units.weight is None:
        p_value = units.chance(level, 2, homogeneity)
    else:
        rows = Weighted.of(units, level, 2)
        p_value, shares = shares_chance(rows), tuple((rows.counts[:, 1] / rows.counts.sum(axis=1)).tolist())
    return _share(name, part, called, shares, (n, m), p_value)


def counted_share(
    name: object, part: str, called: str, held: tuple[int, int], held_target: tuple[int, int], error: float = 0.0
) -> ColumnResult:
    """Gives Fisher's exact test of a share, so many of so many rows, against the target's.

    ``error`` is what the change of the share may be off by: the p-value is that of a change less by as much.
    """
    (k, n), (k_target, m) = held, held_target
    moved = k_target
    if error:
        even, less = round(k / n * m), int(np.ceil(error * m))
        moved = max(k_target - less, even) if k_target > even else min(k_target + less, even)
    return _share(name, part, called, (k / n, k_target / m), (n, m), fisher(k, n, moved, m), error)


def _share(
    name: object, part: str, called: str, shares: tuple[float, ...], rows: tuple[int, int], p_value: float,
    error: float = 0.0,
) -> ColumnResult:  # fmt: skip
    (share, share_target), (n, m) = shares, rows
    change = abs(share_target - share)
    said = f"change of the {called} ({percent(share, 1)} of {n} rows, {percent(share_target, 1)} of {m} in the target)"
    said += sketched(error)
    return ColumnResult(str(name), change, p_value, change, said, part=f" ({part})", error=error)


def sketched(error: float) -> str:
    """Gives the text on what an effect size may be off by; empty where it is exact."""
    if not error:
        return ""
    unit = 10.0 ** (math.floor(math.log10(error)) - 1)
    most = math.ceil(error / unit) * unit  # at most is not less
    return f" (of a sketch: off by {most:.2g} at most, which the p-value allows for)"


def homogeneity(of_target: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Gives Pearson's statistic (...) of the target's counts (..., k), where all rows together are `totals` (k,)."""
    share = of_target.sum(axis=-1, keepdims=True) / totals.sum()
    squares = ((of_target - totals * share) ** 2 / totals).sum(axis=-1)
    return squares / (share * (1 - share))[..., 0]


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


def column_report(
    results: Sequence[ColumnResult], multiplicity: Multiplicity, rule: Rule, owner: str, note: str = ""
) -> TestReport:
    """Gives the report of tests by column; the overall row has the largest effect, with its statistic, and least p, and
    is rejected where a column is. ``note`` is added to what it says.
    """
    p_values = np.array([r.p_value for r in results])
    tested = np.isfinite(p_values) & [not r.certain for r in results]
    if not tested.any():
        own = [r for r in results if not r.effect.startswith(LEFT_TO)]
        reasons = "; ".join(f"{r.feature}: {r.effect}" for r in own[:5])
        raise DataError(f"{owner}: no column could be tested ({plural(len(own), 'column')}: {reasons})")
    adjusted = p_values.copy()
    adjusted[tested] = adjust(p_values[tested], multiplicity)
    rejected = [rule.rejects(a, max(abs(r.effect_size) - r.error, 0.0)) for r, a in zip(results, adjusted, strict=True)]
    rows = [
        (r.feature, r.statistic, r.p_value, a, rule.level, found, r.effect_size, r.effect)
        for r, a, found in zip(results, adjusted, rejected, strict=True)
    ]
    effect = max((r for r, t in zip(results, tested, strict=True) if t), key=lambda r: r.effect_size)
    statistic, p = effect.statistic, float(np.nanmin(adjusted))
    label = f"largest of {int(tested.sum())}: {effect.effect}{rule.said}{note}"
    found = any(rejected)
    rows.append((OVERALL, statistic, float(np.nanmin(p_values)), p, rule.level, found, effect.effect_size, label))
    return TestReport(statistic, p, rule.level, found, pd.DataFrame(rows, columns=list(TEST_COLUMNS)))


def overall_report(statistic: float, p_value: float, rule: Rule, effect_size: float, effect: str) -> TestReport:
    """Gives the report of a test on all features at once."""
    rejected = rule.rejects(p_value, effect_size)
    row = (OVERALL, statistic, p_value, p_value, rule.level, rejected, effect_size, f"{effect}{rule.said}")
    return TestReport(statistic, p_value, rule.level, rejected, pd.DataFrame([row], columns=list(TEST_COLUMNS)))
