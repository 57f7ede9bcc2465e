"""Models against each other on the same rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.codes import label_codes
from ballast.methods.common.design import judged_by
from ballast.methods.common.tasks import MANY_VALUES, Task, declared_task
from ballast.methods.evaluation.bootstrap import slices
from ballast.methods.evaluation.comparison.compared import Classified, Compared, Predicted, Scores
from ballast.methods.evaluation.labelled import labelled
from ballast.methods.evaluation.ranking import LEAST_PROBABILITY
from ballast.methods.evaluation.shares import NONE
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
    task : {"auto", "classification", "regression"}, default "auto"
        "classification" compares accuracy and balanced accuracy and, with ``probabilities``, AUROC and log loss;
        "regression" mean squared and mean absolute error; "auto" is what the ``models`` say that they do or, where none
        does, classification for text, truths and up to 20 whole numbers, regression for fractions, and an error for
        more whole numbers, which may be counts or codes.
    n_bootstrap : int >= 1, default 200
        Replicates of the studentised bootstrap.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default None
        Seed of the resampling.

    Raises
    ------
    DataError
        Predictions that are not numbers where the task is regression, or text where ``y`` holds numbers; models of
        which some classify and some do not; whole numbers that may be classes or counts.

    Notes
    -----
    ``assess(y, predictions, sample_weight=None, groups=None, models=None, probabilities=None, classes=None,
    observed=None, dependence=None, design_weight=None)``: ``y`` (n,), ``predictions`` a mapping from model name to
    predicted labels or values (n,), ``models`` the fitted models by name, ``probabilities`` class probabilities (n,
    n_classes) by model name, with ``classes`` the label of each column (default: the sorted labels of ``y``),
    ``observed`` (n,) which rows have their label, and ``design_weight`` (n,), both as in ``classification_metrics``. A
    row whose ``versus`` names the first model holds model minus first model. The intervals of accuracy are Wilson's and
    those of its differences Tango's, both by scores, which hold at 0 and 1; of unequal weights Clopper and Pearson's at
    the effective size (Korn and Graubard), and Tango's there; balanced accuracy joins those of its classes. AUROC, the
    mean over classes of one against the rest, has DeLong's, on the logit or of paired curves. The other metrics are
    resampled, each replicate by its own standard error, and where a loss or a difference is the same in all rows,
    nothing tells how far off it may be: it has no interval. With ``dependence`` (n,), the unit that each row is of,
    units are resampled whole, and effective sizes are those of clusters. ``log_loss_cut_share`` says in what share of
    the rows a model gave the label a probability of 0, which counts 36.

    Cost: O(n_models n_bootstrap n) time, 64 MiB for the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(2, size=400)
    >>> old = np.where(rng.random(400) < 0.7, y, 1 - y)  # right in 7 of 10 rows
    >>> new = np.where(rng.random(400) < 0.5, y, old)  # mends half of the rest
    >>> assessor = ballast.method("compare_models", random_state=0)
    >>> table = assessor.assess(y, {"old": old, "new": new}).table
    >>> gain = table.query("metric == 'accuracy' and versus == 'old'")
    >>> gain[["model", "low", "value", "high"]].round(2)
      model   low  value  high
    4   new  0.14   0.17  0.21
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
        dependence: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
    ) -> Assessment:
        """Gives the metrics of each model, then the differences of each later model from the first; then by group."""
        rows = AssessmentRows()
        task = task_of(y, predictions, models, self.name) if self.task == "auto" else self.task
        classifies = task == "classification"
        weight = judged_by(len(y), sample_weight, design_weight)
        kept = labelled(rows, observed, predictions if classifies else {}, weight, self.name)
        y, predictions = y[kept], {model: predicted[kept] for model, predicted in predictions.items()}
        weight = weight[kept]
        scores = self._scores(y, predictions, probabilities, classes, kept) if classifies else {}
        units = None if dependence is None else dependence[kept]
        rng = np.random.default_rng(self.random_state)
        for name, part in [(OVERALL, np.arange(len(y))), *slices(None if groups is None else groups[kept])]:
            own = {model: predicted[part] for model, predicted in predictions.items()}
            rows_of = y[part], own, weight[part], None if units is None else units[part]
            of_part = {model: score.of(part) for model, score in scores.items()}
            compared = Classified(*rows_of, of_part) if classifies else Predicted(*rows_of)
            self._compare(rows, compared, rng, name)
            for model, score in of_part.items():
                impossible = score.of_label < LEAST_PROBABILITY
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

    def _compare(self, rows: AssessmentRows, compared: Compared, rng: np.random.Generator, name: str) -> None:
        """Adds what there is to say of the models on some rows, the slice called ``name``."""
        n, models = len(compared.y), list(compared.predictions)
        values = {metric: value for metric, value in compared.values.items() if np.isfinite(value).all()}
        found = compared.intervals(self.n_bootstrap, self.confidence, rng) if compared.n_units > 1 else {}
        for versus in ("", models[0]):
            for j, model in enumerate(models):
                for metric, value in values.items() if model != versus else ():
                    low, high = found.get((metric, model, versus), NONE)
                    gain = value[j] - value[0] if versus else value[j]
                    rows.add(metric, gain, n=n, low=low, high=high, model=model, versus=versus, slice=name)


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
