"""Models against each other on the same rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from ballast.errors import DataError
from ballast.methods.common.tasks import as_numbers
from ballast.methods.evaluation.bootstrap import Metrics, bootstrap_sums, interval, mean_defined, one_hot, ratio, slices
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture

BETTER: dict[str, Direction] = {
    "accuracy": "higher",
    "balanced_accuracy": "higher",
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
    task : "classification" compares accuracy and balanced accuracy (higher is better), "regression" mean squared and
        mean absolute error (lower is better); "auto" takes regression when ``y`` or a prediction holds a number that
        is not whole.
    n_bootstrap : replicates of the percentile bootstrap, at least 1 (200).
    confidence : level of the intervals (0.95).
    random_state : seed of the resampling.

    Notes
    -----
    ``assess(y, predictions, sample_weight=None, groups=None)``: ``y`` (n,), ``predictions`` a mapping from model name
    to predicted labels or values (n,). A row whose ``versus`` names the first model holds model minus first model.

    Cost: O(n_models n_bootstrap n) time, 64 MiB for the counts.

    Raises
    ------
    DataError : predictions that are not numbers where the task is regression, or text where ``y`` holds numbers.

    Examples
    --------
    >>> from ballast.methods.evaluation import CompareModels
    >>> predictions = {"old": [0, 0, 0, 0], "new": [0, 0, 1, 0]}
    >>> report = CompareModels(n_bootstrap=20, random_state=0).assess([0, 0, 1, 1], predictions)
    >>> report.summary["new.accuracy vs old"]
    0.25
    """

    name = "compare_models"
    reference = "Efron & Tibshirani, An Introduction to the Bootstrap, 1993"
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
    ) -> Assessment:
        """Gives the metrics of each model, then the differences of each later model from the first; then by group."""
        weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        task = task_of(y, predictions) if self.task == "auto" else self.task
        rng = np.random.default_rng(self.random_state)
        rows = AssessmentRows()
        for name, part in [(OVERALL, slice(None)), *slices(groups)]:
            own = {model: predicted[part] for model, predicted in predictions.items()}
            terms, metrics = (_labels if task == "classification" else _values)(y[part], own, weight[part])
            self._compare(rows, terms, metrics, list(predictions), len(y[part]), rng, name)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _compare(
        self,
        rows: AssessmentRows,
        terms: sparse.csr_array,
        metrics: Metrics,
        models: list[str],
        n: int,
        rng: np.random.Generator,
        name: str,
    ) -> None:
        """Adds what there is to say of the models on n rows, the slice called ``name``."""
        values = metrics(np.asarray(terms.sum(axis=1), dtype=np.float64))
        replicates = metrics(bootstrap_sums(terms, n, self.n_bootstrap, rng))
        for j, model in enumerate(models):
            for metric, value in values.items():
                low, high = interval(replicates[metric][..., j], self.confidence, n)
                rows.add(metric, value[j], n=n, low=low, high=high, model=model, slice=name)
        for j, model in enumerate(models[1:], start=1):
            for metric, value in values.items():
                difference = replicates[metric][..., j] - replicates[metric][..., 0]
                low, high = interval(difference, self.confidence, n)
                gain = value[j] - value[0]
                rows.add(metric, gain, n=n, low=low, high=high, model=model, versus=models[0], slice=name)


def task_of(y: np.ndarray, predictions: dict[str, np.ndarray]) -> str:
    """Gives the task that labels and predictions look like: regression where some number is not whole."""
    fractional = any(v.dtype.kind == "f" and (v != np.round(v)).any() for v in (y, *predictions.values()))
    return "regression" if fractional else "classification"


def matches(y: np.ndarray, predicted: np.ndarray, model: str) -> np.ndarray:
    """Gives (n,) whether a model's labels are right; DataError where one is text and the other numbers."""
    if _is_text(predicted) != _is_text(y):
        raise DataError(f"{model!r} predicts {_kind(predicted)} but y holds {_kind(y)}; give both as one type")
    return predicted == y


def _is_text(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "US" or isinstance(labels[0], str)


def _kind(labels: np.ndarray) -> str:
    return f"{'text' if _is_text(labels) else 'numbers'} such as {labels[0]!r}"


def _labels(y: np.ndarray, predictions: dict[str, np.ndarray], weight: np.ndarray) -> tuple[sparse.csr_array, Metrics]:
    """Gives, per model and class, the weight of the rows it gets right, after the weight of the class."""
    classes, codes = np.unique(y, return_inverse=True)
    k, m = len(classes), len(predictions)
    blocks = [one_hot(codes, weight, k)]
    for model, predicted in predictions.items():
        blocks.append(one_hot(codes, weight * matches(y, predicted, model), k))

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        parts = sums.reshape(*sums.shape[:-1], m + 1, k)
        support, hits = parts[..., :1, :], parts[..., 1:, :]
        total = np.broadcast_to(support.sum(axis=-1), hits.shape[:-1])
        return {
            "accuracy": ratio(hits.sum(axis=-1), total),
            "balanced_accuracy": mean_defined(ratio(hits, np.broadcast_to(support, hits.shape))),
        }

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
