"""Metrics of class probabilities against labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse

from ballast.methods.common.codes import label_codes
from ballast.methods.evaluation import shares
from ballast.methods.evaluation.bootstrap import Metrics, add_metrics, mean_defined, one_hot, ratio, slices
from ballast.methods.evaluation.labelled import labelled
from ballast.methods.evaluation.ranking import LEAST_PROBABILITY, Area, auroc, log_losses
from ballast.methods.evaluation.shares import Interval
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
    n_bootstrap : replicates of the percentile bootstrap, at least 2 for an interval (200: ends of a 95 % interval to
        about a tenth of its width).
    confidence : level of the intervals (0.95).
    n_bins : equal-width bins of the highest probability for the expected calibration error (15, as Guo et al. 2017).
    random_state : seed of the resampling.

    Notes
    -----
    ``assess(y, probs, sample_weight=None, groups=None, classes=None, observed=None)``: ``y`` (n,), ``probs`` (n,
    n_classes), ``classes`` the label of each column (default: the sorted labels of ``y``), ``observed`` (n,) which rows
    have their label, where some do not yet (their ``y`` is not looked at): these alone are judged, and
    ``labelled_share`` says how many they are, of all rows and by prediction, since labels that come first may be
    others than those to come. All metrics are weighted; the Brier
    score of two classes is the mean squared error of the second's probability, of more the sum over classes; AUROC is
    the mean over classes of one against the rest; balanced accuracy and macro F1 run over the classes that occur.
    The interval of accuracy is Wilson's or, where weights differ, Clopper and Pearson's at the effective number of rows
    (Korn and Graubard), so that it holds where every row is right; that of balanced accuracy joins those of its classes
    (Zou and Donner); that of AUROC is DeLong's on the logit, by scores where the rows are ranked without fault
    (Newcombe). The other metrics are resampled. A metric that is not defined on a slice (AUROC of one class) has no row
    there.

    The calibration error is biased upwards: ``expected_calibration_error_if_calibrated`` is what a calibrated model
    would show on as many such rows, with the ends that hold `confidence` of them; below its upper end the interval of
    the error begins at 0. A label that was given a probability of 0 counts 36 in the log loss, where the truth is
    infinite; ``log_loss_cut_share`` says of what share of the rows, where there are such.

    Cost: O(n_classes n log n + n_bootstrap n) time, 64 MiB for the counts.

    Raises
    ------
    DataError : labels that no column of ``probs`` stands for.

    Examples
    --------
    >>> from ballast.methods.evaluation import ClassificationMetrics
    >>> report = ClassificationMetrics(n_bootstrap=20, random_state=0).assess(
    ...     y=[0, 0, 1, 1], probs=[[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]]
    ... )
    >>> report.summary["accuracy"]
    0.75
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
    ) -> Assessment:
        """Gives each metric overall and, with ``groups``, per group, with its interval and number of rows."""
        rows = AssessmentRows()
        named = np.arange(probs.shape[1]) if classes is None else classes
        weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        kept = labelled(rows, observed, {"": named[probs.argmax(axis=1)]}, weight, self.name)
        y, probs, weight = y[kept], probs[kept], weight[kept]
        codes = label_codes(y, classes, probs.shape[1], self.name)
        rng = np.random.default_rng(self.random_state)
        for name, part in [(OVERALL, np.arange(len(y))), *slices(None if groups is None else groups[kept])]:
            own = codes[part], probs[part].astype(np.float64), weight[part]
            area = auroc(*own)
            add_metrics(
                rows, *self._terms(*own, area.value), len(part), slice=name, closed=self._closed(*own, area),
                unchanged=self._if_calibrated(*own[1:]), n_bootstrap=self.n_bootstrap, confidence=self.confidence,
                rng=rng,
            )  # fmt: skip
            impossible = own[1][np.arange(len(part)), own[0]] < LEAST_PROBABILITY
            if impossible.any() and own[2].any():
                rows.add("log_loss_cut_share", float(np.average(impossible, weights=own[2])), n=len(part), slice=name)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _closed(self, codes: np.ndarray, probs: np.ndarray, weight: np.ndarray, area: Area) -> dict[str, Interval]:
        """Gives the intervals that need no replicates: of shares of rows, or of pairs of them."""
        right = probs.argmax(axis=1) == codes
        ranked = {"auroc": area.interval(self.confidence)} if np.isfinite(area.value) else {}
        return ranked | {
            "accuracy": shares.of_share(right, weight, self.confidence),
            "balanced_accuracy": shares.of_recalls(right, codes, weight, self.confidence),
        }

    def _bins(self, confidence: np.ndarray) -> np.ndarray:
        return np.minimum((confidence * self.n_bins).astype(int), self.n_bins - 1)

    def _if_calibrated(self, probs: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
        """Gives draws of the calibration error that a calibrated model would have on such rows.

        A bin's gap is a sum of centred coins, and drawn as the normal of its variance.
        """
        confidence = probs.max(axis=1)
        variance = np.bincount(self._bins(confidence), weight**2 * confidence * (1 - confidence), self.n_bins)
        gaps = np.random.default_rng(0).standard_normal((2000, self.n_bins)) * np.sqrt(variance)
        return {"expected_calibration_error": np.abs(gaps).sum(axis=1) / weight.sum()}

    def _terms(
        self, codes: np.ndarray, probs: np.ndarray, weight: np.ndarray, area: float
    ) -> tuple[sparse.csr_array, Metrics]:
        """Gives what to sum over the rows, and the metrics but the ``area`` as functions of those sums."""
        n, k = probs.shape
        predicted = probs.argmax(axis=1)
        confidence = probs[np.arange(n), predicted]
        of_label = probs[np.arange(n), codes]
        correct = (predicted == codes).astype(np.float64)
        log_loss = log_losses(of_label)
        brier = (probs**2).sum(axis=1) - 2 * of_label + 1
        bins = self._bins(confidence)
        singles = np.stack([weight, weight * correct, weight * log_loss, weight * brier / (2 if k == 2 else 1)])
        terms = sparse.vstack(
            [
                sparse.csr_array(singles),
                one_hot(codes, weight, k),
                one_hot(codes, weight * correct, k),
                one_hot(predicted, weight, k),
                one_hot(bins, weight * (confidence - correct), self.n_bins),
            ],
            format="csr",
        )

        def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
            total, hit, loss, squared = np.moveaxis(sums[..., :4], -1, 0)
            support, true_positive, named, gap = np.split(sums[..., 4:], [k, 2 * k, 3 * k], axis=-1)
            return {
                "accuracy": ratio(hit, total),
                "balanced_accuracy": mean_defined(ratio(true_positive, support)),
                "log_loss": ratio(loss, total),
                "brier": ratio(squared, total),
                "macro_f1": mean_defined(ratio(2 * true_positive, support + named)),
                "auroc": np.full(np.shape(total), area),
                "expected_calibration_error": ratio(np.abs(gap).sum(axis=-1), total),
            }

        return sparse.csr_array(terms), metrics
