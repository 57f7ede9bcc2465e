"""Scores of how unlike the known rows a row is; higher is more novel."""

from ballast.methods.novelty.mahalanobis import Mahalanobis
from ballast.methods.novelty.nearest_neighbor import NearestNeighborDistance
from ballast.methods.novelty.softmax import EnergyScore, MaximumSoftmaxProbability

__all__ = ["EnergyScore", "Mahalanobis", "MaximumSoftmaxProbability", "NearestNeighborDistance"]
