"""What tests and assessors give back: a tidy table, and the few numbers that sum it up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

OVERALL = "(all)"
"""The name that stands for all features, or all rows, in a report's table."""

TEST_COLUMNS = (
    "feature",
    "statistic",
    "p_value",
    "adjusted_p_value",
    "threshold",
    "rejected",
    "effect_size",
    "effect",
)
ASSESSMENT_COLUMNS = ("metric", "model", "versus", "slice", "value", "low", "high", "n")


@dataclass(frozen=True)
class TestReport:
    """The verdict of a two-sample test.

    Attributes
    ----------
    statistic, p_value : the overall statistic and its p-value (adjusted for the number of features).
    threshold : the level that ``p_value`` was compared with.
    rejected : True when the two samples differ at that level.
    table : one row a feature tested and, last, one named ``(all)``; columns ``TEST_COLUMNS``.
        ``effect`` names the measure in ``effect_size``, so that a large sample's tiny p-value can be judged.
    """

    __test__ = False  # not a pytest class

    statistic: float
    p_value: float
    threshold: float
    rejected: bool
    table: pd.DataFrame

    @property
    def summary(self) -> dict[str, float | bool]:
        return {
            "statistic": float(self.statistic),
            "p_value": float(self.p_value),
            "threshold": float(self.threshold),
            "rejected": bool(self.rejected),
        }


@dataclass(frozen=True)
class Assessment:
    """Named numbers with confidence intervals, per model and slice.

    Attributes
    ----------
    table : one row a number; columns ``ASSESSMENT_COLUMNS``. ``model`` is the model or weight table judged,
        ``versus`` the one it is compared with (empty when it is not), ``slice`` the rows (``(all)`` for all),
        ``low`` and ``high`` the interval's ends (NaN where there is none), ``n`` the number of rows.
    """

    table: pd.DataFrame

    @property
    def summary(self) -> dict[str, float]:
        """The overall numbers, keyed ``metric`` or ``model.metric`` where several models are judged."""
        overall = self.table.loc[self.table["slice"] == OVERALL].to_dict("records")
        several = len({row["model"] for row in overall}) > 1
        found: dict[str, float] = {}
        for row in overall:
            name = f"{row['model']}.{row['metric']}" if several and row["model"] else row["metric"]
            found[f"{name} vs {row['versus']}" if row["versus"] else name] = float(row["value"])
        return found

    def value(self, metric: str, *, model: str = "", versus: str = "", slice: str = OVERALL) -> float:
        """Gives one number of the table; a KeyError says what there is where none, or more than one, is meant."""
        wanted = {"metric": metric, "slice": slice, "versus": versus} | ({"model": model} if model else {})
        rows = self.table.to_dict("records")
        found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
        if len(found) != 1:
            have = sorted({str(row["metric"]) for row in rows}), sorted({str(row["model"]) for row in rows})
            raise KeyError(f"{len(found)} rows with {wanted}; the metrics are {have[0]}, the models {have[1]}")
        return float(found[0]["value"])


@dataclass
class AssessmentRows:
    """Collects the rows of an assessment one by one, so that no assessor spells the columns again."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        metric: str,
        value: float,
        *,
        n: int,
        low: float = float("nan"),
        high: float = float("nan"),
        model: str = "",
        versus: str = "",
        slice: str = OVERALL,
    ) -> None:
        self.rows.append(
            dict(
                zip(
                    ASSESSMENT_COLUMNS,
                    (metric, model, versus, str(slice), float(value), float(low), float(high), int(n)),
                    strict=True,
                )
            )
        )

    def finish(self) -> Assessment:
        import pandas as pd

        return Assessment(pd.DataFrame(self.rows, columns=pd.Index(ASSESSMENT_COLUMNS)))
