"""Models: the strong simple ones, a neural network and its parts, and what adjusts and fits any estimator."""

from ballast.methods.learners.correlation_penalty import CorrelationPenalty
from ballast.methods.learners.domain_mlp import DomainMLP
from ballast.methods.learners.domain_schedule import DomainSchedule
from ballast.methods.learners.linear import LogisticRegression, RidgeRegression
from ballast.methods.learners.logit_adjustment import LogitAdjustment
from ballast.methods.learners.minimax_risk_classifier import MinimaxRiskClassifier
from ballast.methods.learners.out_of_sample import out_of_sample
from ballast.methods.learners.parts import Part, Regularizer, SamplePolicy
from ballast.methods.learners.r_learner import RLearner
from ballast.methods.learners.stratified_batches import StratifiedBatches
from ballast.methods.learners.torch_mlp import TorchMLP
from ballast.methods.learners.weighting import fit_with_weights, supports_weights

__all__ = [
    "CorrelationPenalty",
    "DomainMLP",
    "DomainSchedule",
    "LogisticRegression",
    "LogitAdjustment",
    "MinimaxRiskClassifier",
    "Part",
    "RLearner",
    "Regularizer",
    "RidgeRegression",
    "SamplePolicy",
    "StratifiedBatches",
    "TorchMLP",
    "fit_with_weights",
    "out_of_sample",
    "supports_weights",
]
