"""What assessors declare of themselves: every metric that a direction or a picture names is one that they give."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.evaluation import (
    AverageThresholdedConfidence,
    ClassificationMetrics,
    CompareModels,
    ImportanceWeightedCrossValidation,
    PanelDoubleMachineLearning,
    RegressionMetrics,
    SourceRobustness,
    TreatmentEffect,
    WeightDiagnostics,
)
from ballast.methods.frame.base import Assessor
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.reports import Assessment

RNG = np.random.default_rng(0)
N = 120
X, Y = RNG.normal(size=(N, 2)), np.tile([0, 1], N // 2)
OTHER = np.where(RNG.random(N) < 0.7, Y, 1 - Y)
P = np.column_stack([0.9 - 0.8 * OTHER, 0.1 + 0.8 * OTHER])
WEIGHT, GROUPS = RNG.exponential(size=N), np.repeat(["a", "b", "c"], N // 3)
QUICK = {"n_bootstrap": 2, "random_state": 0}

JUDGED: dict[str, list[Assessment]] = {
    "average_thresholded_confidence": [AverageThresholdedConfidence(**QUICK).assess(P, Y, P)],
    "classification_metrics": [ClassificationMetrics(**QUICK).assess(Y, P)],
    "compare_models": [
        CompareModels("classification", **QUICK).assess(
            Y, {"one": Y, "other": OTHER}, probabilities={"one": P, "other": P}
        ),
        CompareModels("regression", **QUICK).assess(Y, {"one": Y, "other": OTHER}),
    ],
    "importance_weighted_cross_validation": [
        ImportanceWeightedCrossValidation(**QUICK).assess(Y, {"one": Y, "other": OTHER}, WEIGHT)
    ],
    "panel_double_machine_learning": [
        PanelDoubleMachineLearning(n_folds=2).assess(X, X[:, 0] + RNG.normal(size=N), X[:, 1], np.arange(N) // 2)
    ],
    "regression_metrics": [RegressionMetrics(**QUICK).assess(X[:, 0], X[:, 1])],
    "source_robustness": [
        SourceRobustness(n_repeats=1, mixes=(0.5,), sizes=(0.5,), **QUICK).assess(X, Y, GROUPS, X, Y, GROUPS)
    ],
    "treatment_effect": [TreatmentEffect().assess(Y, X[:, 0])],
    "weight_diagnostics": [WeightDiagnostics().assess({"one": WEIGHT}, X, X + 0.5, RNG.exponential(size=N))],
}


def test_assessors_when_listed_then_each_is_tried_here():
    assert JUDGED.keys() == {name for name, cls in methods().items() if issubclass(cls, Assessor)}


@pytest.mark.parametrize("name", JUDGED)
def test_assessor_when_it_declares_a_metric_then_it_gives_it(name):
    given = {metric for assessment in JUDGED[name] for metric in assessment.table["metric"]}
    for assessment in JUDGED[name]:
        asked = {m for p in assessment.pictures for m in (*p.metrics, *([p.beside] if p.beside else []))}
        assert assessment.pictures
        assert asked | assessment.better.keys() <= given
        assert all(len(p.labels) in (0, len(p.metrics)) for p in assessment.pictures)


@pytest.mark.parametrize("name", JUDGED)
def test_assessor_when_it_gives_an_error_or_a_loss_then_less_of_it_is_better(name):
    for assessment in JUDGED[name]:
        for metric, direction in assessment.better.items():
            assert direction == ("lower" if any(w in metric for w in LESS) else "higher"), metric


LESS = ("error", "loss", "brier", "difference_after", "maximum_share", "tail_index")
