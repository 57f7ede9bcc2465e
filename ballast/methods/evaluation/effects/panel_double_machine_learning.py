"""The effect of a treatment from units seen several times: double machine learning with unit means."""

from __future__ import annotations

import logging
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.stats import t
from sklearn.base import clone

from ballast.compute.blocks import row_keys
from ballast.errors import DataError
from ballast.methods.common.cross_fit import check_regressor
from ballast.methods.common.tasks import as_numbers
from ballast.methods.common.treatment import two_arms
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Arm, Level, Seed
from ballast.methods.frame.reports import Assessment, AssessmentRows, Picture
from ballast.words import plural

log = logging.getLogger(__name__)

FEW_UNITS = 50
"""Units below which a warning is logged: 40 of them had a root mean squared error of 0.20 where 400 had 0.04."""
MOST_PERIODS = 50
"""Periods that have a column each; more of them share one column, of their ranks."""
NO_VARIATION = 1e-10
"""Share of the treatment's variance below which it counts as decided by the columns."""

PICTURES = (
    Picture("intervals", ("effect", "fixed_effects"), title="Effect of the treatment"),
    Picture("effect", ("effect",)),
)
"""No metric has a direction: whether an effect is good is not for us to say."""


class PanelDoubleMachineLearning(Assessor):
    """The coefficient of a treatment in units seen several times, with unobserved unit effects absorbed by unit means.

    Use it with ``on: train`` on a panel (people, firms or places by period) where what differs between units for
    good decides both treatment and outcome, and not only by adding to them. Not where the treatment answers to
    earlier outcomes or works on later ones: the unit mean of the treatment holds its future, so only a static,
    strictly exogenous treatment is estimated right. Not where unit effects only add up: ``fixed_effects``, in the
    report, is then as good. Unit means tell the unit effect the better the more periods there are, and what they
    leave of it stays in the estimate as a bias that the interval does not hold.

    Parameters
    ----------
    regressor : regressor, str or None, default None
        Regressor of the outcome and of the treatment: any of scikit-learn's, or the import path of its class. None
        takes boosted trees.
    n_folds : int >= 2, default 5
        Folds of the cross-fitting; a unit's rows are all in one fold.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default 0
        Seed of the folds and of the default regressor.
    treated : str, int, float, bool or None, default None
        The value that means treated, of a treatment of two arms that are not numbers; None for False and True.

    Raises
    ------
    DataError
        Fewer than two units of two rows or more, a treatment that never varies within a unit or that the columns
        predict, an outcome that is not a number, a treatment that is neither numbers nor two values.
    ParameterError
        A regressor that is not one.

    Notes
    -----
    ``assess(X, treatment, outcome, groups, time=None)``: X (n, d), the others (n,), ``groups`` the unit. Both
    regressors see X, the unit means of its columns *and of the treatment*, and the period, where ``time`` is given (a
    column a period up to 50, then their ranks). With v and u what they leave of treatment and outcome, ``effect`` is
    sum(v u) / sum(v v), for one unit more of the treatment or, of two arms, for the treated versus the control, which
    it names. Its ``standard_error`` is robust to any dependence within a unit; intervals are Student's t with a degree
    of freedom a unit less one. Beside it stand ``fixed_effects``, the coefficient of a linear model with an intercept a
    unit; ``outcome_explained`` and ``treatment_explained``, the share of the variance that the regressors tell of rows
    they were not fitted on; ``residual_correlation`` of a row with the unit's row before (with ``time``), which far
    from 0 says that something of the units is left or that what moves the outcome lasts; and the number of ``units``.
    Rows whose unit has no other row tell nothing and are left out; fewer than 50 units are warned of in the log. Cost:
    2 ``n_folds`` fits on n rows of 2 d + 1 columns, and one a period.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> groups, X = np.repeat(np.arange(60), 5), rng.normal(size=(300, 1))
    >>> level = rng.normal(size=60)[groups]  # of each unit, and not observed
    >>> treatment = rng.normal(level + X[:, 0])
    >>> outcome = rng.normal(2 * treatment + 3 * level + X[:, 0])
    >>> assessor = ballast.method("panel_double_machine_learning", n_folds=2)
    >>> found = assessor.assess(X, treatment, outcome, groups).summary["effect"]
    >>> round(found), round(np.polyfit(treatment, outcome, 1)[0])  # 2 in truth
    (2, 3)
    """

    name = "panel_double_machine_learning"
    reference = (
        "Fuhr and Papies, Double Machine Learning meets Panel Data: Promises, Pitfalls, and Potential Solutions, 2024; "
        "Mundlak, On the Pooling of Time Series and Cross Section Data, Econometrica 1978"
    )
    survey_ids = ("S515",)
    claim = Claim(
        "Where unit effects multiply the columns, unit means of the columns and of the treatment leave nearly no bias; "
        "pooled rows, demeaned rows and means of the columns alone do.",
        "partly",
        "400 units, 10 periods, coefficient 1, 10 seeds, squares and products. Bias {unit means, 0-6:.2f}, pooled "
        "{pooled, 0-6:.2f}, demeaned {demeaned, 0-6:.2f}, means of the columns alone {means of X alone, 0-6:.2f}, "
        "fixed effects {fixed effects, 0-6:.2f}; where the columns do not show the unit effect {unit means, 0-0:.2f}, "
        "{pooled, 0-0:.2f}, {demeaned, 0-0:.2f}, {means of X alone, 0-0:.2f}, {fixed effects, 0-0:.2f}. What is left "
        "is several standard errors, so that the intervals held the truth on {held, 0-6:.0%} and {held, 0-0:.0%} of "
        "the seeds. Where unit effects only add, fixed effects are as good.",
    )

    conformance_exceptions: ClassVar[dict[str, str]] = {
        "parted_rows_take_units": "`groups`, which it cannot do without, are the units of the panel"
    }

    def __init__(
        self,
        regressor: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        confidence: Level = 0.95,
        random_state: Seed = 0,
        treated: Arm = None,
    ) -> None:
        self.regressor = regressor
        self.n_folds = n_folds
        self.confidence = confidence
        self.random_state = random_state
        self.treated = treated

    def assess(
        self,
        X: np.ndarray,
        treatment: np.ndarray,
        outcome: np.ndarray,
        groups: np.ndarray,
        time: np.ndarray | None = None,
    ) -> Assessment:
        """Gives the treatment's coefficient with its interval, that of the linear model, and diagnostics."""
        y = as_numbers(outcome, self.name, "outcome")
        d, arms = self._as_dose(treatment)
        units = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)[1]
        periods = np.zeros(len(X), dtype=int) if time is None else np.unique(time, return_inverse=True)[1]
        rows = np.column_stack([units, periods, d, y, X]).astype(np.float64)
        order = np.lexsort((row_keys(rows), periods, units))  # the same rows in any order give the same result
        kept = order[(np.bincount(units) > 1)[units[order]]]
        if len(kept) < len(rows):
            log.warning("%s: left out %s with one row", self.name, plural(len(rows) - len(kept), "unit"))
        units = np.unique(units[kept], return_inverse=True)[1]
        y, d, periods = y[kept], d[kept], periods[kept]
        self._check_panel(units, d, len(rows))
        seasons = _period_columns(periods)
        within = np.column_stack([X[kept], seasons]).astype(np.float64)
        design = np.column_stack([X[kept], _unit_means(np.column_stack([X[kept], d]), units), seasons])
        v, u = self._residuals(design.astype(np.float64), d, y, units)
        if (v**2).sum() <= NO_VARIATION * ((d - d.mean()) ** 2).sum():
            raise DataError(
                f"{self.name}: the columns predict the treatment of all {len(d)} rows, so none of it is left to "
                "have an effect; drop the feature that decides it"
            )
        report = AssessmentRows()
        effect = self._add(report, "effect", v, u, units, arms)
        within -= _unit_means(within, units)
        linear_v, linear_u = (_left_by_line(values - _unit_means(values, units), within) for values in (d, y))
        self._add(report, "fixed_effects", linear_v, linear_u, units, arms)
        for metric, left, whole in (("outcome_explained", u, y), ("treatment_explained", v, d)):
            spread = ((whole - whole.mean()) ** 2).sum()
            report.add(metric, 1 - (left**2).sum() / spread if spread > 0 else 0.0, n=len(d))
        if time is not None:
            follows = np.flatnonzero(units[1:] == units[:-1])
            report.add("residual_correlation", _correlation(u - effect * v, follows), n=len(follows))
        report.add("units", units[-1] + 1, n=len(d))
        return report.finish(pictures=PICTURES)

    def _as_dose(self, treatment: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
        """Gives the treatment as numbers, of arms 1 for the treated; and how the report names the arms, if any."""
        if treatment.dtype.kind in "iuf" and self.treated is None:
            return treatment.astype(np.float64), {}
        arms, treated = two_arms(treatment, self.name, self.treated)
        return treated.astype(np.float64), {"model": str(arms[1]), "versus": str(arms[0])}

    def _check_panel(self, units: np.ndarray, d: np.ndarray, n: int) -> None:
        found = int(units[-1]) + 1 if len(units) else 0
        if found < 2:
            raise DataError(
                f"{self.name}: groups has {plural(found, 'unit')} with two rows or more ({n} rows in all); effects are "
                "estimated from what changes within units, so give the column that repeats over a unit's rows as "
                "groups, with at least two units"
            )
        if not (np.abs(d - _unit_means(d, units)) > 1e-12 * np.abs(d).max()).any():
            raise DataError(
                f"{self.name}: treatment never changes within any of the {found} units of groups, so its effect "
                "cannot be separated from the units' own; treatment_effect with weights compares units"
            )
        if found < FEW_UNITS:
            log.warning(
                "%s: %d units are few (below %d): the effect may still hold more of what is not observed of them, and "
                "its interval rests on few clusters",
                self.name, found, FEW_UNITS,
            )  # fmt: skip

    def _residuals(
        self, design: np.ndarray, d: np.ndarray, y: np.ndarray, units: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gives what of treatment and outcome is left by regressors that saw no row of the unit."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        regressor = (
            HistGradientBoostingRegressor(max_leaf_nodes=8, random_state=self.random_state)
            if self.regressor is None
            else check_regressor(self.regressor, self.name)
        )
        n_units = int(units[-1]) + 1
        deal = np.random.default_rng(self.random_state).permutation(np.arange(n_units) % min(self.n_folds, n_units))
        folds, left = deal[units], (np.empty(len(d)), np.empty(len(d)))
        for fold in range(deal.max() + 1):
            held = folds == fold
            for values, into in zip((d, y), left, strict=True):
                model: Any = clone(regressor)
                model.fit(design[~held], values[~held])
                into[held] = values[held] - model.predict(design[held])
        return left

    def _add(
        self,
        report: AssessmentRows,
        metric: str,
        v: np.ndarray,
        u: np.ndarray,
        units: np.ndarray,
        arms: dict[str, str],
    ) -> float:
        """Adds the slope of u on v with its interval; and its standard error, where it is the effect."""
        total = (v**2).sum()
        if not total > 0:  # the columns tell the treatment in a straight line, which the report then leaves out
            return 0.0
        slope, n_units = float((v * u).sum() / total), int(units[-1]) + 1
        scores = np.bincount(units, v * (u - slope * v))
        error = float(np.sqrt((scores**2).sum() * n_units / (n_units - 1)) / total)
        half = float(t.ppf(0.5 + self.confidence / 2, n_units - 1)) * error
        report.add(metric, slope, n=len(v), low=slope - half, high=slope + half, **arms)
        if metric == "effect":
            report.add("standard_error", error, n=len(v))
        return slope


def _unit_means(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Gives for each row the mean of the values, (n,) or (n, d), over its unit; units are 0, 1, ... in order."""
    starts = np.flatnonzero(np.diff(units, prepend=-1))
    sums = np.add.reduceat(values.astype(np.float64), starts, axis=0)
    return (sums.T / np.bincount(units)).T[units]


def _period_columns(periods: np.ndarray) -> np.ndarray:
    """Gives (n, T - 1) indicators of the periods after the first; (n, 1) the periods' ranks where they are many."""
    found, ranks = np.unique(periods, return_inverse=True)
    if len(found) > MOST_PERIODS:
        return ranks[:, None].astype(np.float64)
    return np.eye(len(found))[ranks][:, 1:]


def _left_by_line(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Gives what least squares on the columns leaves of the values; 0 where that is rounding."""
    left = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return left if (left**2).sum() > NO_VARIATION * (values**2).sum() else np.zeros(len(left))


def _correlation(values: np.ndarray, follows: np.ndarray) -> float:
    """Gives the correlation of the values at ``follows`` with the next ones; 0 where either does not vary."""
    pairs = np.stack([values[follows], values[follows + 1]])
    return float(np.corrcoef(pairs)[0, 1]) if len(follows) > 1 and (pairs.std(axis=1) > 0).all() else 0.0
