"""Datasets made from rows: drawn by weight, drawn at random, or synthetic."""

from ballast.methods.sampling.importance import ImportanceResampling
from ballast.methods.sampling.smote import SMOTE
from ballast.methods.sampling.subset import RandomSubset

__all__ = ["SMOTE", "ImportanceResampling", "RandomSubset"]
