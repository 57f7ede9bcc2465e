"""Weights for training rows: density ratios, balance, class frequencies, label shift."""

from ballast.methods.weights.balance.arm_balancing import ArmBalancing
from ballast.methods.weights.balance.arm_membership import ArmMembership
from ballast.methods.weights.balance.covariate_balancing_propensity import CovariateBalancingPropensity
from ballast.methods.weights.balance.entropy_balancing import EntropyBalancing
from ballast.methods.weights.balance.integral_probability_balancing import IntegralProbabilityBalancing
from ballast.methods.weights.balance.inverse_intensity import InverseIntensity
from ballast.methods.weights.balance.inverse_propensity import InversePropensity
from ballast.methods.weights.balance.kernel_balancing import KernelBalancing
from ballast.methods.weights.balance.raking import Raking
from ballast.methods.weights.balance.uniform_transformer import UniformTransformer
from ballast.methods.weights.fairness.counterfactual_distribution import CounterfactualDistribution
from ballast.methods.weights.fairness.fair_boosted_density import FairBoostedDensity
from ballast.methods.weights.fairness.reweighing import Reweighing
from ballast.methods.weights.imbalance.density_based_weights import DensityBasedWeights
from ballast.methods.weights.imbalance.effective_number import EffectiveNumber
from ballast.methods.weights.imbalance.inverse_class_frequency import InverseClassFrequency
from ballast.methods.weights.imbalance.log_uniform_target import LogUniformTarget
from ballast.methods.weights.imbalance.repeat_factor import RepeatFactor
from ballast.methods.weights.labels.black_box_shift import BlackBoxShift
from ballast.methods.weights.labels.continuous_target_shift import ContinuousTargetShift
from ballast.methods.weights.labels.label_shift_em import LabelShiftEM
from ballast.methods.weights.labels.mixture_proportion import MixtureProportion
from ballast.methods.weights.labels.positive_unlabelled import PositiveUnlabelled
from ballast.methods.weights.labels.regularized_label_shift import RegularizedLabelShift
from ballast.methods.weights.mixture.aioli import Aioli
from ballast.methods.weights.mixture.cluster_balanced import ClusterBalanced
from ballast.methods.weights.mixture.data_mixing_law import DataMixingLaw
from ballast.methods.weights.mixture.domain_temperature import DomainTemperature
from ballast.methods.weights.mixture.doremi import DoReMi
from ballast.methods.weights.mixture.group_dro import GroupDRO
from ballast.methods.weights.mixture.sample_mix import SampleMix
from ballast.methods.weights.mixture.target_risk_weighting import TargetRiskWeighting
from ballast.methods.weights.operators import (
    ClipWeights,
    DivergenceWeights,
    FlattenWeights,
    IntegerWeights,
    MultiplyWeights,
    NormalizeWeights,
    SmoothWeights,
    TemperWeights,
    TruncateWeights,
)
from ballast.methods.weights.ratio.bucketed_ratio import BucketedRatio
from ballast.methods.weights.ratio.density_ratio_classifier import DensityRatioClassifier
from ballast.methods.weights.ratio.double_weighting import DoubleWeighting
from ballast.methods.weights.ratio.kernel_density_ratio import KernelDensityRatio
from ballast.methods.weights.ratio.kernel_mean_matching import KernelMeanMatching
from ballast.methods.weights.ratio.kliep import KLIEP
from ballast.methods.weights.ratio.nearest_neighbor_ratio import NearestNeighborRatio
from ballast.methods.weights.ratio.relative_least_squares import RelativeLeastSquares
from ballast.methods.weights.ratio.telescoping_ratio import TelescopingRatio

__all__ = [
    "KLIEP",
    "Aioli",
    "ArmBalancing",
    "ArmMembership",
    "BlackBoxShift",
    "BucketedRatio",
    "ClipWeights",
    "ClusterBalanced",
    "ContinuousTargetShift",
    "CounterfactualDistribution",
    "CovariateBalancingPropensity",
    "DataMixingLaw",
    "DensityBasedWeights",
    "DensityRatioClassifier",
    "DivergenceWeights",
    "DoReMi",
    "DomainTemperature",
    "DoubleWeighting",
    "EffectiveNumber",
    "EntropyBalancing",
    "FairBoostedDensity",
    "FlattenWeights",
    "GroupDRO",
    "IntegerWeights",
    "IntegralProbabilityBalancing",
    "InverseClassFrequency",
    "InverseIntensity",
    "InversePropensity",
    "KernelBalancing",
    "KernelDensityRatio",
    "KernelMeanMatching",
    "LabelShiftEM",
    "LogUniformTarget",
    "MixtureProportion",
    "MultiplyWeights",
    "NearestNeighborRatio",
    "NormalizeWeights",
    "PositiveUnlabelled",
    "Raking",
    "RegularizedLabelShift",
    "RelativeLeastSquares",
    "RepeatFactor",
    "Reweighing",
    "SampleMix",
    "SmoothWeights",
    "TargetRiskWeighting",
    "TelescopingRatio",
    "TemperWeights",
    "TruncateWeights",
    "UniformTransformer",
]
