"""Choosing a model for the target from labelled training rows alone."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from scipy import sparse

from ballast.methods.common.tasks import as_numbers
from ballast.methods.evaluation.bootstrap import bootstrap_sums, by_unit, of_ratios, ratio
from ballast.methods.evaluation.comparison.compare_models import task_of
from ballast.methods.evaluation.comparison.compared import matches
from ballast.methods.evaluation.shares import NONE, of_share
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import Assessment, AssessmentRows, Direction, Picture

BETTER: dict[str, Direction] = {"importance_weighted_error": "lower", "plain_error": "lower"}
PICTURES = (Picture("intervals", ("importance_weighted_error",), by="model"),)


class ImportanceWeightedCrossValidation(Assessor):
    """Estimates each model's error on the target from cross-validated predictions of weighted training rows.

    Use it with ``on: train`` to choose a model, a regularisation or the power of the weights under covariate shift,
    where the target has no labels and plain cross-validation favours what suits the training rows. Not where the
    target's labels differ from the training rows' for the same features, and not to be leaned on where the weights
    have a small effective sample size: then the interval is wide, and the choice is close to chance.

    Parameters
    ----------
    task : {"auto", "classification", "regression"}, default "auto"
        "classification" takes the share of wrong labels, "regression" the mean squared error; "auto" takes regression
        when ``y`` or a prediction holds a number that is not whole.
    n_bootstrap : int >= 1, default 200
        Replicates of the studentised bootstrap.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default None
        Seed of the resampling.

    Attributes
    ----------
    selected_ : str
        The model with the least importance-weighted error; of equals the first.

    Raises
    ------
    DataError
        Predictions that are not numbers where the task is regression, or text where ``y`` holds numbers.

    Notes
    -----
    ``assess(y, predictions, sample_weight, models=None, dependence=None)``: ``y`` (n,), ``predictions`` a mapping from
    model name to out-of-sample predictions (n,), ``sample_weight`` (n,) target density over training density. Weighted
    errors are divided by the sum of the weights. ``share_selected`` says in which share of the replicates a model would
    have been chosen. The intervals take the weights as given: they do not hold the weights' own error. Those of shares
    of wrong labels are as of accuracy in ``classification_metrics``; those of squared errors are resampled. With
    ``dependence`` (n,), the unit that each row is of, units are resampled whole.

    Cost: O(n_models n_bootstrap n) time, 64 MiB for the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=1000)  # 1.5 more in the target
    >>> y = x + x**2 / 2 + rng.normal(0, 0.1, 1000)
    >>> predictions = {"tangent": x, "secant": 2 * x - 0.5}
    >>> weights = np.exp(1.5 * x - 1.125)
    >>> assessor = ballast.method("importance_weighted_cross_validation")
    >>> found = assessor.assess(y, predictions, sample_weight=weights).summary
    >>> found["tangent.plain_error"] < found["secant.plain_error"]
    True
    >>> assessor.selected_
    'secant'
    """

    name = "importance_weighted_cross_validation"
    reference = (
        "Sugiyama, Krauledat and Mueller, Covariate Shift Adaptation by Importance Weighted Cross Validation, JMLR 2007"
    )
    claim = Claim(
        "Under covariate shift it chooses models with less error on the target than plain cross-validation does.",
        "reproduced",
        "Straight lines through a noisy sinc, N(1, 0.5) to N(2, 0.25), 150 rows, the true weights, 30 seeds: the "
        "target's squared error is {weighted:.3f} with the power it chooses of 11, {plain:.3f} with plain "
        "cross-validation's choice; less by {gain:.2f} +- {gain.spread:.2f}, on {better:.0%} of the seeds.",
    )

    conformance_exceptions: ClassVar[dict[str, str]] = {
        "weights_equal_repetition": "the plain error leaves the weights out by definition"
    }

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
        sample_weight: np.ndarray,
        models: dict[str, Any] | None = None,
        dependence: np.ndarray | None = None,
    ) -> Assessment:
        """Gives each model's weighted and plain error, with intervals, and how surely it is the one to choose."""
        n, names = len(y), list(predictions)
        task = task_of(y, predictions, models, self.name) if self.task == "auto" else self.task
        if task == "classification":
            losses = np.stack([~matches(y, predicted, model) for model, predicted in predictions.items()]).astype(float)
        else:
            truth = as_numbers(y, self.name, "y")
            losses = np.stack([as_numbers(p, self.name, model) - truth for model, p in predictions.items()]) ** 2
        weight = sample_weight.astype(np.float64)
        rng = np.random.default_rng(self.random_state)
        terms = by_unit(np.concatenate([[weight], weight * losses]), dependence)
        sums = bootstrap_sums(sparse.csr_array(terms), terms.shape[1], self.n_bootstrap, rng)
        chosen = ratio(sums[:, 1:], np.broadcast_to(sums[:, :1], sums[:, 1:].shape)).argmin(axis=1)
        rows = AssessmentRows()
        found = {}
        for metric, weights in (("importance_weighted_error", weight), ("plain_error", np.ones(n))):
            totals = by_unit(np.broadcast_to(weights, losses.shape), dependence)
            ends = of_ratios(by_unit(weights * losses, dependence), totals, self.n_bootstrap, self.confidence, rng)
            found[metric] = losses @ weights / weights.sum(), ends, weights
        self.selected_ = names[int(found["importance_weighted_error"][0].argmin())]
        for j, model in enumerate(names):
            for metric, (values, ends, weights) in found.items():
                low, high = ends[j]
                if task == "classification":
                    low, high = of_share(losses[j], weights, self.confidence, dependence) if n > 1 else NONE
                rows.add(metric, values[j], n=n, low=low, high=high, model=model)
            rows.add("share_selected", float(np.mean(chosen == j)), n=n, model=model)
        return rows.finish(better=BETTER, pictures=PICTURES)
