"""Judging models, weights and accuracy without labels."""

from ballast.methods.evaluation.classification import ClassificationMetrics
from ballast.methods.evaluation.comparison import CompareModels
from ballast.methods.evaluation.importance_weighted_cross_validation import ImportanceWeightedCrossValidation
from ballast.methods.evaluation.panel_double_machine_learning import PanelDoubleMachineLearning
from ballast.methods.evaluation.regression import RegressionMetrics
from ballast.methods.evaluation.source_robustness import SourceRobustness
from ballast.methods.evaluation.thresholded_confidence import AverageThresholdedConfidence
from ballast.methods.evaluation.treatment_effect import TreatmentEffect
from ballast.methods.evaluation.weight_diagnostics import WeightDiagnostics

__all__ = [
    "AverageThresholdedConfidence",
    "ClassificationMetrics",
    "CompareModels",
    "ImportanceWeightedCrossValidation",
    "PanelDoubleMachineLearning",
    "RegressionMetrics",
    "SourceRobustness",
    "TreatmentEffect",
    "WeightDiagnostics",
]
