"""Metrics of class probabilities against labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ballast.methods.common.codes import label_codes
from ballast.methods.common.design import judged_by
from ballast.methods.evaluation.bootstrap import slices
from ballast.methods.evaluation.judged import Judged
from ballast.methods.evaluation.labelled import labelled
from ballast.methods.evaluation.ranking import LEAST_PROBABILITY
from ballast.methods.evaluation.shares import NONE, Interval
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture

BETTER: dict[str, Direction] = {
    "accuracy": "higher",
    "balanced_accuracy": "higher",
    "log_loss": "lower",
    "brier": "lower",
    "macro_f1": "higher",
    "auroc": "higher",
    "expected_calibration_error": "lower",
}
LABELS = ("accuracy", "balanced accuracy", "log loss", "Brier score", "macro F1", "AUROC", "calibration error")
PICTURES = (Picture("intervals", tuple(BETTER), labels=LABELS),)


class ClassificationMetrics(Assessor):
    """Accuracy, balanced accuracy, log loss, Brier score, macro F1, AUROC and calibration error with intervals.

    Use it on labelled rows that the model was not fitted on; give ``sample_weight`` to estimate the metrics on the
    target from weighted source rows, and ``groups`` to see each subgroup. It says nothing about rows without labels:
    use ``average_thresholded_confidence`` there; to compare models use ``compare_models``, whose intervals are paired.

    Parameters
    ----------
    n_bootstrap : int >= 1, default 200
        Replicates of the studentised bootstrap (ends of a 95 % interval to about a tenth of its width).
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    n_bins : int >= 1, default 15
        Equal-width bins of the highest probability for the expected calibration error (as Guo et al. 2017).
    random_state : int or None, default None
        Seed of the resampling.

    Raises
    ------
    DataError
        Labels that no column of ``probs`` stands for.

    Notes
    -----
    ``assess(y, probs, sample_weight=None, groups=None, classes=None, observed=None, dependence=None,
    design_weight=None)``: ``y`` (n,), ``probs`` (n, n_classes), ``classes`` the label of each column (default: the
    sorted labels of ``y``), ``observed`` (n,) which rows have their label, where some do not yet (their ``y`` is not
    looked at): these alone are judged, and ``labelled_share`` says how many they are, of all rows and by prediction,
    since labels that come first may be others than those to come. All metrics are weighted by ``sample_weight`` or,
    where there is none, by ``design_weight`` (n,), how many of the population each row stands for; the Brier score of
    two classes is the mean squared error of the second's probability, of more the sum over classes; AUROC is the mean
    over classes of one against the rest; balanced accuracy and macro F1 run over the classes that occur. The interval
    of accuracy is Wilson's or, where weights differ, Clopper and Pearson's at the effective number of rows (Korn and
    Graubard), so that it holds where every row is right; that of balanced accuracy joins those of its classes (Zou and
    Donner); that of AUROC is DeLong's on the logit, by scores where the rows are ranked without fault (Newcombe); that
    of macro F1 joins those of the classes' shares of right rows among all that are of the class or called so. Log loss
    and Brier score are resampled, each replicate by its own standard error; where no row is wrong, as many may be as
    Wilson's interval allows, at what their least likely labels would cost. With ``dependence`` (n,), the unit that each
    row is of, units are resampled whole, effective sizes are those of clusters (Korn and Graubard; Obuchowski for
    AUROC) and quantiles are Student's of as many units. A metric that is not defined on a slice (AUROC of one class)
    has no row there, and one row, or unit, alone no interval.

    The calibration error is biased upwards: ``expected_calibration_error_if_calibrated`` is what a calibrated model
    would show on as many such rows, with the ends that hold `confidence` of them; below its upper end the interval of
    the error, Student's of the value less its bias, begins at 0. A label that was given a probability of 0 counts 36 in
    the log loss, where the truth is infinite; ``log_loss_cut_share`` says of what share of the rows, where there are
    such.

    Cost: O(n_classes n log n + n_bootstrap n) time, 64 MiB for the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(500)
    >>> y, probs = (rng.random(500) < p).astype(int), np.c_[1 - p, p]
    >>> assessor = ballast.method("classification_metrics", random_state=0)
    >>> table = assessor.assess(y, probs).table.set_index("metric")
    >>> table.loc["accuracy", ["low", "value", "high"]].astype(float).round(2)
    low      0.72
    value    0.76
    high     0.80
    Name: accuracy, dtype: float64
    """

    name = "classification_metrics"
    reference = (
        "Korn & Graubard, Confidence Intervals for Proportions with Small Expected Number of Positive Counts, Survey "
        "Methodology 1998; Efron & Tibshirani, An Introduction to the Bootstrap, 1993; Guo et al., On Calibration, "
        "ICML 2017"
    )
    claim = Claim(
        "A 95 % interval holds the metric of the population in about 95 % of samples.",
        "by definition",
        "400 weighted samples of 300 rows, 3 classes: {log_loss:.1%} (log loss) to {balanced_accuracy:.1%} (balanced "
        "accuracy); not claimed for the calibration error, whose estimate is biased upwards in small samples",
    )

    conformance_exceptions: ClassVar[dict[str, str]] = {
        "weights_equal_repetition": "what a calibrated model would show depends on how many rows there are"
    }

    def __init__(
        self, n_bootstrap: Count = 200, confidence: Level = 0.95, n_bins: Count = 15, random_state: Seed = None
    ) -> None:
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.n_bins = n_bins
        self.random_state = random_state

    def assess(
        self,
        y: np.ndarray,
        probs: np.ndarray,
        sample_weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
        classes: np.ndarray | None = None,
        observed: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
    ) -> Assessment:
        """Gives each metric overall and, with ``groups``, per group, with its interval and number of rows."""
        rows = AssessmentRows()
        named = np.arange(probs.shape[1]) if classes is None else classes
        weight = judged_by(len(y), sample_weight, design_weight)
        kept = labelled(rows, observed, {"": named[probs.argmax(axis=1)]}, weight, self.name)
        y, probs, weight = y[kept], probs[kept], weight[kept]
        codes = label_codes(y, classes, probs.shape[1], self.name)
        units = None if dependence is None else dependence[kept]
        rng = np.random.default_rng(self.random_state)
        for name, part in [(OVERALL, np.arange(len(y))), *slices(None if groups is None else groups[kept])]:
            own = Judged(
                codes[part], probs[part].astype(np.float64), weight[part], None if units is None else units[part]
            )
            self._add(rows, own, name, rng)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _add(self, rows: AssessmentRows, own: Judged, name: str, rng: np.random.Generator) -> None:
        """Adds what there is to say of some rows, the slice called ``name``; no interval of one row or unit alone."""
        n, calibration = len(own.codes), own.calibration(self.n_bins)
        values = own.values | {"expected_calibration_error": calibration.value}
        ends: dict[str, Interval] = {}
        if own.n_units > 1 and own.weight.any():
            ends = own.intervals(self.n_bootstrap, self.confidence, rng)
            ends["expected_calibration_error"] = calibration.interval(self.confidence)
        for metric, value in values.items():
            if np.isfinite(value):
                if metric == "expected_calibration_error":
                    self._add_without(rows, calibration.if_calibrated, n, name, told=bool(ends))
                low, high = ends.get(metric, NONE)
                rows.add(metric, value, n=n, low=low, high=high, slice=name)
        impossible = own.of_label < LEAST_PROBABILITY
        if impossible.any() and own.weight.any():
            rows.add("log_loss_cut_share", own.mean(impossible), n=n, slice=name)

    def _add_without(self, rows: AssessmentRows, drawn: np.ndarray, n: int, name: str, *, told: bool) -> None:
        """Adds what a calibrated model would show."""
        ends = [(1 - self.confidence) / 2, (1 + self.confidence) / 2]
        low, high = np.quantile(drawn, ends) if told else NONE
        rows.add("expected_calibration_error_if_calibrated", float(drawn.mean()), n=n, low=low, high=high, slice=name)
