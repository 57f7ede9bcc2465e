"""Models against each other on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse

from ballast.errors import DataError
from ballast.methods.common.codes import label_codes
from ballast.methods.common.tasks import MANY_VALUES, Task, as_numbers, declared_task
from ballast.methods.evaluation import shares
from ballast.methods.evaluation.bootstrap import Metrics, bootstrap_sums, interval, mean_defined, one_hot, ratio, slices
from ballast.methods.evaluation.labelled import labelled
from ballast.methods.evaluation.ranking import LEAST_PROBABILITY, Area, auroc, log_losses
from ballast.methods.evaluation.shares import Interval
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture
from ballast.words import listed

BETTER: dict[str, Direction] = {
    "accuracy": "higher",
    "balanced_accuracy": "higher",
    "auroc": "higher",
    "log_loss": "lower",
    "mean_squared_error": "lower",
    "mean_absolute_error": "lower",
}
PICTURES = (Picture("intervals", by="model"), Picture("comparison"))


class CompareModels(Assessor):
    """Each model's error on the same rows, and its paired difference from the first model, with intervals.

    Use it to decide whether a corrected model beats the plain one: resampling the same rows for both removes what they
    have in common, so the interval of the difference is far narrower than the two models' own. Give ``groups`` to see
    who gains and who loses by a correction. The rows must be ones that none of the models was fitted on.

    Parameters
    ----------
    task : "classification" compares accuracy and balanced accuracy and, with ``probabilities``, AUROC and log loss;
        "regression" mean squared and mean absolute error; "auto" is what the ``models`` say that they do or, where
        none does, classification for text, truths and up to 20 whole numbers, regression for fractions, and an error
        for more whole numbers, which may be counts or codes.
    n_bootstrap : replicates of the percentile bootstrap, at least 1 (200).
    confidence : level of the intervals (0.95).
    random_state : seed of the resampling.

    Notes
    -----
    ``assess(y, predictions, sample_weight=None, groups=None, models=None, probabilities=None, classes=None,
    observed=None)``: ``y`` (n,), ``predictions`` a mapping from model name to predicted labels or values (n,),
    ``models`` the fitted models by name, ``probabilities`` class probabilities (n, n_classes) by model name, with
    ``classes`` the label of each column (default: the sorted labels of ``y``), ``observed`` (n,) which rows have their
    label, as in ``classification_metrics``. A row whose ``versus`` names the first model holds model minus first model.
    The intervals of accuracy are Wilson's and those of its differences Tango's, both by scores, which hold at 0 and 1;
    of unequal weights Clopper and Pearson's at the effective size (Korn and Graubard), and Tango's there; balanced
    accuracy joins those of its classes. AUROC, the mean over classes of one against the rest, has DeLong's, on the
    logit or of paired curves. The other metrics are resampled. ``log_loss_cut_share`` says in what share of the rows a
    model gave the label a probability of 0, which counts 36.

    Cost: O(n_models n_bootstrap n) time, 64 MiB for the counts.

    Raises
    ------
    DataError : predictions that are not numbers where the task is regression, or text where ``y`` holds numbers; models
        of which some classify and some do not; whole numbers that may be classes or counts.

    Examples
    --------
    >>> from ballast.methods.evaluation import CompareModels
    >>> predictions = {"old": [0, 0, 0, 0], "new": [0, 0, 1, 0]}
    >>> report = CompareModels(n_bootstrap=20, random_state=0).assess([0, 0, 1, 1], predictions)
    >>> report.summary["new.accuracy vs old"]
    0.25
    """

    name = "compare_models"
    reference = (
        "Tango, Equivalence Test and Confidence Interval for the Difference in Proportions for the Paired-Sample "
        "Design, Statistics in Medicine 1998; Efron & Tibshirani, An Introduction to the Bootstrap, 1993"
    )
    claim = Claim(
        "The paired interval of a difference holds the true difference at its level and is narrower than the unpaired.",
        "by definition",
        "two models that share 90 % of their predictions, 300 samples of 300 rows: holds it in {held:.1%}, width "
        "{width:.2f} of the unpaired interval's",
    )

    def __init__(
        self,
        task: Literal["auto", "classification", "regression"] = "auto",
        n_bootstrap: Count = 200,
        confidence: Level = 0.95,
        random_state: Seed = None,
    ) -> None:
        self.task = task
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.random_state = random_state

    def assess(
        self,
        y: np.ndarray,
        predictions: dict[str, np.ndarray],
        sample_weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
        models: dict[str, Any] | None = None,
        probabilities: dict[str, np.ndarray] | None = None,
        classes: np.ndarray | None = None,
        observed: np.ndarray | None = None,
    ) -> Assessment:
        """Gives the metrics of each model, then the differences of each later model from the first; then by group."""
        rows = AssessmentRows()
        task = task_of(y, predictions, models, self.name) if self.task == "auto" else self.task
        classifies = task == "classification"
        weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        kept = labelled(rows, observed, predictions if classifies else {}, weight, self.name)
        y, predictions = y[kept], {model: predicted[kept] for model, predicted in predictions.items()}
        weight = weight[kept]
        scores = self._scores(y, predictions, probabilities, classes, kept) if classifies else {}
        rng = np.random.default_rng(self.random_state)
        for name, part in [(OVERALL, np.arange(len(y))), *slices(None if groups is None else groups[kept])]:
            own = {model: predicted[part] for model, predicted in predictions.items()}
            ranked = {m: s.of(part).area(weight[part]) for m, s in scores.items()}
            if classifies:
                losses = {m: s.of(part).of_label for m, s in scores.items()}
                terms, metrics = _labels(y[part], own, weight[part], losses, [a.value for a in ranked.values()])
            else:
                terms, metrics = _values(y[part], own, weight[part])
            hits = {m: matches(y[part], predicted, m) for m, predicted in own.items()} if classifies else {}
            closed = _Closed(hits, ranked, y[part], weight[part], self.confidence)
            self._compare(rows, terms, metrics, list(predictions), len(part), rng, name, closed)
            for model, score in scores.items():
                impossible = score.of(part).of_label < LEAST_PROBABILITY
                if impossible.any() and weight[part].any():
                    share = float(np.average(impossible, weights=weight[part]))
                    rows.add("log_loss_cut_share", share, n=len(part), model=model, slice=name)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _scores(
        self,
        y: np.ndarray,
        predictions: dict[str, np.ndarray],
        probabilities: dict[str, np.ndarray] | None,
        classes: np.ndarray | None,
        kept: np.ndarray | slice,
    ) -> dict[str, Scores]:
        """Gives the probabilities of each model, where they are given of all."""
        if probabilities is None:
            return {}
        if set(probabilities) != set(predictions):
            raise DataError(
                f"{self.name}: probabilities are of {listed(probabilities)}, predictions of {listed(predictions)}; "
                "give both of the same models"
            )
        return {
            model: Scores(label_codes(y, classes, probabilities[model].shape[1], self.name), probabilities[model][kept])
            for model in predictions
        }

    def _compare(
        self,
        rows: AssessmentRows,
        terms: sparse.csr_array,
        metrics: Metrics,
        models: list[str],
        n: int,
        rng: np.random.Generator,
        name: str,
        closed: _Closed,
    ) -> None:
        """Adds what there is to say of the models on n rows, the slice called ``name``."""
        values = metrics(np.asarray(terms.sum(axis=1), dtype=np.float64))
        replicates = metrics(bootstrap_sums(terms, n, self.n_bootstrap, rng))
        defined = {metric: value for metric, value in values.items() if np.isfinite(value).all()}
        for j, model in enumerate(models):
            for metric, value in defined.items():
                found = closed.of(metric, model) if n > 1 else None
                low, high = found or interval(replicates[metric][..., j], self.confidence, n)
                rows.add(metric, value[j], n=n, low=low, high=high, model=model, slice=name)
        for j, model in enumerate(models[1:], start=1):
            for metric, value in defined.items():
                difference = replicates[metric][..., j] - replicates[metric][..., 0]
                found = closed.of(metric, model, models[0]) if n > 1 else None
                low, high = found or interval(difference, self.confidence, n)
                gain = value[j] - value[0]
                rows.add(metric, gain, n=n, low=low, high=high, model=model, versus=models[0], slice=name)


@dataclass(frozen=True)
class _Closed:
    """Which rows (n,) each model gets right, and its area, for the intervals that need no replicates."""

    hits: dict[str, np.ndarray]
    areas: dict[str, Area]
    y: np.ndarray
    weight: np.ndarray
    confidence: float

    def of(self, metric: str, model: str, versus: str = "") -> Interval | None:
        """Gives the interval of a model's metric, or of its difference from another's; None of one to be resampled."""
        if metric == "auroc":
            area = self.areas[model]
            return area.difference(self.areas[versus], self.confidence) if versus else area.interval(self.confidence)
        if metric not in ("accuracy", "balanced_accuracy"):
            return None
        own, level = self.hits[model], self.confidence
        if metric == "accuracy":
            if versus:
                return shares.of_difference(self.hits[versus], own, self.weight, level)
            return shares.of_share(own, self.weight, level)
        if versus:
            return shares.of_recalls_difference(self.hits[versus], own, self.y, self.weight, level)
        return shares.of_recalls(own, self.y, self.weight, level)


@dataclass(frozen=True)
class Scores:
    """A model's class probabilities (n, n_classes), and the column (n,) of each row's label."""

    codes: np.ndarray
    probs: np.ndarray

    def of(self, rows: np.ndarray) -> Scores:
        return Scores(self.codes[rows], self.probs[rows])

    def area(self, weight: np.ndarray) -> Area:
        return auroc(self.codes, self.probs.astype(np.float64), weight)

    @property
    def of_label(self) -> np.ndarray:
        return self.probs[np.arange(len(self.codes)), self.codes]


def task_of(y: np.ndarray, predictions: dict[str, np.ndarray], models: dict[str, Any] | None, owner: str) -> Task:
    """Gives the task that the models say is theirs or, where none does, that labels and predictions show."""
    said: dict[str, Task] = {}
    for name, model in (models or {}).items():
        if task := declared_task(model):
            said[name] = task
    if len(set(said.values())) > 1:
        told = ", ".join(f"{name} ({task})" for name, task in said.items())
        raise DataError(f"{owner}: the models are of different tasks: {told}; compare those of one task")
    if said:
        return next(iter(said.values()))
    numbers = [v for v in (y, *predictions.values()) if v.dtype.kind in "iuf"]
    if any((v != np.round(v)).any() for v in numbers):
        return "regression"
    different = len(np.unique(np.concatenate(numbers))) if numbers else 0
    if different > MANY_VALUES:
        raise DataError(
            f"{owner}: y and predictions hold {different} different whole numbers in {len(y)} rows, which may be "
            "classes or counts; set task: regression or task: classification, or give the models"
        )
    return "classification"


def matches(y: np.ndarray, predicted: np.ndarray, model: str) -> np.ndarray:
    """Gives (n,) whether a model's labels are right; DataError where one is text and the other numbers."""
    if _is_text(predicted) != _is_text(y):
        raise DataError(f"{model!r} predicts {_kind(predicted)} but y holds {_kind(y)}; give both as one type")
    return predicted == y


def _is_text(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "US" or isinstance(labels[0], str)


def _kind(labels: np.ndarray) -> str:
    return f"{'text' if _is_text(labels) else 'numbers'} such as {labels[0]!r}"


def _labels(
    y: np.ndarray,
    predictions: dict[str, np.ndarray],
    weight: np.ndarray,
    probabilities: dict[str, np.ndarray],
    areas: list[float],
) -> tuple[sparse.csr_array, Metrics]:
    """Gives, per model and class, the weight of the rows it gets right, after the weight of the class; then, of models
    with ``probabilities`` (n,) of the labels, the log losses. Their ``areas`` are as they are, whatever is drawn.
    """
    classes, codes = np.unique(y, return_inverse=True)
    k, m = len(classes), len(predictions)
    blocks = [one_hot(codes, weight, k)]
    for model, predicted in predictions.items():
        blocks.append(one_hot(codes, weight * matches(y, predicted, model), k))
    blocks += [sparse.csr_array((weight * log_losses(p))[None]) for p in probabilities.values()]

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        parts = sums[..., : (m + 1) * k].reshape(*sums.shape[:-1], m + 1, k)
        support, hits = parts[..., :1, :], parts[..., 1:, :]
        total = np.broadcast_to(support.sum(axis=-1), hits.shape[:-1])
        found = {
            "accuracy": ratio(hits.sum(axis=-1), total),
            "balanced_accuracy": mean_defined(ratio(hits, np.broadcast_to(support, hits.shape))),
        }
        if probabilities:
            losses = sums[..., (m + 1) * k :]
            found |= {"auroc": np.broadcast_to(areas, losses.shape), "log_loss": ratio(losses, total)}
        return found

    return sparse.csr_array(sparse.vstack(blocks, format="csr")), metrics


def _values(y: np.ndarray, predictions: dict[str, np.ndarray], weight: np.ndarray) -> tuple[sparse.csr_array, Metrics]:
    """Gives, per model, the weighted squared and absolute errors, after the weight."""
    truth = as_numbers(y, CompareModels.name, "y")
    errors = np.stack([as_numbers(p, CompareModels.name, name) - truth for name, p in predictions.items()])
    m = len(errors)

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        total = np.broadcast_to(sums[..., :1], (*sums.shape[:-1], m))
        return {
            "mean_squared_error": ratio(sums[..., 1 : m + 1], total),
            "mean_absolute_error": ratio(sums[..., m + 1 :], total),
        }

    return sparse.csr_array(weight * np.concatenate([np.ones((1, len(y))), errors**2, np.abs(errors)])), metrics
