"""What tests and assessors give back: a tidy table, and the few numbers that sum it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from ballast.shown import Shown, view
from ballast.words import spaced

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

OVERALL = "(all)"
"""The name that stands for all features, or all rows, in a report's table."""

NOT_TESTED, LEFT_TO = "not tested", "left to"
"""How the ``effect`` of a row without a p-value begins: nothing was tested there, or another test is for it."""

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


@dataclass(frozen=True, repr=False)
class TestReport(Shown):
    """The verdict of a two-sample test.

    Attributes
    ----------
    statistic, p_value : float
        The overall statistic and its p-value (adjusted for the number of features).
    threshold : float
        The level that ``p_value`` was compared with.
    rejected : bool
        True when the two samples differ at that level.
    table : DataFrame
        One row a feature tested and, last, one named ``(all)``; columns ``TEST_COLUMNS``. ``effect`` names the measure
        in ``effect_size``, so that a large sample's tiny p-value can be judged; of a row without numbers it says why,
        and begins with ``NOT_TESTED`` or ``LEFT_TO``.
    supposes : str
        What ``rejected`` speaks against, such as "class shares alone have shifted", where that is not that the samples
        come from one distribution.

    Examples
    --------
    >>> import ballast
    >>> import pandas as pd
    >>> train = pd.DataFrame({"age": range(20, 60), "income": range(40)})
    >>> target = train.assign(age=train["age"] + 30)
    >>> report = ballast.method("kolmogorov_smirnov").test(train, target)
    >>> report
    Shift found
      p-value      < 0.001
      level        0.05
      statistic    0.75
      features     1 of 2 differ
      effect size  Kolmogorov-Smirnov distance
      feature  effect size  p-value  verdict
      age      0.75         < 0.001  differs
      income   0            1.000    no shift found
    """

    __test__ = False  # not a pytest class

    statistic: float
    p_value: float
    threshold: float
    rejected: bool
    table: pd.DataFrame
    supposes: str = ""

    @property
    def summary(self) -> dict[str, float | bool]:
        return {
            "statistic": float(self.statistic),
            "p_value": float(self.p_value),
            "threshold": float(self.threshold),
            "rejected": bool(self.rejected),
        }

    @property
    def remembered(self) -> dict[str, Any]:
        """What is stored beside the table: the summary, and what a report made later words it by."""
        return {**self.summary, "supposes": self.supposes} if self.supposes else self.summary

    def plot(self) -> Figure:
        """Draws the effect size of each feature, the largest first, and its p-value; orange where the test rejects.

        Returns
        -------
        Figure
            Made without pyplot: a notebook shows it, a script saves it by ``savefig``.
        """
        return view(self, "figure")


Direction = Literal["higher", "lower"]
"""Which values of a metric are the better ones."""

Shape = Literal[
    "intervals", "curve", "histogram", "scatter", "heat_map", "love_plot",
    "comparison", "effect", "estimate", "weights",
]  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """What a report is to show of an assessment, as plain data: whoever draws it knows shapes, and no method.

    Attributes
    ----------
    shape : str
        On the step's card "intervals" (values with their intervals, one row each), "curve" (values over slices that are
        numbers, a line a model), "histogram" (of the values of all slices and models), "scatter" (one metric against
        another, a dot a slice and model), "heat_map" (models by slices) or "love_plot" (by slice, before and after). In
        the report's top line "comparison" (of models, before and after), "effect" (a difference with its interval) or
        "estimate" (a value with its interval). "weights": columns of the table of models, for the weights that a model
        was trained with.
    metrics : tuple of str
        Those shown, the leading one first: of a scatter x and y, of a love plot before and after. Empty: for
        "intervals" by metric all, for any other the table's first.
    by : {"metric", "model"}
        What a row of "intervals" is; by metric, a table of several slices is shown by its first metric's slices.
    beside : str
        The metric of the differences that are written beside the values of models, where it is another one.
    title : str
        Empty for one made from the metrics.
    labels : tuple of str
        What the metrics are called, one each; empty: their names as words.
    known : str
        A metric that other judgements may know of the same model from labels; the values are held against it.
    limit : float or None
        Of a love plot, the value beyond which a feature counts.
    """

    shape: Shape
    metrics: tuple[str, ...] = ()
    by: Literal["metric", "model"] = "metric"
    beside: str = ""
    title: str = ""
    labels: tuple[str, ...] = ()
    known: str = ""
    limit: float | None = None

    def called(self, metric: str) -> str:
        """Gives what people call a metric."""
        return dict(zip(self.metrics, self.labels, strict=False)).get(metric, spaced(metric))


def declared(summary: Mapping[str, Any]) -> tuple[dict[str, Direction], tuple[Picture, ...]]:
    """Gives the directions and pictures that ``Assessment.remembered`` holds; of an older summary none.

    What a newer version of Ballast declared and this one does not know is left out.
    """
    known = {f.name for f in fields(Picture)}
    pictures = []
    for stored in summary.get("pictures") or ():
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k in known}
        if given.get("shape") in get_args(Shape):
            pictures.append(Picture(**given))
    better = {m: way for m, way in (summary.get("better") or {}).items() if way in get_args(Direction)}
    return better, tuple(pictures)


@dataclass(frozen=True, repr=False)
class Assessment(Shown):
    """Named numbers with confidence intervals, per model and slice.

    Attributes
    ----------
    table : DataFrame
        One row a number; columns ``ASSESSMENT_COLUMNS``. ``model`` is the model or weight table judged, ``versus`` the
        one it is compared with (empty when it is not), ``slice`` the rows (``(all)`` for all), ``low`` and ``high`` the
        interval's ends (NaN where there is none), ``n`` the number of rows.
    better : dict of str to {"higher", "lower"}
        The direction of each metric that has one; others are neither praised nor blamed.
    pictures : tuple of Picture
        What a report shows of it; none: the intervals.

    Examples
    --------
    >>> import ballast
    >>> found = ballast.method("regression_metrics").assess(y=[1.0, 2.0, 3.0], prediction=[1.0, 2.0, 4.0])
    >>> round(found.value("mean_absolute_error"), 2)
    0.33
    """

    table: pd.DataFrame
    better: Mapping[str, Direction] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

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

    @property
    def remembered(self) -> dict[str, Any]:
        """What is stored beside the table: the summary, and what a report made later draws it by."""
        pictures = [asdict(picture) for picture in self.pictures]
        return {**self.summary, "better": dict(self.better), "pictures": pictures}

    def plot(self) -> Figure:
        """Draws the first picture that it declares; of one that declares none, the intervals of all it has.

        Returns
        -------
        Figure
            Made without pyplot: a notebook shows it, a script saves it by ``savefig``.
        """
        return view(self, "figure")

    def value(self, metric: str, *, model: str = "", versus: str = "", slice: str = OVERALL) -> float:
        """Looks one number of the table up.

        Parameters
        ----------
        metric, model, versus, slice : str
            What its row says; ``model`` may be left out where one alone is judged.

        Returns
        -------
        float

        Raises
        ------
        KeyError
            Where none, or more than one, is meant: it says what there is.
        """
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

    def finish(
        self, *, better: Mapping[str, Direction] | None = None, pictures: tuple[Picture, ...] = ()
    ) -> Assessment:
        import pandas as pd

        return Assessment(pd.DataFrame(self.rows, columns=pd.Index(ASSESSMENT_COLUMNS)), better or {}, pictures)
