"""Tests of whether two samples come from one distribution."""

from ballast.methods.shift.chi_squared import ChiSquared
from ballast.methods.shift.classifier_two_sample import ClassifierTwoSampleTest
from ballast.methods.shift.kolmogorov_smirnov import KolmogorovSmirnov
from ballast.methods.shift.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from ballast.methods.shift.prior_shift import PriorShift

__all__ = ["ChiSquared", "ClassifierTwoSampleTest", "KolmogorovSmirnov", "MaximumMeanDiscrepancy", "PriorShift"]
